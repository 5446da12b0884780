"""Until when somebody has looked whether schedules are due: what came since then is still to be seen to."""

from __future__ import annotations

from datetime import datetime

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from shared.errors import Conflict
from shared.tables import DocumentTable, Key

_KEY = Key("schedules", "last-look")


class _Look(BaseModel):
    """Every time up to `until` was seen to, for every export."""

    model_config = ConfigDict(frozen=True)

    until: datetime


class LastLook:
    """One row for all instances."""

    def __init__(self, client: TableClient) -> None:
        self._table = DocumentTable(client, _Look)

    def until(self, otherwise: datetime) -> datetime:
        """The moment; on an app that has never looked it is `otherwise`."""
        return self._table.get_or_insert(_KEY, _Look(until=otherwise)).value.until

    def move(self, until: datetime) -> None:
        """All is seen to up to this moment. It never goes back: the last of two who looked may be the slower one."""
        while True:
            stored = self._table.get_or_insert(_KEY, _Look(until=until))
            if stored.value.until >= until:
                return
            try:
                self._table.replace(_KEY, _Look(until=until), stored.etag)
            except Conflict:
                continue
            return
