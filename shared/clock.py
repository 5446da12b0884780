"""The clock of the table service, which is one clock for every instance, whatever their own clocks say."""

from __future__ import annotations

import time
from collections.abc import Callable

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from shared.errors import Conflict
from shared.tables import DocumentTable, Key

_KEY = Key("clock", "clock")
# Between two measurements a machine's own measure of seconds is good enough.
_MEASURE_EVERY_SECONDS = 300.0
# The service writes somewhere within a call, so a quick call tells its time to a few milliseconds.
_QUICK_SECONDS = 0.05
_MOST_TRIES = 5
# On a machine that was too busy for a quick call, as at its start, the time is measured again before long.
_MEASURE_AGAIN_SECONDS = 5.0


class _Mark(BaseModel):
    """A row that is written to see when the service says that it was."""

    model_config = ConfigDict(frozen=True)

    number: int = 0


class TableClock:
    """Tells the table service's time: measured by the time stamp that it puts on a row, carried on in between."""

    def __init__(self, client: TableClient, *, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._table = DocumentTable(client, _Mark)
        self._elapsed = elapsed
        self._ahead = 0.0
        self._measure_at: float | None = None

    def time(self) -> float:
        """Seconds since 1970."""
        if self._measure_at is None or self._elapsed() > self._measure_at:
            self._measure()
        return self._elapsed() + self._ahead

    def _measure(self) -> None:
        best: float | None = None
        tries = 0
        while best is None or (best > _QUICK_SECONDS and tries < _MOST_TRIES):
            tries += 1
            stored = self._table.get_or_insert(_KEY, _Mark())
            before = self._elapsed()
            try:
                written = self._table.replace(_KEY, _Mark(number=stored.value.number + 1), stored.etag)
            except Conflict:
                continue
            took = self._elapsed() - before
            found = self._table.get(_KEY)
            # Another instance may have written it since: then its time stamp is that of another call.
            if found is not None and found.etag == written.etag and (best is None or took < best):
                best = took
                self._ahead = found.written_at.timestamp() - (before + took / 2)
        good_for = _MEASURE_EVERY_SECONDS if best <= _QUICK_SECONDS else _MEASURE_AGAIN_SECONDS
        self._measure_at = self._elapsed() + good_for
