"""Specifies how contacts are cut into batch files, traced back, and told apart."""

from __future__ import annotations

import csv
import io
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from exporters.batches import (
    MAX_BYTES,
    MAX_CONTACTS,
    BatchFile,
    Deduplicator,
    Place,
    cut_batches,
    place_of_line,
)
from exporters.contact_fields import (
    CUSTOM_FIELD_LENGTH,
    EMAIL_LENGTH,
    IMPORT_ORDER,
    MAX_CUSTOM_FIELDS,
    PHONE_LENGTH,
    TEXT_LENGTHS,
)
from exporters.contacts import Contact

COLUMNS = ("email", "first_name")
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20)


def placed(*values: tuple[str, ...]) -> list[tuple[Place, Contact]]:
    return [(Place(0, 1, line), Contact(row[0].lower(), row)) for line, row in enumerate(values, 2)]


def parsed(batch: BatchFile) -> list[tuple[str, ...]]:
    return [tuple(row) for row in csv.reader(io.StringIO(batch.content.decode(), newline=""), strict=True)]


def test_a_batch_is_a_csv_of_the_mapped_columns() -> None:
    (batch,) = cut_batches(placed(("a@example.com", 'Ada "the" King, è'), ("b@example.com", "")), COLUMNS)
    text = 'email,first_name\r\na@example.com,"Ada ""the"" King, è"\r\nb@example.com,\r\n'
    assert (batch.number, batch.contacts, batch.content) == (1, 2, text.encode())


def test_values_that_look_like_formulas_stay_as_they_are() -> None:
    (batch,) = cut_batches(placed(("a@example.com", "=1+1")), COLUMNS)
    assert parsed(batch)[1] == ("a@example.com", "=1+1")


def test_no_contacts_make_no_batch() -> None:
    assert list(cut_batches([], COLUMNS)) == []


def test_the_real_limits_cut_at_39_999_contacts() -> None:
    contacts = placed(*((f"{n}@example.com", "Ada") for n in range(40_000)))
    first, second = cut_batches(contacts, COLUMNS)
    assert (first.contacts, first.content.count(b"\r\n"), second.contacts) == (39_999, 40_000, 1)


def test_a_batch_stays_under_the_bytes_by_one() -> None:
    rows = placed(("a@example.com", "1"), ("b@example.com", "2"))
    size = len(next(cut_batches(rows, COLUMNS)).content)
    assert [batch.contacts for batch in cut_batches(rows, COLUMNS, max_bytes=size + 1)] == [2]
    assert [batch.contacts for batch in cut_batches(rows, COLUMNS, max_bytes=size)] == [1, 1]


def test_the_largest_possible_contact_fits_into_a_batch() -> None:
    bytes_a_char = 4
    separators = len(IMPORT_ORDER) + MAX_CUSTOM_FIELDS
    texts = sum(TEXT_LENGTHS.values()) + PHONE_LENGTH + MAX_CUSTOM_FIELDS * CUSTOM_FIELD_LENGTH
    dates = len("12/31/2020") + len("12") + len("31")
    header = sum(map(len, IMPORT_ORDER)) + MAX_CUSTOM_FIELDS * len("cf:") + MAX_CUSTOM_FIELDS * 50 * bytes_a_char
    row = EMAIL_LENGTH + dates + texts * bytes_a_char
    quotes_and_separators = 2 * (3 * separators + 2)
    assert header + row + quotes_and_separators < MAX_BYTES / 90


def test_batches_are_cut_lazily() -> None:
    taken = []

    def contacts() -> list[tuple[Place, Contact]]:
        return placed(*((f"{n}@example.com", "") for n in range(10)))

    source = (taken.append(one) or one for one in contacts())  # type: ignore[func-returns-value]
    batches = cut_batches(source, COLUMNS, max_contacts=3)
    assert next(batches).number == 1
    assert len(taken) == 4


@given(
    rows=st.lists(st.tuples(st.just("a@example.com"), TEXT), max_size=40),
    max_contacts=st.integers(1, 10),
    max_bytes=st.integers(150, 400),
)
def test_batches_never_exceed_a_limit_and_lose_nothing(
    rows: list[tuple[str, ...]], max_contacts: int, max_bytes: int
) -> None:
    source = placed(*rows)
    batches = list(cut_batches(source, COLUMNS, max_contacts=max_contacts, max_bytes=max_bytes))
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    assert all(batch.contacts <= max_contacts and len(batch.content) < max_bytes for batch in batches)
    assert all(parsed(batch)[0] == COLUMNS and len(parsed(batch)) == batch.contacts + 1 for batch in batches)
    assert [row for batch in batches for row in parsed(batch)[1:]] == rows
    places = [place_of_line(batch.places, line) for batch in batches for line in range(2, batch.contacts + 2)]
    assert places == [place for place, _ in source]
    assert batches == list(cut_batches(source, COLUMNS, max_contacts=max_contacts, max_bytes=max_bytes))


def test_a_line_of_a_batch_is_traced_to_its_place() -> None:
    (batch,) = cut_batches([(Place(2, 0, 7), Contact("k", ("a@example.com", "")))], COLUMNS)
    assert batch.places == b"2,0,7\n"
    assert [place_of_line(batch.places, line) for line in (0, 1, 2, 3)] == [None, None, Place(2, 0, 7), None]


def test_the_first_of_several_equal_addresses_wins() -> None:
    seen = Deduplicator()
    assert [seen.is_first(key) for key in ("a@example.com", "b@example.com", "a@example.com")] == [True, True, False]


def test_remembering_addresses_costs_little_whatever_their_length() -> None:
    tracemalloc.start()
    seen = Deduplicator()
    for number in range(50_000):
        seen.is_first(f"{number:>080}")
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 50_000 < 150


def test_the_limits_are_those_that_constant_contact_documents() -> None:
    assert (MAX_CONTACTS, MAX_BYTES) == (39_999, 4_000_000)
