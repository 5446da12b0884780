"""The request limits of a Constant Contact client id, kept together by every instance of the app.

A slot is reserved in one table row by compare-and-set before each request (the generic cell rate algorithm), so any
number of instances together stay within the documented limits: 4 requests a second and 10,000 a UTC day, both per API
key and not per account. The service sends no rate headers, so the app has to count for itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from shared.errors import Conflict, Wait
from shared.tables import DocumentTable, Key, Stored

# A slot further away than this is not waited for: the message goes back to its queue instead.
LONGEST_PAUSE_SECONDS = 2.0
# A request that leaves later than this after its slot could meet the requests of later slots in the same second.
LATEST_START_SECONDS = 0.1
# Each slot that is overslept costs one of the day's calls.
_MOST_OVERSLEPT = 3
_BUSY_SECONDS = 15.0
_MARGIN = 1.5
USED_UP = "today's calls to Constant Contact are used up until 00:00 UTC"
# Those who wait for the new day do not all come in its first second.
_SPREAD_SECONDS = 10.0
# The last calls of a day are for following what was sent and for finding out what became of it; nothing new begins.
KEPT_FOR_FOLLOWING = 500
# The clocks of the instances and of Constant Contact may differ by this much: a day begins that long after 00:00 UTC.
_DAY_BEGINS_LATE = timedelta(seconds=30)


@dataclass(frozen=True)
class Limit:
    """A limit on requests: their smallest distance in seconds, and how many a UTC day (None: no daily limit)."""

    name: str
    seconds_apart: float
    a_day: int | None = None


# 4 requests a second are allowed. 330 ms apart, a fifth comes 1.3 s after the first: 0.3 s to spare on the way.
# 10,000 a day are allowed. Those of the first 30 seconds count for the day before, and could come on top.
API = Limit("api", seconds_apart=0.33, a_day=9_900)
# 1 request a second is allowed.
TOKEN = Limit("token", seconds_apart=1.2)


class Usage(BaseModel):
    """The row of one client id and one limit: the next free slot (seconds since 1970) and the day's calls."""

    model_config = ConfigDict(frozen=True)

    next_free: float = 0.0
    day: str = ""
    calls: int = 0


class Limiter:
    """Hands out the slots of one client id."""

    def __init__(
        self,
        client: TableClient,
        client_id: str,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`now` says which day it is; slots are in the time of `clock`, which has to be one for all instances."""
        self._table = DocumentTable(client, Usage)
        self._client_id = client_id
        self._now = now
        self._clock = clock or now
        self._pause = pause
        self._a_write_takes = 0.0

    def take(self, limit: Limit, *, keep: int = 0) -> None:
        """Reserve the next slot and pause until it has come (two seconds at the most).

        Args:
            limit: which limit.
            keep: so many of the day's calls are not for this request.

        Raises:
            Wait: the next slot is too far away, or the day's calls are used up. Nothing was reserved.
        """
        overslept = 0
        while overslept < _MOST_OVERSLEPT:
            slot = self._reserve(limit, keep)
            if slot is None:
                continue
            self._pause(max(0.0, slot - self._clock()))
            if self._clock() - slot <= LATEST_START_SECONDS:
                return
            # Woken too late (a busy machine): this slot has passed, its call counts, the request takes a new one.
            overslept += 1
        raise Wait(_BUSY_SECONDS, "the storage or the machine is too slow to keep the request limit", "rate_limit")

    def hold_back(self, limit: Limit, seconds: float) -> None:
        """Give no slot of the limit to anybody for so many seconds: the service has asked for that."""
        while True:
            stored = self._read(limit)
            next_free = max(stored.value.next_free, self._clock() + seconds)
            if self._write(limit, stored.value.model_copy(update={"next_free": next_free}), stored.etag):
                return

    def left_today(self, limit: Limit) -> int:
        """How many of the day's calls are left."""
        usage = self._read(limit).value
        return max(0, (limit.a_day or 0) - self._used(usage))

    def _reserve(self, limit: Limit, keep: int) -> float | None:
        """The time of a reserved slot, or None when another instance was quicker."""
        stored = self._read(limit)
        now, calls = self._clock(), self._used(stored.value)
        if limit.a_day is not None and calls >= limit.a_day - keep:
            spread = _SPREAD_SECONDS * random.random()  # noqa: S311
            raise Wait(seconds_to_new_day(self._now()) + spread, USED_UP, "quota")
        # The slot has to be still to come when the row is written.
        slot = max(now + self._a_write_takes, stored.value.next_free)
        if slot - now > LONGEST_PAUSE_SECONDS:
            # Come back spread out, so that those who wait do not all come at once.
            later = slot - now + random.random()  # noqa: S311
            raise Wait(later, "waiting for a free slot of the request limit", "rate_limit")
        usage = Usage(next_free=slot + limit.seconds_apart, day=self._day(stored.value), calls=calls + 1)
        written = self._write(limit, usage, stored.etag)
        self._a_write_takes = min(LONGEST_PAUSE_SECONDS, _MARGIN * (self._clock() - now))
        return slot if written else None

    def _used(self, usage: Usage) -> int:
        return usage.calls if usage.day == self._day(usage) else 0

    def _day(self, usage: Usage) -> str:
        """Today, or the row's day if that is later: another instance's clock is ahead, and a day never begins twice."""
        return max(usage.day, _day_of(self._now()).isoformat())

    def _read(self, limit: Limit) -> Stored[Usage]:
        return self._table.get_or_insert(self._key(limit), Usage())

    def _write(self, limit: Limit, usage: Usage, etag: str) -> bool:
        try:
            self._table.replace(self._key(limit), usage, etag)
        except Conflict:
            return False
        return True

    def _key(self, limit: Limit) -> Key:
        return Key(self._client_id, limit.name)


def seconds_to_new_day(now: float) -> float:
    """Seconds from `now` (since 1970) until shortly after the next 00:00 UTC, when the day's calls begin anew."""
    begins = datetime.combine(_day_of(now) + timedelta(days=1), datetime.min.time(), UTC) + _DAY_BEGINS_LATE
    return begins.timestamp() - now + 1


def _day_of(now: float) -> date:
    return (datetime.fromtimestamp(now, UTC) - _DAY_BEGINS_LATE).date()
