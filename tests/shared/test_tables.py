"""Documents in tables are never overwritten unseen."""

from __future__ import annotations

import pytest
from azure.data.tables import TableClient

from shared.errors import Conflict, Invalid
from shared.tables import DocumentTable, Key, entity, together
from tests.shared.notes import Note, client, notes

__all__ = ["client", "notes"]


KEY = Key("p", "r")


def test_a_document_comes_back_as_it_was_written(notes: DocumentTable[Note]) -> None:
    assert notes.insert(KEY, Note(text="ăîșț \n 'quoted'"))
    stored = notes.get(KEY)
    assert stored is not None
    assert stored.value.text == "ăîșț \n 'quoted'"


def test_what_is_not_there_is_none(notes: DocumentTable[Note]) -> None:
    assert notes.get(KEY) is None


def test_inserting_twice_keeps_the_first(notes: DocumentTable[Note]) -> None:
    assert notes.insert(KEY, Note(text="first"))
    assert not notes.insert(KEY, Note(text="second"))
    stored = notes.get(KEY)
    assert stored is not None
    assert stored.value.text == "first"


def test_whoever_read_an_older_version_cannot_replace_the_newer(notes: DocumentTable[Note]) -> None:
    notes.insert(KEY, Note(text="first"))
    read = notes.get(KEY)
    assert read is not None
    notes.replace(KEY, Note(text="second"), read.etag)
    with pytest.raises(Conflict):
        notes.replace(KEY, Note(text="third"), read.etag)


def test_a_removed_document_cannot_be_replaced(notes: DocumentTable[Note], client: TableClient) -> None:
    notes.insert(KEY, Note(text="first"))
    read = notes.get(KEY)
    assert read is not None
    client.delete_entity(KEY.partition, KEY.row)
    with pytest.raises(Conflict):
        notes.replace(KEY, Note(text="second"), read.etag)


def test_rows_are_written_together_or_not_at_all(notes: DocumentTable[Note], client: TableClient) -> None:
    notes.insert(KEY, Note(text="first"))
    read = notes.get(KEY)
    assert read is not None
    notes.replace(KEY, Note(text="second"), read.etag)
    other = Key("p", "other")
    with pytest.raises(Conflict):
        together(client, insert=[entity(other, Note())], replace=[(entity(KEY, Note(text="third")), read.etag)])
    assert notes.get(other) is None


def test_a_row_that_exists_stops_the_others_too(notes: DocumentTable[Note], client: TableClient) -> None:
    notes.insert(KEY, Note(text="first"))
    other = Key("p", "other")
    notes.insert(other, Note(text="there"))
    read = notes.get(KEY)
    assert read is not None
    with pytest.raises(Conflict):
        together(client, insert=[entity(other, Note())], replace=[(entity(KEY, Note(text="second")), read.etag)])
    unchanged = notes.get(KEY)
    assert unchanged is not None
    assert unchanged.value.text == "first"


def test_a_document_that_does_not_fit_a_row_is_refused(notes: DocumentTable[Note]) -> None:
    with pytest.raises(Invalid, match="note is too large"):
        notes.insert(KEY, Note(text="x" * 400_000))


@pytest.mark.parametrize("text", ["x" * 33_000, "😀" * 60_000])
def test_a_long_document_comes_back_whole(notes: DocumentTable[Note], text: str) -> None:
    notes.insert(KEY, Note(text=text))
    stored = notes.get(KEY)
    assert stored is not None
    assert stored.value.text == text


def test_rows_are_read_from_behind_one_key_to_before_another(notes: DocumentTable[Note]) -> None:
    for row in "abcde":
        notes.insert(Key("p", row), Note(text=row))
        notes.insert(Key("other", row), Note(text="other"))
    assert [one.value.text for one in notes.partition("p", rows_above="a", rows_below="d", page=1)] == ["b", "c"]


def test_what_is_kept_in_columns_too_can_be_asked_for_and_stays_true(client: TableClient) -> None:
    notes = DocumentTable(client, Note, columns=lambda note: {"long": len(note.text) > 3, "text": note.text})
    for text in ("a", "abcd", "abcde"):
        notes.insert(Key("p", text), Note(text=text))
    first = notes.get(Key("p", "a"))
    assert first is not None
    notes.replace(Key("p", "a"), Note(text="now longer"), first.etag)
    found = notes.partition("p", only="long eq true and text gt 'abcd'")
    assert [one.value.text for one in found] == ["now longer", "abcde"]


def test_more_rows_than_the_service_gives_at_once_may_be_asked_for(notes: DocumentTable[Note]) -> None:
    notes.insert(KEY, Note(text="only"))
    assert [one.value.text for one in notes.partition("p", page=5_000)] == ["only"]
