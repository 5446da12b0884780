"""What columns are called: the words by which `exporters.matching` knows them, without case, accents and blanks."""

from __future__ import annotations

import re

# Source column names of each import column, the likeliest first: those of the product, the Common Data Model and
# Dataverse, then English, Italian, Romanian; for the address and the names French, German and Spanish too.
WORDS: dict[str, tuple[str, ...]] = {
    "email": (
        "email", "emailaddress", "primaryemail", "primaryemailaddress", "emailaddress1", "identityserviceemail",
        "mail", "emailprimary", "contactemail", "customeremail", "useremail", "workemail", "personalemail",
        "emailaddr",
        "indirizzoemail", "indirizzomail", "indirizzodiemail", "indirizzodipostaelettronica", "postaelettronica",
        "emailcliente",
        "adresaemail", "adresadeemail", "adresademail", "adresadeposta", "postaelectronica",
        "adresadepostaelectronica", "emailclient",
        "emailadresse", "adressemail", "adresseemail", "courriel", "mailadresse", "correo", "correoelectronico",
        "secondaryemail", "emailaddress2", "emailaddress3",
    ),
    "first_name": (
        "firstname", "givenname", "forename", "fname", "personfirstname", "first", "nomecliente", "nomedibattesimo",
        "nome", "prenume", "prenumele", "prenom", "vorname", "nombre",
    ),
    "last_name": (
        "lastname", "surname", "familyname", "lname", "personlastname", "last", "cognome", "cognomecliente",
        "numedefamilie", "numefamilie", "nume", "nomdefamille", "nom", "nachname", "familienname", "apellido",
        "apellidos",
    ),
    "job_title": (
        "jobtitle", "personjobtitle", "occupation", "position", "profession", "jobrole", "professione", "qualifica",
        "mansione", "posizione", "ruolo", "functie", "functia", "profesie", "profesia", "ocupatie", "ocupatia",
    ),
    "company_name": (
        "companyname", "company", "organization", "organisation", "organizationname", "organisationname",
        "accountname", "employer", "parentcustomeridname", "azienda", "nomeazienda", "societa", "ragionesociale",
        "ditta", "companie", "compania", "firma", "numefirma", "denumirefirma", "societate", "societatea",
    ),
    "birthday": (
        "birthday", "birthdate", "dateofbirth", "dob", "personbirthdate", "datebirth", "born", "datadinascita",
        "datanascita", "compleanno", "nascita", "datanasterii", "datanastere", "datadenastere", "ziuadenastere",
        "zidenastere", "ziuanasterii",
    ),
    "birthday_month": (
        "birthdaymonth", "birthmonth", "monthofbirth", "mesedinascita", "mesenascita", "lunanasterii",
        "lunadenastere",
    ),
    "birthday_day": ("birthdayday", "dayofbirth", "giornodinascita", "giornonascita"),
    "anniversary": (
        "anniversary", "anniversarydate", "weddinganniversary", "dateofanniversary", "anniversario",
        "dataanniversario", "aniversare", "dataaniversarii",
    ),
    "phone": (
        "phone", "phonenumber", "primaryphone", "telephone", "telephone1", "mobilephone", "mobile", "mobilenumber",
        "mobilephonenumber", "identityservicephone", "telephonenumber", "cellphone", "cell", "contactphone",
        "homephone", "businessphone", "workphone", "telephone2",
        "telefono", "numeroditelefono", "numerotelefono", "cellulare", "numerocellulare", "telefonocellulare",
        "telefon", "numardetelefon", "numartelefon", "nrtelefon", "telefonmobil", "mobil",
    ),
    "street2": (
        "street2", "addressline2", "address1line2", "address2line", "streetline2", "indirizzo2", "rigaindirizzo2",
        "adresa2", "linieadresa2",
    ),
    "street": (
        "street", "streetaddress", "addressline1", "address1line1", "locationaddressline1", "address1", "addressstreet",
        "street1", "streetline1", "address1composite", "address", "via", "indirizzo", "indirizzo1", "viaenumero",
        "strada", "adresa", "adresa1", "stradasinumar",
    ),
    "city": (
        "city", "address1city", "addresscity", "locationcity", "town", "citta", "comune", "localita", "oras", "orasul",
        "localitate", "localitatea",
    ),
    "state": (
        "state", "stateorprovince", "address1stateorprovince", "addressstate", "locationstate", "province",
        "stateprovince", "county", "region", "provincia", "regione", "judet", "judetul", "regiune", "regiunea",
    ),
    "zip": (
        "zip", "zipcode", "postalcode", "postcode", "address1postalcode", "addresspostalcode", "locationzipcode",
        "zippostalcode", "cap", "codicepostale", "codpostal", "codulpostal",
    ),
    "country": (
        "country", "countryregion", "address1country", "addresscountry", "locationcountry", "countryorregion",
        "countryname", "paese", "nazione", "tara",
    ),
}  # fmt: skip

# With something in front: `CRM_EMail`, `Contact.FirstName`. Only words that mean one thing wherever they stand.
ENDINGS: dict[str, tuple[str, ...]] = {
    "email": ("emailaddress", "emailaddress1", "email"),
    "first_name": ("firstname", "givenname", "prenume"),
    "last_name": ("lastname", "surname", "familyname", "cognome"),
    "birthday": ("birthdate", "dateofbirth", "birthday"),
    "phone": ("phonenumber", "mobilephone", "telephone", "telephone1", "phone", "telefono", "telefon"),
    "city": ("city", "citta", "oras"),
    "zip": ("postalcode", "zipcode", "postcode"),
    "country": ("country", "countryregion"),
    "job_title": ("jobtitle",),
    "company_name": ("companyname",),
}

# A person's whole name is called so too.
AMBIGUOUS = frozenset({"nome", "nume", "nom", "nombre", "first", "last", "nomecliente"})

# What is said about an address or a number, and is none.
NO_VALUES = re.compile(
    r"^(?:donot|is|has|no|allow)|opt(?:in|out)|consent|consens|verified|valid|status|hash|domain|fax|count|type$"
)
