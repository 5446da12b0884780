"""Where connections and exports are kept."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from azure.data.tables import TableClient

from shared.errors import Changed, Conflict, NotFound
from shared.models import Connection, Export
from shared.tables import DocumentTable, Key, Stored

Kept = TypeVar("Kept", Connection, Export)


def new_id() -> str:
    """An id for a new document: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether `text` can be the id of anything; what cannot is never looked up (a table key refuses / \\ # ?)."""
    return re.fullmatch(r"[0-9A-Za-z-]{1,64}", text) is not None


class _Documents(Generic[Kept]):
    """Documents of one kind, by id. One partition: there are at most a few thousand, always listed together."""

    def __init__(self, client: TableClient, model: type[Kept], kind: str) -> None:
        self._table: DocumentTable[Kept] = DocumentTable(client, model)
        self._kind = kind

    def add(self, document: Kept) -> bool:
        """Keep a new one; False when there is one with its id already, which stays as it is."""
        return self._table.insert(self._key(document.id), document)

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

    def change(self, document_id: str, change: Callable[[Kept], Kept], *, etag: str | None = None) -> Stored[Kept]:
        """Change one: the version that `etag` names and no other, or whatever is there when it is None.

        Raises:
            NotFound: there is none.
            Changed: it is no longer the version that `etag` names. Nothing was written.
        """
        while True:
            stored = self.stored(document_id)
            if etag is not None and stored.etag != etag:
                raise self._changed()
            changed = change(stored.value)
            if changed == stored.value:
                return stored
            try:
                return self._table.replace(self._key(document_id), changed, stored.etag)
            except Conflict:
                continue

    def remove(self, document_id: str, *, etag: str | None = None) -> None:
        """Remove one: the version that `etag` names and no other, or whatever is there when it is None.

        Raises:
            NotFound: there is none.
            Changed: it is no longer the version that `etag` names. Nothing was removed.
        """
        stored = self.stored(document_id)
        try:
            self._table.remove(self._key(document_id), etag or stored.etag)
        except Conflict as error:
            raise self._changed() from error

    def _readable(self) -> Iterator[Kept]:
        return (stored.value for stored in self._table.readable(self._kind))

    def _changed(self) -> Changed:
        return Changed(f"Somebody else has changed the {self._kind} meanwhile. Read it again.")

    def _key(self, document_id: str) -> Key:
        return Key(self._kind, document_id)


class Connections(_Documents[Connection]):
    """The connections, by id."""

    def __init__(self, client: TableClient) -> None:
        super().__init__(client, Connection, "connection")

    def all(self) -> list[Connection]:
        """Every connection that can be read, by name."""
        return sorted(self._readable(), key=lambda one: one.display_name.lower())


class Exports(_Documents[Export]):
    """The exports, by id."""

    def __init__(self, client: TableClient) -> None:
        super().__init__(client, Export, "export")

    def all(self) -> list[Export]:
        """Every export that can be read, by name."""
        return sorted(self._readable(), key=lambda one: one.name.lower())
