"""Which answers of the table service mean that somebody else was quicker, and which are errors of their own."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, TableTransactionError

from shared.errors import Conflict
from shared.tables import DocumentTable, Key, entity, together
from tests.shared.notes import Note, client, notes

__all__ = ["client", "notes"]


KEY, OTHER = Key("p", "r"), Key("p", "other")


def answered(error: type[HttpResponseError], status: int | None) -> HttpResponseError:
    found = TableTransactionError(message="no") if error is TableTransactionError else error(message="no")
    found.status_code = status
    return found


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (TableTransactionError, 404),
        (TableTransactionError, 409),
        (TableTransactionError, 412),
        (TableTransactionError, None),
        (ResourceExistsError, 409),
        (ResourceModifiedError, 412),
        (ResourceNotFoundError, 404),
    ],
)
def test_a_transaction_that_meets_another_version_is_a_conflict(
    client: TableClient, monkeypatch: pytest.MonkeyPatch, kind: type[HttpResponseError], status: int | None
) -> None:
    monkeypatch.setattr(client, "submit_transaction", raising(answered(kind, status)))
    with pytest.raises(Conflict):
        together(client, insert=[entity(KEY, Note())], replace=[])


@pytest.mark.parametrize("status", [400, 403, 413, 500, 503])
def test_a_transaction_that_fails_for_another_reason_is_an_error_of_its_own(
    client: TableClient, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(client, "submit_transaction", raising(answered(TableTransactionError, status)))
    with pytest.raises(TableTransactionError):
        together(client, insert=[entity(KEY, Note())], replace=[])


def test_a_transaction_replaces_nothing_that_is_not_there(client: TableClient, notes: DocumentTable[Note]) -> None:
    notes.insert(OTHER, Note())
    stored = notes.get(OTHER)
    assert stored is not None
    with pytest.raises(Conflict):
        together(client, insert=[], replace=[(entity(KEY, Note()), stored.etag)])


def test_a_transaction_leaves_nothing_of_the_row_that_it_replaces(
    client: TableClient, notes: DocumentTable[Note]
) -> None:
    notes.insert(KEY, Note(text="long" * 10_000))
    stored = notes.get(KEY)
    assert stored is not None
    together(client, insert=[entity(OTHER, Note())], replace=[(entity(KEY, Note(text="short")), stored.etag)])
    replaced = notes.get(KEY)
    assert replaced is not None
    assert replaced.value.text == "short"


def test_a_shorter_document_leaves_nothing_of_a_longer_one(notes: DocumentTable[Note]) -> None:
    notes.insert(KEY, Note(text="long" * 10_000))
    stored = notes.get(KEY)
    assert stored is not None
    notes.replace(KEY, Note(text="short"), stored.etag)
    replaced = notes.get(KEY)
    assert replaced is not None
    assert replaced.value.text == "short"


def test_what_replace_gives_back_can_be_replaced_again(notes: DocumentTable[Note]) -> None:
    notes.insert(KEY, Note(text="first"))
    stored = notes.get(KEY)
    assert stored is not None
    second = notes.replace(KEY, Note(text="second"), stored.etag)
    third = notes.replace(KEY, Note(text="third"), second.etag)
    assert (second.value.text, third.value.text) == ("second", "third")
    # The service tells the moment of a change in whole seconds.
    assert abs((second.written_at - stored.written_at).total_seconds()) < 5


def test_what_is_there_is_given_back_and_what_is_not_is_made(notes: DocumentTable[Note]) -> None:
    assert notes.get_or_insert(KEY, Note(text="made")).value.text == "made"
    assert notes.get_or_insert(KEY, Note(text="another")).value.text == "made"


def test_what_somebody_else_makes_at_the_same_moment_is_taken(
    notes: DocumentTable[Note], monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = notes.insert

    def somebody_else_first(key: Key, value: Note) -> bool:
        insert(key, Note(text="theirs"))
        return insert(key, value)

    monkeypatch.setattr(notes, "insert", somebody_else_first)
    assert notes.get_or_insert(KEY, Note(text="ours")).value.text == "theirs"


def test_a_partition_is_read_in_row_order_up_to_a_row(notes: DocumentTable[Note]) -> None:
    for row in ("c", "a", "b"):
        notes.insert(Key("p", row), Note(text=row))
    notes.insert(Key("q", "a"), Note(text="another partition"))
    assert [one.value.text for one in notes.partition("p")] == ["a", "b", "c"]
    assert [one.value.text for one in notes.partition("p", rows_below="c")] == ["a", "b"]


@pytest.mark.parametrize("extra", [-1, 0])
def test_the_largest_document_that_fits_is_kept_in_its_order(notes: DocumentTable[Note], extra: int) -> None:
    """Fifteen properties of 16,000 characters: from the eleventh on their names do not sort by themselves."""
    frame = len(Note(text="").model_dump_json())
    text = "".join(f"{number:08}" for number in range(30_000))[: 15 * 16_000 - frame + extra]
    assert notes.insert(KEY, Note(text=text))
    stored = notes.get(KEY)
    assert stored is not None
    assert stored.value.text == text


def raising(error: Exception) -> object:
    def raises(*_: object, **__: object) -> None:
        raise error

    return raises
