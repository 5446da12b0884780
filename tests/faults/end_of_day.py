"""The end of a day in the middle of runs: its calls are used up, and half a minute later a new day begins."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import requests
from azure.data.tables import TableClient

from exporters.constant_contact.limits import API, Usage
from local.stand import Stand
from shared.errors import Conflict
from shared.tables import DocumentTable, Key
from tests.faults.events import DAYS_END, Events
from tests.faults.patience import insist

# Time for the stand to start and for runs to be at every step.
_ENDS_AFTER = timedelta(seconds=100)
CALLS_LEFT = 3
_USED_UP_BEFORE = timedelta(seconds=30)
# A request that has its slot when the tables are cut off has left within this time.
_ON_ITS_WAY_SECONDS = 2.0
# What Constant Contact allows.
_QUOTA = 10_000


class EndOfDay:
    """Moves the hosts' clocks to shortly before 00:00 UTC: `offset` is by how many seconds they have to be fast."""

    def __init__(self, ends_after: timedelta = _ENDS_AFTER, used_up_before: timedelta = _USED_UP_BEFORE) -> None:
        wanted = (datetime.now(UTC) + ends_after).replace(microsecond=0)
        midnight = (wanted + timedelta(days=1)).replace(hour=0, minute=0, second=0)
        self.offset = (midnight - wanted).total_seconds()
        self._midnight = midnight
        self._used_up_at = midnight - used_up_before
        self._ending = threading.Event()

    def happen(self, stand: Stand, events: Events) -> None:
        """Let the day end and the next one begin; return when it has, or when `cancel` is called."""
        if self._wait_until(self._used_up_at):
            return
        with events.tables_away():
            # Nobody gets a slot now, and the last who did have used theirs: both counts can be set as one.
            if self._ending.wait(_ON_ITS_WAY_SECONDS):
                return
            insist(lambda: _set_count_of_app(stand, self._used_up_at))
            _set_count_of_service(stand, _QUOTA - CALLS_LEFT)
        events.count(DAYS_END)
        self._wait_until(self._midnight)
        _set_count_of_service(stand, 0)

    def cancel(self) -> None:
        """All runs have ended: there is nothing left to disturb."""
        self._ending.set()

    def _wait_until(self, moment: datetime) -> bool:
        """True when it was canceled meanwhile."""
        now = datetime.now(UTC) + timedelta(seconds=self.offset)
        return self._ending.wait(max(0.0, (moment - now).total_seconds()))


def _set_count_of_app(stand: Stand, day: datetime) -> None:
    client_id = stand.settings["CONSTANT_CONTACT_CLIENT_ID"]
    with TableClient.from_connection_string(stand.azurite.connection_string, "Limits") as client:
        table, key = DocumentTable(client, Usage), Key(client_id, API.name)
        while True:
            row = table.get_or_insert(key, Usage())
            left = {"day": day.date().isoformat(), "calls": (API.a_day or 0) - CALLS_LEFT}
            with contextlib.suppress(Conflict):
                table.replace(key, row.value.model_copy(update=left), row.etag)
                return


def _set_count_of_service(stand: Stand, calls: int) -> None:
    body = {"client_id": stand.settings["CONSTANT_CONTACT_CLIENT_ID"], "calls": calls}
    requests.post(f"{stand.simulator_url}/_simulator/calls-today", json=body, timeout=60).raise_for_status()
