"""Cells made to do harm: a contact that Constant Contact can take comes out, or a reason; never a hang or a crash."""

from __future__ import annotations

import csv
import io
import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporters.batches import Deduplicator, Place, cut_batches
from exporters.contact_fields import clean_text, month_and_day, parse_date
from exporters.contacts import Contact, Mapping, to_contact
from exporters.email_address import InvalidAddress, clean, comparison_key
from shared.snapshots import ReadOptions
from shared.snapshots.models import text_encoding
from tests.fuzz.targets import MAPPING

MIB = 1024**2
LARGE = {
    "letters": "a" * MIB,
    "blanks": " " * MIB,
    "dots": "." * MIB,
    "at signs": "@" * MIB,
    "quotes": '"' * MIB,
    "accents in the wrong order": "a" + "\u0301\u0323" * (MIB // 2),
    "accents that compose": "e\u0301" * (MIB // 2),
    "what is decomposed into eighteen": "\ufdfa" * MIB,
    "joiners": "\u200d" * MIB,
    "digits": "9" * MIB,
    "other digits": "٣" * MIB,
    "nul": "\0" * MIB,
    "line breaks": "\r\n" * (MIB // 2),
    "a long domain": "a@" + "b." * (MIB // 2) + "example.com",
    "many labels": "a@" + "xn--a." * 40 + "example.com",
    "a long local part": "a" * MIB + "@example.com",
    "a date and more": "2020-02-02T10:00" + "0" * MIB,
    "slashes": "1/" * (MIB // 2),
}


@pytest.mark.parametrize("name", LARGE)
def test_the_largest_cell_of_any_kind_is_done_with_at_once(name: str) -> None:
    cell = LARGE[name]
    began = time.process_time()
    to_contact([cell] * 6, MAPPING)
    to_contact(["ana@example.com", *[cell] * 5], MAPPING)
    assert time.process_time() - began < 5


def test_a_text_that_is_cut_before_it_is_composed_counts_as_cut() -> None:
    contact = to_contact(["ana@example.com", "é" * 2_000], Mapping(fields={"email": "a", "first_name": "b"}))
    assert isinstance(contact, Contact)
    assert contact.values[1] == "é" * 50
    assert contact.cut == ("first_name",)


@pytest.mark.parametrize("month", ["1_0", "+1", "-1", "٣", "1.0", "0x1", "9" * 5_000, "", " "])
def test_a_month_is_one_or_two_digits(month: str) -> None:
    assert month_and_day(month, "1") is None


ANYTHING = st.text(max_size=60) | st.text("a.@-+\"'<>()[]\u200b\u0301\ud800\0\r\n é", max_size=40)


@settings(max_examples=500, deadline=None)
@given(raw=ANYTHING | st.emails() | st.builds("{}@{}".format, ANYTHING, st.just("example.com")))
@example(raw="a@" + "\ud800.example.com")
@example(raw="a@xn--\udcff.example.com")
@example(raw="a@" + "é" * 63 + ".example.com")
def test_any_address_is_cleaned_once_and_for_all_or_refused_with_a_reason(raw: str) -> None:
    try:
        address = clean(raw)
    except InvalidAddress:
        return
    assert address.isascii()
    assert address.isprintable()
    assert len(address) <= 80
    assert clean(address) == address
    assert Deduplicator().is_first(comparison_key(address))


@settings(max_examples=500, deadline=None)
@given(raw=st.text(max_size=200))
def test_any_text_becomes_one_clean_line_and_stays_it(raw: str) -> None:
    text = clean_text(raw)
    assert clean_text(text) == text
    assert text == text.strip()
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Zl", "Zp")]
    parse_date(raw)


@settings(max_examples=300, deadline=None)
@given(cells=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), min_size=5, max_size=5))
def test_any_contact_is_read_back_from_its_batch_as_it_was(cells: list[str]) -> None:
    contact = to_contact(["ana@example.com", *cells], MAPPING)
    assert isinstance(contact, Contact)
    (batch,) = cut_batches([(Place(0, 0, 2), contact)], MAPPING.import_columns)
    header, row = csv.reader(io.StringIO(batch.content.decode(), newline=""))
    assert (tuple(header), tuple(row)) == (MAPPING.import_columns, contact.values)
    assert batch.content.count(b"\r\n") == 2


@pytest.mark.parametrize(
    "name", ["idna", "punycode", "utf_7", "UTF-7", "u7", "unicode_escape", "raw-unicode-escape", "undefined", "rot13"]
)
def test_what_python_has_for_other_things_than_files_is_no_encoding(name: str) -> None:
    with pytest.raises(ValueError, match="no text encoding"):
        ReadOptions(encoding=name)


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF-16", "latin1", "cp1252", "windows-1250", "shift_jis", "gb18030", "utf-8-sig"]
)
def test_what_files_are_written_in_is_an_encoding(name: str) -> None:
    assert text_encoding(name) == name
