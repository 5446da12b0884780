"""Which columns are suggested: by their names in the languages of those who name them, and by what is in them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.contact_fields import BIRTHDAY, IMPORT_ORDER
from exporters.contacts import Mapping
from exporters.matching import suggest
from exporters.matching_words import ENDINGS, WORDS
from local.samples import COLUMNS as SAMPLE_COLUMNS


@dataclass(frozen=True)
class Field:
    name: str
    label: str


def column(name: str, *values: str) -> tuple[list[str], list[list[str]]]:
    return [name], [[value] for value in values]


@pytest.mark.parametrize(
    "table",
    [
        # Dynamics 365 Customer Insights and Dataverse
        "CustomerId, EMail = email, FirstName = first_name, LastName = last_name",
        "contactid, emailaddress1 = email, firstname = first_name, lastname = last_name, telephone1 = phone",
        "jobtitle = job_title, birthdate = birthday, anniversary = anniversary",
        "address1_line1 = street, address1_line2 = street2, address1_city = city, address1_stateorprovince = state",
        "address1_postalcode = zip, address1_country = country, parentcustomeridname = company_name",
        "Identity.Service.Email = email, Person.FirstName = first_name, Person.LastName = last_name, Person.FullName",
        "primaryEmail = email, secondaryEmail, doNotEmail",
        "CRM_EMail = email, CRM_FirstName = first_name, CRM_LastName = last_name, CRM_City = city",
        # English
        "E-Mail Address = email, Given name = first_name, SURNAME = last_name, Company = company_name, Zip code = zip",
        "Date of birth = birthday, Mobile phone = phone, State/Province = state, Country/Region = country",
        "Birthday month = birthday_month, Birthday day = birthday_day",
        # Italian
        "Indirizzo e-mail = email, Nome = first_name, Cognome = last_name, Città = city, CAP = zip",
        "Posta elettronica = email, Indirizzo = street, Provincia = state, Paese = country, Cellulare = phone",
        "Azienda = company_name, Qualifica = job_title, Data di nascita = birthday, Anniversario = anniversary",
        # Romanian, with either way of writing ș and ț
        "Adresă de e-mail = email, Prenume = first_name, Nume de familie = last_name",
        "Prenume = first_name, Nume = last_name, Oraș = city, Județ = state, Țara = country",
        "Oraş = city, Judeţ = state, Ţară = country, Cod poştal = zip",
        "Număr de telefon = phone, Stradă = street, Funcție = job_title, Companie = company_name",
        "Data nașterii = birthday",
        # French, German, Spanish: the address and the names
        "Courriel = email, Prénom = first_name, Nom = last_name",
        "E-Mail-Adresse = email, Vorname = first_name, Nachname = last_name",
        "Correo electrónico = email, Nombre = first_name, Apellidos = last_name",
        # What only sounds alike
        "capacity, Ethnicity, EmailOptIn, doNotPhone, EmailDomain, PhoneType, Statement",
        "A_EMail, B_EMail",
        "",
    ],
)
def test_columns_are_known_by_their_names(table: str) -> None:
    lines = [line.split(" = ") for line in table.split(", ") if line]
    assert suggest([line[0] for line in lines]) == {line[1]: line[0] for line in lines if len(line) > 1}


def test_the_columns_of_the_samples_are_all_known_but_those_of_the_shop() -> None:
    found = suggest(list(SAMPLE_COLUMNS))
    assert set(SAMPLE_COLUMNS) - set(found.values()) == {"CustomerId", "LoyaltyPoints", "LastPurchase"}


def test_the_order_is_that_of_the_import() -> None:
    found = suggest(["Country", "BirthDate", "LastName", "EMail", "level"], (), [Field("level", "Level")])
    assert list(found) == ["email", "last_name", "country", "birthday", "cf:level"]


# What is in them decides


@pytest.mark.parametrize(
    ("columns", "rows", "email"),
    [
        (["EMail", "Contact"], [["true", "a@example.com"]], "Contact"),
        (["EMail", "EmailAddress"], [["", "a@example.com"], ["", "b@example.com"]], "EmailAddress"),
        (["EMail", "EmailAddress"], [["a@example.com", "b@example.com"], ["", "c@example.com"]], "EMail"),
        (["EMail", "EmailAddress"], [["a@example.com", "b@example.com"], *[["", "c@example.com"]] * 2], "EmailAddress"),
        (["A_EMail", "B_EMail"], [["", "b@example.com"]], "B_EMail"),
        (["A_EMail", "B_EMail"], [["a@example.com", "b@example.com"]], None),
        (["Id", "Contatto"], [["1", "n/d"], ["2", "a@example.com"]], "Contatto"),
        (["A", "B"], [["a@example.com", "b@example.com"]], None),
        (["EMail"], [["n/a"], ["none"]], None),
        (["EMail"], [[""], []], None),
        (["EMail"], [], "EMail"),
        (["Indirizzo"], [["ana@example.com"]], "Indirizzo"),
    ],
)
def test_a_column_without_any_address_is_never_that_of_the_addresses(
    columns: list[str], rows: list[list[str]], email: str | None
) -> None:
    assert suggest(columns, rows).get("email") == email


@pytest.mark.parametrize(
    ("columns", "rows", "wanted", "chosen"),
    [
        (["FirstName", "GivenName"], [["", "Ana"], ["", "Bo"]], "first_name", "GivenName"),
        (["FirstName", "GivenName"], [["Ana", "Ana"], ["Bo", ""]], "first_name", "FirstName"),
        (["Nume"], [["Popescu"], ["Ionescu"]], "last_name", "Nume"),
        (["Nume"], [["Ana Popescu"], ["Dan Ionescu"]], "last_name", None),
        (["Nome"], [["Anna Maria"], ["Bo"], ["Carlo"]], "first_name", "Nome"),
        (["FirstName"], [["17"], ["18"]], "first_name", None),
        (["Phone", "Mobile"], [["home", "+39 06 1234567"], ["", "(02) 765-4321 ext. 7"]], "phone", "Mobile"),
        (["Phone"], [["1"], ["0"]], "phone", None),
        (["BirthDate"], [["1980-05-17"], [""], ["0001-01-01"]], "birthday", "BirthDate"),
        (["BirthDate"], [["spring"], ["autumn"]], "birthday", None),
        (["Birthday"], [["2020-02-30"], ["13/45/2020"]], "birthday", None),
        (["CAP"], [["00184"], ["20121"]], "zip", "CAP"),
        (["CAP"], [["red"], ["blue"]], "zip", None),
        (["City"], [["1"], ["2"]], "city", None),
        (["Birth month", "Day of birth"], [["13", "1"], ["40", "2"]], "birthday_month", None),
        (["Birth month", "Day of birth"], [["13", "1"], ["40", "2"]], "birthday_day", None),
        (["Birth month", "Day of birth"], [["12", "31"], ["12", "31"]], "birthday_day", "Day of birth"),
        (["Birth month", "Day of birth"], [["12", "32"], ["12", "32"]], "birthday_day", None),
    ],
)
def test_values_decide(columns: list[str], rows: list[list[str]], wanted: str, chosen: str | None) -> None:
    assert suggest(columns, rows).get(wanted) == chosen


def test_a_date_of_birth_says_month_and_day_by_itself() -> None:
    assert suggest(["BirthDate", "Birth month", "Day of birth"]) == {"birthday": "BirthDate"}
    assert suggest(["Birth month"]) == {}


def test_a_row_may_be_shorter_than_the_others() -> None:
    assert suggest(["Contatto", "Id"], [["a@example.com"]]) == {"email": "Contatto"}


def test_a_column_that_is_there_twice_is_not_suggested() -> None:
    assert suggest(["EMail", "EMail", "Mail"], [["a@example.com"] * 3]) == {"email": "Mail"}


# Custom fields


def test_custom_fields_are_known_by_their_label_or_name() -> None:
    fields = [Field("Member_level", "Livello socio"), Field("Shoe_size", "Shoe size"), Field("Pet", "Pet")]
    found = suggest(["livello_socio", "SHOESIZE", "City"], (), fields)
    assert found == {"city": "City", "cf:Member_level": "livello_socio", "cf:Shoe_size": "SHOESIZE"}


def test_a_custom_field_does_not_take_what_an_import_column_has() -> None:
    assert suggest(["City"], (), [Field("City", "City")]) == {"city": "City"}


def test_no_more_custom_fields_are_suggested_than_an_import_takes() -> None:
    names = [f"Attribute {number}" for number in range(40)]
    found = suggest(["EMail", *names], (), [Field(name.replace(" ", "_"), name) for name in names])
    assert len(found) == 26
    assert Mapping(fields=found).fields == found


def test_a_custom_field_that_no_import_can_name_is_left_out() -> None:
    assert suggest(["a b"], (), [Field("a b", "A b")]) == {}


# Always


LIKELY = [*SAMPLE_COLUMNS, "E-mail", "Mail", "Nome", "Nume", "Città", "Birthday", "Birthday day", "Birthday month", "x"]
NAMES = st.sampled_from(LIKELY) | st.text(max_size=12)
VALUES = ["", "ana@example.com", "Ana", "1980-05-17", "+39 06 1234567", "7", "Ana Maria"]
CELLS = st.sampled_from(VALUES) | st.text(max_size=8)


@given(st.lists(NAMES, max_size=12), st.lists(st.lists(CELLS, max_size=12), max_size=5), st.lists(NAMES, max_size=4))
def test_whatever_is_given_a_suggestion_is_one_that_an_export_can_have(
    columns: list[str], rows: list[list[str]], custom: list[str]
) -> None:
    found = suggest(columns, rows, [Field(name.replace(" ", "_"), name) for name in custom])
    assert set(found.values()) <= set(columns)
    assert len(set(found.values())) == len(found)
    if rows and "email" in found:
        index = columns.index(found["email"])
        assert any("@" in row[index] for row in rows if index < len(row))
    if "email" in found and all(found.values()):
        Mapping(fields=found)


def test_every_import_column_has_words_and_no_word_means_two_of_them() -> None:
    assert set(WORDS) == {*IMPORT_ORDER, BIRTHDAY}
    words = [word for those in WORDS.values() for word in those]
    assert len(words) == len(set(words))
    assert all(word.isascii() and word.isalnum() and word == word.casefold() for word in words)
    assert set(ENDINGS) <= set(WORDS)
