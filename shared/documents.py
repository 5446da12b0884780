"""Where connections and exports are kept."""

from __future__ import annotations

import re
import uuid

from azure.data.tables import TableClient

from shared.errors import NotFound
from shared.models import Connection, Export
from shared.tables import DocumentTable, Key

# One partition each: there are at most a few thousand, and they are always listed together.
_CONNECTIONS, _EXPORTS = "connection", "export"


def new_id() -> str:
    """An id for a new document: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether `text` can be the id of anything; what cannot is never looked up (a table key refuses / \\ # ?)."""
    return re.fullmatch(r"[0-9A-Za-z-]{1,64}", text) is not None


class Connections:
    """The connections, by id."""

    def __init__(self, client: TableClient) -> None:
        self._table = DocumentTable(client, Connection)

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
        """Every connection, by name."""
        return sorted((one.value for one in self._table.partition(_CONNECTIONS)), key=lambda c: c.display_name.lower())


class Exports:
    """The exports, by id."""

    def __init__(self, client: TableClient) -> None:
        self._table = DocumentTable(client, Export)

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
        """Every export, by name."""
        return sorted((one.value for one in self._table.partition(_EXPORTS)), key=lambda e: e.name.lower())
