"""Runs in a real system that end in every way there is, or wait: for the pictures and for the search for barriers."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import requests
from playwright.sync_api import expect

from admin.records import RunRecord
from exporters.runs import ENDED, Counts, new_run_id
from exporters.services import connect
from exporters.start import BY_TIMER
from local.samples import write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Connection, Schedule
from shared.settings import load_settings
from tests.browser import past
from tests.browser.chromium import Visitor
from tests.browser.past import as_begun_by, begin_as, name_list

SEGMENTS = ("LoyaltyMembers", "NewsletterSubscribers")
CLEAN, DIRTY, FAILED, REJECTED = "Anniversaries", "Loyal customers", "Win back", "Wrong column"
UP_TO_DATE, WAITING = "Birthdays", "Summer sale"

_CLEAN_PROFILES = 1_200
_SAMPLE_PROFILES = 1_500
_LONGEST_SECONDS = 180


def address(run: RunRecord) -> str:
    """The page of a run."""
    return f"/exports/{run.export_id}/runs/{run.run_id}"


def run_of(name: str, more: str = "") -> Callable[[Stand], str]:
    """Finds the page of the newest run of the export of this name; `more` is its query."""
    return lambda stand: address(_newest(stand, name)) + more


def start_run(
    stand: Stand,
    connection: Connection,
    name: str,
    *segments: str,
    email: str = "EMail",
) -> RunRecord:
    """A new export of this name, which only people start, and its first run."""
    export = stand.app.add_export(
        name,
        connection,
        list_id=stand.account.list_id,
        segments=segments or SEGMENTS,
        mapping={"email": email, "first_name": "FirstName"},
        schedule=Schedule(active=False),
    )
    name_list(stand, export)
    return stand.app.run(export.id, stand.app.start_run(export.id))


def furnish_runs(stand: Stand, connection: Connection) -> None:
    """A run of each export that is named above, but for `WAITING`, which comes with `begin_waiting`."""
    with tempfile.TemporaryDirectory() as folder:
        write_samples(Path(folder), _SAMPLE_PROFILES)
        upload(Path(folder), stand.snapshots)
    rows = "".join(f"guest.{number}@example.com,Guest\n" for number in range(_CLEAN_PROFILES))
    partition = "CustomerInsights_x/BlobExport/Anniversaries/2026/11/02/0600/Anniversaries_1.csv"
    stand.snapshots.upload_blob(partition, f"EMail,FirstName\n{rows}".encode(), overwrite=True)
    runs = [
        start_run(stand, connection, CLEAN, "Anniversaries"),
        start_run(stand, connection, DIRTY),
        start_run(stand, connection, FAILED, "NoSuchSegment"),
        start_run(stand, connection, REJECTED, SEGMENTS[0], email="FirstName"),
        start_run(stand, connection, UP_TO_DATE, "Anniversaries"),
    ]
    for run in runs:
        _wait_until_ended(stand, run)
    _record_up_to_date(stand, runs[-1])


def _record_up_to_date(stand: Stand, last: RunRecord) -> None:
    """What the refresh schedule leaves when there is nothing new; here nobody waits until it is time."""
    services = connect(load_settings({**os.environ, **stand.settings}))
    now = services.now()
    update = {"run_id": new_run_id(now), "created_at": now, "started_at": now, "ended_at": now, "status": "up_to_date"}
    nothing = {"trigger": "timer", "started_by": BY_TIMER, "counts": Counts(), "prepared_at": None, "uploaded_at": None}
    run = services.runs.get(last.export_id, last.run_id).model_copy(update=update | nothing)
    services.runs.add_ended(run, services.runs.slot(run.export_id))
    services.history.note(run)


def age_runs(stand: Stand) -> None:
    """The runs of `furnish_runs` as they would be in a company: people began them, and they took their time."""
    for name, person, minutes_ago, seconds in _AGED:
        as_begun_by(stand, _newest(stand, name), person, minutes_ago=minutes_ago, took=timedelta(seconds=seconds))


def add_month(stand: Stand) -> None:
    """What the runs before `CLEAN` sent, a day each."""
    past.add_month(stand, _newest(stand, CLEAN))


_AGED = (
    (CLEAN, "Marta Rinaldi", 128, 161),
    (DIRTY, "Paul Ionescu", 52, 252),
    (FAILED, "Marta Rinaldi", 34, 4),
    (REJECTED, "Paul Ionescu", 21, 37),
)


def begin_waiting(stand: Stand) -> str:
    """The page of a run that cannot go on: from now on Constant Contact takes no import."""
    _fill_queue(stand)
    connection = next(one for one in stand.app.connections() if one.state == "connected")
    run = start_run(stand, connection, WAITING)
    begin_as(stand, run, "Marta Rinaldi")
    return address(run)


def wait_in_vain(_: Stand, visitor: Visitor) -> None:
    """On the page of a run that has just begun: look at it until it waits for Constant Contact."""
    expect(visitor.page.locator("#countdown")).to_have_count(1, timeout=60_000)


def cancel(stand: Stand, visitor: Visitor) -> None:
    """On the page of a run that waits: cancel it, and look at it until it has ended."""
    wait_in_vain(stand, visitor)
    visitor.page.locator("#cancel").click()
    visitor.page.locator("form[action$='/cancel'] button").click()
    expect(visitor.page.locator("#run:not([data-live])")).to_have_count(1, timeout=60_000)


@contextmanager
def full_queue(stand: Stand) -> Iterator[None]:
    """For the block, Constant Contact takes no import: every run waits."""
    _fill_queue(stand)
    try:
        yield
    finally:
        requests.delete(_faults(stand), timeout=10).raise_for_status()


@contextmanager
def slow_uploads(stand: Stand, seconds: float) -> Iterator[None]:
    """For the block, each upload takes so long at the least: no machine is too fast to be watched."""
    _arm(stand, {"name": "slow", "delay_seconds": seconds})
    try:
        yield
    finally:
        requests.delete(_faults(stand), timeout=10).raise_for_status()


def _fill_queue(stand: Stand) -> None:
    _arm(stand, {"name": "queue-full", "times": 1_000})


def _arm(stand: Stand, fault: dict[str, object]) -> None:
    requests.post(_faults(stand), json=fault, timeout=10).raise_for_status()


def _faults(stand: Stand) -> str:
    return f"{stand.simulator_url}/_simulator/faults"


def _newest(stand: Stand, name: str) -> RunRecord:
    export = next(one for one in stand.app.exports() if one.name == name)
    return stand.app.runs(export.id)[0]


def _wait_until_ended(stand: Stand, run: RunRecord) -> None:
    _wait_until(lambda: stand.app.run(run.export_id, run.run_id).status in ENDED, f"the end of run {run.run_id}")


def _wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.2)
