"""Specifies which columns are guessed to hold the address and the names."""

from __future__ import annotations

import pytest

from shared.snapshots import guess_columns


@pytest.mark.parametrize(
    ("columns", "guess"),
    [
        (["CustomerId", "EMail", "FirstName", "LastName"], ("EMail", "FirstName", "LastName")),
        (["EmailAddress", "given name", "SURNAME"], ("EmailAddress", "given name", "SURNAME")),
        (["primaryEmail", "secondaryEmail", "doNotEmail"], ("primaryEmail", None, None)),
        (["E-Mail Address", "First Name", "Last Name"], ("E-Mail Address", "First Name", "Last Name")),
        (["Indirizzo e-mail", "Nome", "Cognome"], ("Indirizzo e-mail", "Nome", "Cognome")),
        (["Adresă de e-mail", "Prenume", "Nume de familie"], ("Adresă de e-mail", "Prenume", "Nume de familie")),
        (["Courriel", "Prénom", "Nom"], ("Courriel", "Prénom", "Nom")),
        (["CRM_EMail", "CRM_FirstName", "CRM_LastName"], ("CRM_EMail", "CRM_FirstName", "CRM_LastName")),
        (["A_EMail", "B_EMail"], (None, None, None)),
        (["doNotEmail", "City"], (None, None, None)),
        ([], (None, None, None)),
    ],
)
def test_columns_are_guessed_by_their_names(columns: list[str], guess: tuple[str | None, ...]) -> None:
    found = guess_columns(columns)
    assert (found.get("email"), found.get("first_name"), found.get("last_name")) == guess


def test_without_a_fitting_name_the_only_column_of_addresses_is_taken() -> None:
    assert guess_columns(["Id", "Contatto"], [["1", ""], ["2", "a@example.com"]]) == {"email": "Contatto"}
    assert guess_columns(["A", "B"], [["a@example.com", "b@example.com"]]) == {}


def test_a_column_with_the_right_name_and_no_address_is_passed_over() -> None:
    assert guess_columns(["EMail", "Contact"], [["true", "a@example.com"]]) == {"email": "Contact"}


def test_a_column_counts_as_one_of_addresses_though_some_values_are_none() -> None:
    assert guess_columns(["Id", "Contatto"], [["1", "n/d"], ["2", "a@example.com"]]) == {"email": "Contatto"}


def test_a_row_may_be_shorter_than_the_others() -> None:
    assert guess_columns(["Contatto", "Id"], [["a@example.com"]]) == {"email": "Contatto"}
