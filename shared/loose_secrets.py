"""Secrets in Key Vault that no connection names: not yet, or not any more. Each is written down here until it is gone.

A secret that nobody tells of would be a living grant that nobody sees. So whoever makes one writes it down before, and
so does whoever lets a connection name another one; it is struck off when a connection names it, or when it is deleted.
"""

from __future__ import annotations

import contextlib
from datetime import datetime

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from shared.errors import Conflict
from shared.tables import DocumentTable, Key, Stored

_PARTITION = "secret"
_ANY_VERSION = "*"


class LooseSecret(BaseModel):
    """A secret that is to be deleted when it is `due`, unless its connection names it by then."""

    model_config = ConfigDict(frozen=True)

    name: str
    connection_id: str
    due: datetime


class LooseSecrets:
    """The table `LooseSecrets`: one partition, there are never more than a few."""

    def __init__(self, client: TableClient) -> None:
        self._table = DocumentTable(client, LooseSecret)

    def write_down(self, secret: LooseSecret) -> None:
        """Keep it; one that is there already is due at the new time."""
        while not self._table.insert(self._key(secret.name), secret):
            with contextlib.suppress(Conflict):  # Struck off in between.
                self._table.replace(self._key(secret.name), secret, _ANY_VERSION)
                return

    def strike_off(self, name: str, etag: str = _ANY_VERSION) -> None:
        """Forget it; one that is not there is no error.

        Raises:
            Conflict: it is no longer the version that `etag` names.
        """
        self._table.remove(self._key(name), etag)

    def all(self) -> list[Stored[LooseSecret]]:
        """Every one that can be read."""
        return list(self._table.readable(_PARTITION))

    def _key(self, name: str) -> Key:
        return Key(_PARTITION, name)
