"""Guesses which columns of a segment hold the e-mail address and the names, to fill in a form that a person checks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from shared.snapshots.columns import looks_like_address

# Names without case, accents, blanks and punctuation, the likeliest first: those of the product and the Common Data
# Model, then English, Italian, Romanian, French, German, Spanish.
_EMAIL = (
    "email", "emailaddress", "primaryemail", "primaryemailaddress", "emailaddress1", "mail", "emailprimary",
    "contactemail", "customeremail", "useremail", "workemail", "personalemail", "emailaddr",
    "indirizzoemail", "indirizzomail", "indirizzodipostaelettronica", "postaelettronica", "emailcliente",
    "adresaemail", "adresadeemail", "adresadeposta", "adressemail", "adresseemail", "courriel", "mailadresse",
    "correo", "correoelectronico", "secondaryemail",
)  # fmt: skip
_FIRST_NAME = (
    "firstname", "givenname", "forename", "fname", "personfirstname", "first", "nome", "prenume", "prenumele",
    "prenom", "vorname", "nombre",
)  # fmt: skip
_LAST_NAME = (
    "lastname", "surname", "familyname", "lname", "personlastname", "last", "cognome", "nume", "numedefamilie",
    "nomdefamille", "nom", "nachname", "familienname", "apellido", "apellidos",
)  # fmt: skip
_ENDINGS = {"email": ("emailaddress", "email"), "first_name": ("firstname",), "last_name": ("lastname", "surname")}


def guess_columns(columns: Sequence[str], first_rows: Sequence[Sequence[str]] = ()) -> dict[str, str]:
    """The likely source column of `email`, `first_name` and `last_name`; a key is absent where none is likely.

    Goes by the columns' names. For `email` the first rows have a say: a column with values of which none is an address
    (such as a consent flag called `EMail`) is not taken, and without a fitting name the only column of addresses is.
    """
    names = {column: _plain(column) for column in columns}
    values = {
        column: [row[index] for row in first_rows if index < len(row) and row[index].strip()]
        for index, column in enumerate(columns)
    }
    guesses = {
        "email": _email(names, values),
        "first_name": _by_name(names, _FIRST_NAME, _ENDINGS["first_name"]),
        "last_name": _by_name(names, _LAST_NAME, _ENDINGS["last_name"]),
    }
    return {field: column for field, column in guesses.items() if column is not None}


def _email(names: dict[str, str], values: dict[str, list[str]]) -> str | None:
    with_addresses = [column for column in names if any(looks_like_address(value) for value in values[column])]
    possible = {column: name for column, name in names.items() if not values[column] or column in with_addresses}
    named = _by_name(possible, _EMAIL, _ENDINGS["email"])
    if named is not None:
        return named
    return with_addresses[0] if len(with_addresses) == 1 else None


def _by_name(names: dict[str, str], likely: Sequence[str], endings: tuple[str, ...]) -> str | None:
    for wanted in likely:
        for column, name in names.items():
            if name == wanted:
                return column
    # `doNotEmail` and `donotBulkEmail` are the Common Data Model's names of consent flags.
    ending = [column for column, name in names.items() if name.endswith(endings) and not name.startswith("donot")]
    return ending[0] if len(ending) == 1 else None


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return re.sub(r"[\W_]", "", "".join(char for char in decomposed if not unicodedata.combining(char))).casefold()
