"""Where connections and exports are kept, each change together with what the audit log is to tell of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableClient, UpdateMode

from shared.audit import AuditEntry
from shared.errors import Changed, NotFound
from shared.models import Connection, Export
from shared.tables import DocumentTable, Key, Stored, entity

Kept = TypeVar("Kept", Connection, Export)

# The rows of entries that the audit log does not have yet sort behind those of the documents: no id has this sign.
_UNTOLD = "~"
_TAKEN, _GONE, _CHANGED = 409, 404, 412


def new_id() -> str:
    """An id for a new document: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether `text` can be the id of anything; what cannot is never looked up (a table key refuses / \\ # ?)."""
    return re.fullmatch(r"[0-9A-Za-z-]{1,64}", text) is not None


class Documents(Generic[Kept]):
    """Documents of one kind, by id. One partition: there are at most a few thousand, always listed together.

    A change can take an audit entry with it: both are written in one transaction, so there is never the one without
    the other, whatever dies. The entry waits beside the documents (`untold`) until it is in the audit log.
    """

    def __init__(self, client: TableClient, model: type[Kept], kind: str) -> None:
        self._client = client
        self._table: DocumentTable[Kept] = DocumentTable(client, model)
        self._untold: DocumentTable[AuditEntry] = DocumentTable(client, AuditEntry)
        self._kind = kind

    def add(self, document: Kept, told: AuditEntry | None = None) -> bool:
        """Keep a new one; False when there is one with its id already, which stays as it is."""
        try:
            self._together(("create", entity(self._key(document.id), document)), told)
        except HttpResponseError as error:
            if error.status_code != _TAKEN:
                raise
            return False
        return True

    def get(self, document_id: str) -> Kept:
        """The one with this id.

        Raises:
            NotFound: there is none.
        """
        return self.stored(document_id).value

    def stored(self, document_id: str) -> Stored[Kept]:
        """The one with this id, and its ETag.

        Raises:
            NotFound: there is none.
        """
        stored = self._table.get(self._key(document_id)) if is_id(document_id) else None
        if stored is None:
            raise NotFound(f"There is no {self._kind} “{document_id}”. It may have been removed.")
        return stored

    def change(
        self,
        document_id: str,
        change: Callable[[Kept], Kept],
        *,
        etag: str | None = None,
        told: Callable[[Kept, Kept], AuditEntry] | None = None,
    ) -> Stored[Kept]:
        """Change one: the version that `etag` names and no other, or whatever is there when it is None.

        `told` says what the audit log tells of the document before and after; of what changes nothing it tells nothing.

        Raises:
            NotFound: there is none.
            Changed: it is no longer the version that `etag` names. Nothing was written.
        """
        while True:
            stored = self._expected(document_id, etag)
            changed = change(stored.value)
            if changed == stored.value:
                return stored
            options = {"mode": UpdateMode.REPLACE, **_if_it_is(stored)}
            update = ("update", entity(self._key(document_id), changed), options)
            try:
                answers = self._together(update, told(stored.value, changed) if told else None)
            except HttpResponseError as error:
                if error.status_code not in (_GONE, _CHANGED):
                    raise
                continue
            return Stored(changed, str(answers["etag"]), datetime.now(UTC))

    def remove(
        self, document_id: str, *, etag: str | None = None, told: Callable[[Kept], AuditEntry] | None = None
    ) -> None:
        """Remove one: the version that `etag` names and no other, or whatever is there when it is None.

        Raises:
            NotFound: there is none.
            Changed: it is no longer the version that `etag` names. Nothing was removed.
        """
        while True:
            stored = self._expected(document_id, etag)
            key = self._key(document_id)
            row = {"PartitionKey": key.partition, "RowKey": key.row}
            try:
                self._together(("delete", row, _if_it_is(stored)), told(stored.value) if told else None)
            except HttpResponseError as error:
                if error.status_code not in (_GONE, _CHANGED):
                    raise
                continue
            return

    def ids(self) -> set[str]:
        """The ids of all of them, those that cannot be read too."""
        kind_alone = {"kind": self._kind, "untold": _UNTOLD}
        query = "PartitionKey eq @kind and RowKey lt @untold"
        return {row["RowKey"] for row in self._client.query_entities(query, parameters=kind_alone, select=["RowKey"])}

    def untold(self) -> list[AuditEntry]:
        """The entries of changes that the audit log may not have yet, in no order."""
        return [stored.value for stored in self._untold.readable(self._kind, rows_above=_UNTOLD)]

    def is_told(self, told: AuditEntry) -> None:
        """The audit log has this entry."""
        self._untold.remove(self._key(_UNTOLD + told.row), "*")

    def _readable(self) -> Iterator[Kept]:
        return (stored.value for stored in self._table.readable(self._kind, rows_below=_UNTOLD))

    def _expected(self, document_id: str, etag: str | None) -> Stored[Kept]:
        stored = self.stored(document_id)
        if etag is not None and stored.etag != etag:
            raise Changed(f"Somebody else has changed the {self._kind} meanwhile. Read it again.")
        return stored

    def _together(self, operation: tuple[Any, ...], told: AuditEntry | None) -> Mapping[str, Any]:
        """Write a document and what is told of it, or nothing; what storage answers for the document."""
        operations = [operation]
        if told is not None:
            operations.append(("upsert", entity(self._key(_UNTOLD + told.row), told)))
        return self._client.submit_transaction(operations)[0]

    def _key(self, row: str) -> Key:
        return Key(self._kind, row)


class Connections(Documents[Connection]):
    """The connections, by id."""

    def __init__(self, client: TableClient) -> None:
        super().__init__(client, Connection, "connection")

    def all(self) -> list[Connection]:
        """Every connection that can be read, by name."""
        return sorted(self._readable(), key=lambda one: one.display_name.lower())


class Exports(Documents[Export]):
    """The exports, by id."""

    def __init__(self, client: TableClient) -> None:
        super().__init__(client, Export, "export")

    def all(self) -> list[Export]:
        """Every export that can be read, by name."""
        return sorted(self._readable(), key=lambda one: one.name.lower())


def _if_it_is(stored: Stored[Any]) -> dict[str, Any]:
    return {"etag": stored.etag, "match_condition": MatchConditions.IfNotModified}
