"""The edges of what is cleaned: the longest address and text, the first and last day, the last character."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from exporters.contact_fields import EMAIL_LENGTH, IMPORT_ORDER, clean_text, month_and_day, parse_date
from exporters.contacts import Contact, Mapping, Reason, Rejected, to_contact
from exporters.email_address import AddressFault, InvalidAddress, clean, comparison_key

DOMAIN = "@example.com"


def fault_of(raw: str, **limits: int) -> AddressFault | None:
    try:
        clean(raw, **limits)
    except InvalidAddress as fault:
        return fault.reason
    return None


def test_a_fault_says_its_reason_and_nothing_of_the_address() -> None:
    with pytest.raises(InvalidAddress) as fault:
        clean("ana(at)example.com")
    assert str(fault.value) == fault.value.reason.value == "malformed"


@pytest.mark.parametrize("domain", ["shop.test", "shop.invalid", "shop.local", "shop.example"])
def test_a_reserved_domain_is_a_domain(domain: str) -> None:
    assert fault_of(f"ana@{domain}") is None


def contact(cells: dict[str, str]) -> Contact:
    mapping = Mapping(fields={"email": "e", **{column: column for column in cells}})
    made = to_contact(["ana@example.com", *cells.values()], mapping)
    assert isinstance(made, Contact)
    return made


@pytest.mark.parametrize(("length", "fault"), [(64, None), (65, AddressFault.TOO_LONG)])
def test_a_local_part_has_at_most_64_characters(length: int, fault: AddressFault | None) -> None:
    assert fault_of("a" * length + DOMAIN) is fault


@pytest.mark.parametrize(
    ("limit", "domain"), [(50, "x.io"), (80, "a" * 20 + ".io"), (254, ".".join(["a" * 50] * 4) + ".io")]
)
def test_an_address_has_at_most_as_many_characters_as_are_taken(limit: int, domain: str) -> None:
    longest = "b" * (limit - len(domain) - 1) + f"@{domain}"
    assert fault_of(longest, max_length=limit) is None
    assert fault_of("b" + longest, max_length=limit) is AddressFault.TOO_LONG


def test_an_address_has_at_most_80_characters_when_nothing_else_is_said() -> None:
    assert EMAIL_LENGTH == 80
    longest = "a" * 60 + "@" + "b" * 15 + ".com"
    assert len(longest) == 80
    assert fault_of(longest) is None
    assert fault_of(longest.replace("@", "@b")) is AddressFault.TOO_LONG


@pytest.mark.parametrize(("length", "fault"), [(253, None), (254, AddressFault.TOO_LONG)])
def test_a_domain_has_at_most_253_characters(length: int, fault: AddressFault | None) -> None:
    labels = ".".join(["a" * 60] * 4)
    domain = f"{'b' * (length - len(labels) - 5)}.{labels}.com"[:length]
    assert len(domain) == length
    assert (fault_of(f"a@{domain}", max_length=400) is AddressFault.TOO_LONG) is (fault is not None)


@pytest.mark.parametrize(("domain", "fault"), [("example.io", None), ("example.c", AddressFault.DOMAIN_INVALID)])
def test_a_top_level_domain_has_at_least_two_characters(domain: str, fault: AddressFault | None) -> None:
    assert fault_of(f"ana@{domain}") is fault


def test_addresses_are_told_apart_without_their_case() -> None:
    assert comparison_key("Ana@Example.com") == comparison_key("aNA@example.COM") == "ana@example.com"


@pytest.mark.parametrize("blanks", ["  ", " \t", "\u00a0"])
def test_runs_of_blanks_become_one_blank(blanks: str) -> None:
    assert clean_text(f" a{blanks}b ") == "a b"


@pytest.mark.parametrize("raw", ["a b", "a", "", " a b "])
def test_a_plain_text_stays_as_it_is(raw: str) -> None:
    assert clean_text(raw) == raw.strip()


@pytest.mark.parametrize(
    ("month", "day", "expected"),
    [
        ("2", "29", ("2", "29")),
        ("02", "09", ("2", "9")),
        ("12", "31", ("12", "31")),
        ("0", "1", None),
        ("13", "1", None),
        ("2", "30", None),
        ("x", "1", None),
        ("1", "x", None),
        ("", "1", None),
        ("1", "", None),
        ("123", "1", None),
        ("1", "123", None),
    ],
)
def test_a_birthday_is_a_day_of_a_leap_year(month: str, day: str, expected: tuple[str, str] | None) -> None:
    assert month_and_day(month, day) == expected


@pytest.mark.parametrize(("raw", "is_day"), [("0001-01-01", False), ("0002-01-01", True), ("9999-12-31", True)])
def test_a_date_of_the_year_one_was_never_set(raw: str, is_day: bool) -> None:
    assert (parse_date(raw) is not None) is is_day


@pytest.mark.parametrize(
    ("column", "limit"), [("first_name", 50), ("street", 255), ("street2", 255), ("zip", 50), ("cf:level", 255)]
)
def test_a_text_is_cut_at_its_documented_length_and_named(column: str, limit: int) -> None:
    assert contact({column: "x" * limit}) == Contact("ana@example.com", ("ana@example.com", "x" * limit))
    assert contact({column: "x" * (limit + 1)}).cut == (column,)
    assert contact({column: "x" * (limit + 1)}).values == ("ana@example.com", "x" * limit)
    assert contact({column: "x" * (limit - 1) + " y"}).values == ("ana@example.com", "x" * (limit - 1))


@pytest.mark.parametrize(("length", "is_sent"), [(25, True), (26, False)])
def test_a_phone_number_of_more_than_25_characters_is_left_out(length: int, is_sent: bool) -> None:
    made = contact({"phone": "1" * length})
    assert made.values[1] == ("1" * length if is_sent else "")
    assert made.left_out == (() if is_sent else ("phone",))


def test_the_import_columns_come_in_one_order_custom_fields_last() -> None:
    fields = {"cf:b": "1", "cf:a": "2", "zip": "3", "email": "4", "birthday": "5"}
    expected = ("email", "zip", "birthday_month", "birthday_day", "cf:a", "cf:b")
    assert Mapping(fields=fields).import_columns == expected
    assert IMPORT_ORDER[0] == "email"


def test_a_mapping_holds_columns_and_nothing_else() -> None:
    with pytest.raises(ValidationError):
        Mapping.model_validate({"fields": {"email": "e"}, "more": 1})


@pytest.mark.parametrize(("count", "is_taken"), [(25, True), (26, False)])
def test_a_mapping_has_at_most_25_custom_fields(count: int, is_taken: bool) -> None:
    fields = {"email": "e", **{f"cf:f{number}": "c" for number in range(count)}}
    if is_taken:
        assert len(Mapping(fields=fields).import_columns) == 26
    else:
        with pytest.raises(ValidationError, match="26 custom fields are mapped"):
            Mapping(fields=fields)


@pytest.mark.parametrize(("length", "is_taken"), [(0, False), (1, True), (1_000, True), (1_001, False)])
def test_a_source_column_has_one_to_a_thousand_characters(length: int, is_taken: bool) -> None:
    if is_taken:
        assert Mapping(fields={"email": "c" * length}).source_columns == ("c" * length,)
    else:
        with pytest.raises(ValidationError):
            Mapping(fields={"email": "c" * length})


@pytest.mark.parametrize(
    ("code", "raw"),
    [
        ("email_missing", " "),
        ("email_too_long", "a" * 90 + DOMAIN),
        ("email_malformed", "a b@example.com"),
        ("email_not_ascii", "ă@example.com"),
        ("email_domain", "a@example"),
    ],
)
def test_each_reason_has_its_code_and_a_sentence_of_its_own(code: str, raw: str) -> None:
    assert to_contact([raw], Mapping(fields={"email": "e"})) == Rejected(Reason(code))
    sentences = {reason.sentence for reason in Reason}
    assert len(sentences) == len(Reason)
    assert all(sentence.endswith(".") for sentence in sentences)


def test_a_row_of_another_width_has_a_code_too() -> None:
    assert Reason("row_malformed") is Reason.ROW_MALFORMED
