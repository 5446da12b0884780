"""Many instances share one client id: together they keep its limits, a second's and a day's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from azure.data.tables import TableClient

from admin.records import RunRecord
from exporters.constant_contact.limits import API, Usage
from exporters.runs import ENDED
from local.snapshot_folder import upload
from local.stand import Stand
from shared.errors import Conflict
from shared.models import Schedule
from shared.tables import DocumentTable, Key
from tests.faults.oracle import expected, segment_name, write_segment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

PROFILES = 500
QUOTA = 10_000
LEFT = 3
# The stand and twenty runs have to be under way by then: on two busy cores they are after half a minute.
MIDNIGHT_COMES_AFTER = timedelta(seconds=105)
# For so long no slot comes while both counts are set.
STANDSTILL_SECONDS = 6.0


def control(stand: Stand, method: str, path: str, body: object = None) -> requests.Response:
    """The simulator's controls: none of these counts as a call."""
    answer = requests.request(method, f"{stand.simulator_url}/_simulator/{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer


def start_runs(stand: Stand, folder: Path, count: int) -> dict[str, RunRecord]:
    """So many exports, each with a segment and a list of its own; their runs by list id."""
    for number in range(count):
        write_segment(folder, number, PROFILES)
    upload(folder, stand.snapshots)
    connection = stand.connect("Local Company")
    started = {}
    for number in range(count):
        list_id = control(stand, "POST", "lists", {"name": f"List {number}"}).json()["list_id"]
        export = stand.app.add_export(
            f"Export {number}",
            connection,
            list_id=list_id,
            segments=[segment_name(number)],
            mapping={"email": "EMail", "first_name": "FirstName"},
            schedule=Schedule(active=False),
        )
        started[list_id] = stand.app.run(export.id, stand.app.start_run(export.id))
    return started


def now(stand: Stand, runs: Iterable[RunRecord]) -> list[RunRecord]:
    return [stand.app.run(run.export_id, run.run_id) for run in runs]


def wait_until(stand: Stand, runs: Iterable[RunRecord], holds: Callable[[list[RunRecord]], bool]) -> list[RunRecord]:
    runs = list(runs)
    deadline = time.monotonic() + 300
    while not holds(found := now(stand, runs)):
        assert time.monotonic() < deadline, [(run.status, run.waiting) for run in found]
        time.sleep(0.3)
    return found


def assert_exact(stand: Stand, runs: dict[str, RunRecord]) -> None:
    ended = wait_until(stand, runs.values(), lambda found: all(run.status in ENDED for run in found))
    assert [run.status for run in ended] == ["completed_with_warnings"] * len(runs), [run.error for run in ended]
    for number, (list_id, run) in enumerate(zip(runs, ended, strict=True)):
        oracle = expected(number, PROFILES)
        members = control(stand, "GET", f"lists/{list_id}/members.csv").text.splitlines()[1:]
        assert {member.split(",")[0] for member in members} == oracle.members
        assert (run.counts.sent, run.counts.duplicates) == (len(oracle.members), oracle.duplicates)
        assert run.counts.rejected == len(oracle.rejected)
    assert control(stand, "GET", "statistics").json()["contacts_imported_more_than_once"] == 0


def test_twenty_runs_on_four_instances_keep_the_limits_of_a_second_and_of_a_day_and_go_on_after_midnight(
    tmp_path: Path,
) -> None:
    offset = seconds_until_midnight_is_near()
    with Stand(instances=4, clock_offsets=[offset] * 4) as stand:
        control(stand, "POST", "clock", {"advance_seconds": offset})
        runs = start_runs(stand, tmp_path, 20)
        # Runs are at every step when the calls run out.
        wait_until(stand, [], lambda _: control(stand, "GET", "statistics").json()["imports_accepted"] > 2)
        leave_calls(stand, offset)

        parked = wait_until(
            stand, runs.values(), lambda found: any("00:00 UTC" in (run.waiting or "") for run in found)
        )

        (waiting, *_) = [run for run in parked if "00:00 UTC" in (run.waiting or "")]
        assert "calls to Constant Contact" in (waiting.waiting or "")
        assert waiting.status not in ENDED
        assert_exact(stand, runs)
        statistics = control(stand, "GET", "statistics").json()
        assert statistics["calls_over_the_quota"] == 0
        assert statistics["most_requests_in_a_second"]["all"] <= 4


def seconds_until_midnight_is_near() -> float:
    """By how much the clocks have to be fast for 00:00 UTC to come soon."""
    moment = datetime.now(UTC) + MIDNIGHT_COMES_AFTER
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - moment).total_seconds()


def leave_calls(stand: Stand, offset: float) -> None:
    """Let all but a few calls of the day be used up, as many by the app's count as by Constant Contact's.

    Both are set while every request that had its slot has arrived and none gets another: again and again, if the
    machine was too busy to do so before the next slot.
    """
    client_id = stand.settings["CONSTANT_CONTACT_CLIENT_ID"]
    today = (datetime.now(UTC) + timedelta(seconds=offset)).date().isoformat()
    with TableClient.from_connection_string(stand.azurite.connection_string, "Limits") as client:
        table, key = DocumentTable(client, Usage), Key(client_id, API.name)
        goes_on = 0.0
        while goes_on < time.time():
            row = table.get_or_insert(key, Usage())
            last_slot = row.value.next_free
            goes_on = max(last_slot, time.time()) + STANDSTILL_SECONDS
            used_up = Usage(day=today, calls=(API.a_day or 0) - LEFT, next_free=goes_on)
            try:
                table.replace(key, used_up, row.etag)
            except Conflict:
                goes_on = 0.0
                continue
            time.sleep(max(0.0, last_slot - time.time()) + STANDSTILL_SECONDS / 2)
            control(stand, "POST", "calls-today", {"client_id": client_id, "calls": QUOTA - LEFT})
