"""Specifies how a profile becomes a contact, and which mappings are possible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exporters.contact_fields import IMPORT_ORDER
from exporters.contacts import Contact, Mapping, Reason, Rejected, to_contact

ADDRESS = "ada@example.com"


def made(**profile: str) -> Contact:
    """The contact of a profile whose source columns are called like the import columns; `cf_x` stands for `cf:x`."""
    fields = {name.replace("cf_", "cf:"): name for name in ("email", *profile)}
    contact = to_contact([ADDRESS, *profile.values()], Mapping(fields=fields))
    assert isinstance(contact, Contact)
    return contact


def test_values_come_in_the_order_of_the_import_columns_whatever_the_mappings_order() -> None:
    custom = {f"cf:{letter}": letter for letter in "ecbda"}
    one = Mapping(fields=custom | {"last_name": "L", "email": "E", "birthday": "D"})
    assert one.import_columns[:4] == ("email", "last_name", "birthday_month", "birthday_day")
    assert one.import_columns[4:] == ("cf:a", "cf:b", "cf:c", "cf:d", "cf:e")
    assert one.source_columns == (*"ecbda", "L", "E", "D")
    contact = to_contact([*"ecbda", "l", "Ada@Example.com", "1980-12-31"], one)
    assert contact == Contact("ada@example.com", ("Ada@example.com", "l", "12", "31", *"abcde"))
    other = Mapping(fields=dict(reversed(one.fields.items())))
    assert other.import_columns == one.import_columns


def test_one_source_column_may_fill_two_import_columns() -> None:
    mapping = Mapping(fields={"email": "E", "first_name": "N", "last_name": "N"})
    assert mapping.source_columns == ("E", "N")
    assert to_contact([ADDRESS, "Ada"], mapping) == Contact(ADDRESS, (ADDRESS, "Ada", "Ada"))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"first_name": "F"}, "e-mail address"),
        ({"email": "E", "shoe_size": "S"}, "no import column 'shoe_size'"),
        ({"email": "E", "cf:": "S"}, "no import column 'cf:'"),
        ({"email": "E", "cf:two words": "S"}, "no import column"),
        ({"email": "E", "cf:a,b": "S"}, "no import column"),
        ({"email": "E", "birthday_month": "M"}, "need each other"),
        ({"email": "E", "birthday": "B", "birthday_month": "M", "birthday_day": "D"}, "not both"),
        ({"email": ""}, "at least 1 character"),
        ({"email": "E"} | {f"cf:{n}": "S" for n in range(26)}, "26 custom fields"),
    ],
)
def test_a_mapping_that_constant_contact_cannot_import_is_refused(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Mapping(fields=fields)


def test_twenty_five_custom_fields_and_every_column_are_a_mapping() -> None:
    fields = {name: name for name in IMPORT_ORDER} | {f"cf:{n}": "S" for n in range(25)}
    assert len(Mapping(fields=fields).import_columns) == len(IMPORT_ORDER) + 25


def test_a_mapping_keeps_its_value_as_json_after_it_was_used() -> None:
    mapping = Mapping(fields={"email": "E", "birthday": "B"})
    to_contact([ADDRESS, ""], mapping)
    assert mapping.model_dump() == {"fields": {"email": "E", "birthday": "B"}}
    assert Mapping.model_validate_json(mapping.model_dump_json()) == mapping


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", Reason.EMAIL_MISSING),
        ("a" * 90 + "@example.com", Reason.EMAIL_TOO_LONG),
        ("ada", Reason.EMAIL_MALFORMED),
        ("è@example.com", Reason.EMAIL_NOT_ASCII),
        ("ada@localhost", Reason.EMAIL_DOMAIN),
    ],
)
def test_a_profile_without_a_usable_address_is_rejected_with_its_reason(address: str, reason: Reason) -> None:
    assert to_contact([address], Mapping(fields={"email": "E"})) == Rejected(reason)


def test_every_reason_has_a_sentence_of_its_own() -> None:
    assert len({reason.sentence for reason in Reason}) == len(Reason)


def test_the_length_of_an_address_can_be_limited_to_what_the_import_documents() -> None:
    mapping = Mapping(fields={"email": "E"})
    address = "a" * 40 + "@example.com"
    assert isinstance(to_contact([address], mapping), Contact)
    assert to_contact([address], mapping, max_email_length=50) == Rejected(Reason.EMAIL_TOO_LONG)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  Ada ", "Ada"),
        ("Ada  King\tof\r\nLovelace", "Ada King of Lovelace"),
        ("A\x00d\x07a", "A d a"),
        ("Ada\u2028King", "Ada King"),
        ("\u200b\u00a0Ada\ufeff", "Ada"),
        ("e\u0301", "é"),
        ("\u200b", ""),
        ("=1+1", "=1+1"),
        ("东京 🗼", "东京 🗼"),
    ],
)
def test_a_text_is_one_trimmed_and_composed_line(raw: str, text: str) -> None:
    assert made(first_name=raw).values == (ADDRESS, text)


@pytest.mark.parametrize(
    ("column", "limit"),
    [
        *((name, 50) for name in ("first_name", "last_name", "job_title", "company_name")),
        *((name, 50) for name in ("city", "state", "zip", "country")),
        *((name, 255) for name in ("street", "street2", "cf_note")),
    ],
)
def test_a_text_is_cut_at_the_documented_length_and_counted(column: str, limit: int) -> None:
    assert made(**{column: "é" * limit}).cut == ()
    contact = made(**{column: "é" * (limit + 1)})
    assert contact.values[1] == "é" * limit
    assert contact.cut == (column.replace("cf_", "cf:"),)
    assert made(**{column: "x" * (limit - 1) + " yz"}).values[1] == "x" * (limit - 1)


def test_a_phone_number_is_sent_whole_or_not_at_all() -> None:
    assert made(phone=" +39 06 1234567 ").values[1] == "+39 06 1234567"
    assert made(phone="1" * 25).values[1] == "1" * 25
    too_long = made(phone="1" * 26)
    assert (too_long.values[1], too_long.left_out) == ("", ("phone",))


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        ("2020-02-29", "02/29/2020"),
        ("2020-2-9", "02/09/2020"),
        ("2020-02-29T23:59:59.123Z", "02/29/2020"),
        ("2020-02-29 00:00:00.000000+02:00", "02/29/2020"),
        ("2020/02/29", "02/29/2020"),
        ("2/9/2020", "02/09/2020"),
        ("12-31-2020", "12/31/2020"),
        (" 2020-02-29\u00a0", "02/29/2020"),
    ],
)
def test_an_anniversary_is_sent_in_one_format(raw: str, sent: str) -> None:
    contact = made(anniversary=raw)
    assert (contact.values[1], contact.left_out) == (sent, ())


@pytest.mark.parametrize("raw", ["2021-02-29", "31/12/2020", "0001-01-01T00:00:00", "soon", "2020-02/29", "20200229"])
def test_an_impossible_date_is_left_out_and_counted(raw: str) -> None:
    contact = made(anniversary=raw, birthday=raw)
    assert contact.values == (ADDRESS, "", "", "")
    assert contact.left_out == ("anniversary", "birthday")


def test_an_empty_date_is_no_fault() -> None:
    assert made(anniversary=" ", birthday="") == Contact(ADDRESS, (ADDRESS, "", "", ""))


@pytest.mark.parametrize(("month", "day", "sent"), [("02", "29", ("2", "29")), (" 1", "1 ", ("1", "1"))])
def test_a_birthday_of_two_columns_is_sent_as_numbers(month: str, day: str, sent: tuple[str, str]) -> None:
    assert made(birthday_month=month, birthday_day=day).values == (ADDRESS, *sent)


@pytest.mark.parametrize(("month", "day"), [("2", "30"), ("13", "1"), ("5", ""), ("", "5"), ("May", "1")])
def test_half_or_impossible_birthdays_are_left_out_whole_and_counted_once(month: str, day: str) -> None:
    contact = made(birthday_month=month, birthday_day=day)
    assert (contact.values, contact.left_out) == ((ADDRESS, "", ""), ("birthday",))


@given(st.dictionaries(st.sampled_from([*IMPORT_ORDER[1:13], "birthday", "cf_x"]), st.text(), min_size=1))
def test_no_value_breaks_a_line_or_is_longer_than_its_column_takes(profile: dict[str, str]) -> None:
    values = made(**profile).values
    assert len(values) == 1 + len(profile) + ("birthday" in profile)
    assert all(len(value) <= 255 and len(value.splitlines()) <= 1 for value in values)
