"""The clock of the table service, which is one clock for every instance, whatever their own clocks say."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from shared.errors import Conflict, Wait
from shared.tables import DocumentTable, Key

_KEY = Key("clock", "clock")
# Between two measurements a machine's own measure of seconds is good enough.
_MEASURE_EVERY_SECONDS = 300.0
# The service writes somewhere within a call, so a quick call tells its time to a few milliseconds.
_QUICK_SECONDS = 0.05
_MOST_MEASUREMENTS = 5
# Calls that another instance came between measure nothing; with so many the storage is too busy.
_MOST_TRIES = 20
# On a machine that was too busy for a quick call, as at its start, the time is measured again before long.
_MEASURE_AGAIN_SECONDS = 5.0
# Half the length of the call. A clock that is further out would let requests meet that are to keep their distance.
_LARGEST_ERROR_SECONDS = 0.5
_BUSY_SECONDS = 15.0


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
        """Seconds since 1970, at most half a second out.

        Raises:
            Wait: the storage or the machine is too slow, or too many instances measure, to know it as well as that.
        """
        if self._measure_at is None or self._elapsed() > self._measure_at:
            self._measure()
        return self._elapsed() + self._ahead

    def _measure(self) -> None:
        measured: list[tuple[float, float]] = []
        for _ in range(_MOST_TRIES):
            if found := self._measured_once():
                measured.append(found)
            if len(measured) == _MOST_MEASUREMENTS or (found and found[0] <= _QUICK_SECONDS):
                break
        took, ahead = min(measured, default=(math.inf, 0.0))
        if took / 2 > _LARGEST_ERROR_SECONDS:
            why = "the storage or the machine is too slow to tell the time of all instances"
            raise Wait(_BUSY_SECONDS, why, "storage")
        self._ahead = ahead
        good_for = _MEASURE_EVERY_SECONDS if took <= _QUICK_SECONDS else _MEASURE_AGAIN_SECONDS
        self._measure_at = self._elapsed() + good_for

    def _measured_once(self) -> tuple[float, float] | None:
        """How long a call took and by how much the service's clock is ahead; None if another instance came between."""
        stored = self._table.get_or_insert(_KEY, _Mark())
        before = self._elapsed()
        try:
            written = self._table.replace(_KEY, _Mark(number=stored.value.number + 1), stored.etag)
        except Conflict:
            return None
        took = self._elapsed() - before
        found = self._table.get(_KEY)
        # Written by another instance since, it has the time stamp of that one's call.
        if found is None or found.etag != written.etag:
            return None
        return took, found.written_at.timestamp() - (before + took / 2)
