"""Where connections and exports are kept."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator

from azure.data.tables import TableClient
from pydantic import ValidationError

from shared.errors import NotFound
from shared.models import Connection, Export
from shared.tables import Document, DocumentTable, Key

log = logging.getLogger(__name__)

# One partition each: there are at most a few thousand, and they are always listed together.
_CONNECTIONS, _EXPORTS = "connection", "export"


def new_id() -> str:
    """An id for a new document: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether `text` can be the id of anything; what cannot is never looked up (a table key refuses / \\ # ?)."""
    return re.fullmatch(r"[0-9A-Za-z-]{1,64}", text) is not None


class _ReadableDocuments(DocumentTable[Document]):
    """Lists what can be read: one row that somebody spoilt by hand must not hide all the others."""

    def readable(self, partition: str) -> Iterator[Document]:
        """The documents of a partition but those that are none; the log names these."""
        for row in self._client.query_entities("PartitionKey eq @partition", parameters={"partition": partition}):
            try:
                yield self._stored(row).value
            except (ValidationError, TypeError) as error:
                # Told by its type alone: its text repeats what is in the row.
                log.error("the %s %s cannot be read: %s", partition, row["RowKey"], type(error).__name__)


class Connections:
    """The connections, by id."""

    def __init__(self, client: TableClient) -> None:
        self._table = _ReadableDocuments(client, Connection)

    def add(self, connection: Connection) -> None:
        """Keep a new connection."""
        self._table.insert(Key(_CONNECTIONS, connection.id), connection)

    def get(self, connection_id: str) -> Connection:
        """The connection.

        Raises:
            NotFound: there is none with this id.
        """
        stored = self._table.get(Key(_CONNECTIONS, connection_id)) if is_id(connection_id) else None
        if stored is None:
            raise NotFound(f"There is no connection “{connection_id}”. It may have been removed.")
        return stored.value

    def all(self) -> list[Connection]:
        """Every connection that can be read, by name."""
        return sorted(self._table.readable(_CONNECTIONS), key=lambda c: c.display_name.lower())


class Exports:
    """The exports, by id."""

    def __init__(self, client: TableClient) -> None:
        self._table = _ReadableDocuments(client, Export)

    def add(self, export: Export) -> None:
        """Keep a new export."""
        self._table.insert(Key(_EXPORTS, export.id), export)

    def get(self, export_id: str) -> Export:
        """The export.

        Raises:
            NotFound: there is none with this id.
        """
        stored = self._table.get(Key(_EXPORTS, export_id)) if is_id(export_id) else None
        if stored is None:
            raise NotFound(f"There is no export “{export_id}”. It may have been removed.")
        return stored.value

    def all(self) -> list[Export]:
        """Every export that can be read, by name."""
        return sorted(self._table.readable(_EXPORTS), key=lambda e: e.name.lower())
