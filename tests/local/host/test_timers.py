"""Timer functions: on schedule, once among all instances, made up for when missed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobServiceClient

from local.azurite import Azurite
from local.host.schedules import parse_schedule
from local.host.timers import ScheduleStatus, recall
from tests.local.host.running import APPS, RunningHost, eventually, fresh_id, running_host

# Half a day away from now: it does not come while the tests run, whenever that is.
EVERY_DAY = f"0 0 {(datetime.now(UTC).hour + 12) % 24} * * *"
SETTINGS = {"DAILY": EVERY_DAY}
DAILY = parse_schedule("0 0 3 * * *", "test")
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)


def status_blob(connection_string: str, host_id: str, function: str) -> BlobClient:
    service = BlobServiceClient.from_connection_string(connection_string)
    return service.get_blob_client("azure-webjobs-hosts", f"timers/{host_id}/Host.Functions.{function}/status")


def lock_blob(connection_string: str, host_id: str, function: str) -> BlobClient:
    service = BlobServiceClient.from_connection_string(connection_string)
    return service.get_blob_client("azure-webjobs-hosts", f"locks/{host_id}/Host.Functions.{function}.Listener")


def read(blob: BlobClient) -> dict[str, str]:
    try:
        document: dict[str, str] = json.loads(blob.download_blob().readall())
    except ResourceNotFoundError:
        return {}
    return document


@pytest.fixture(scope="module")
def pair(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RunningHost]]:
    """Two hosts that share an account and a host id, with a run missed two days ago."""
    folder, shared = tmp_path_factory.mktemp("timers"), fresh_id()
    last = parse_schedule(EVERY_DAY, "test").next_after(datetime.now(UTC) - timedelta(days=3))
    missed = {"Last": last, "Next": last + timedelta(days=1), "LastUpdated": last}
    blob = status_blob(azurite.connection_string, shared, "daily")
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    if not service.get_container_client("azure-webjobs-hosts").exists():
        service.create_container("azure-webjobs-hosts")
    blob.upload_blob(json.dumps({name: moment.isoformat() for name, moment in missed.items()}))
    app, account = APPS / "timers", azurite.connection_string
    with (
        running_host(app, folder / "a", account, SETTINGS, ("--name", "a"), shared) as a,
        running_host(app, folder / "b", account, SETTINGS, ("--name", "b"), shared) as b,
    ):
        yield [a, b]


def lines(pair: list[RunningHost], pattern: str) -> list[str]:
    return [line for host in pair for line in host.lines(pattern)]


def test_runs_missed_while_no_host_was_up_are_made_up_for_by_one(pair: list[RunningHost]) -> None:
    eventually(lambda: lines(pair, "function=daily .*succeeded"), "the past due run")

    assert len(lines(pair, "daily past_due=True")) == 1


def test_the_status_says_when_a_timer_fired_and_when_it_is_due(pair: list[RunningHost]) -> None:
    blob = status_blob(pair[0].connection_string, pair[0].host_id, "daily")
    eventually(lambda: read(blob)["Next"] > datetime.now(UTC).isoformat(), "the new status")
    status = {name: datetime.fromisoformat(text) for name, text in read(blob).items()}

    assert status["Next"] == parse_schedule(EVERY_DAY, "test").next_after(status["Last"])


def test_a_timer_that_runs_at_start_runs_at_every_take_over_of_its_lock_not_past_due(pair: list[RunningHost]) -> None:
    eventually(lambda: lines(pair, "at_start past_due=False"), "the run at start")


def test_several_hosts_that_share_an_account_fire_a_timer_once(pair: list[RunningHost]) -> None:
    fired = eventually(
        lambda: found if len(found := lines(pair, "every_second at=")) >= 3 else None, "three times of firing"
    )
    seconds = Counter(re.findall(r"at=(\d+)", "\n".join(fired)))

    assert set(seconds.values()) == {1}


def test_a_timer_that_fires_every_second_keeps_no_status(pair: list[RunningHost]) -> None:
    eventually(lambda: lines(pair, "every_second at=.* status={}"), "a run without status")

    assert read(status_blob(pair[0].connection_string, pair[0].host_id, "every_second")) == {}


def test_a_timer_never_runs_twice_at_once_and_skips_what_it_missed_by_running(pair: list[RunningHost]) -> None:
    eventually(lambda: len(lines(pair, "slower ends")) >= 2, "two runs")
    words = [line.rsplit(" ", 1)[1] for line in sorted(lines(pair, "slower (starts|ends)"))]

    assert words[:4] == ["starts", "ends", "starts", "ends"]


def test_a_host_that_stops_hands_its_timers_to_another(azurite: Azurite, tmp_path: Path) -> None:
    shared, app, account = fresh_id(), APPS / "timers", azurite.connection_string
    with running_host(app, tmp_path / "a", account, SETTINGS, ("--name", "a"), shared) as leaving:
        leaving.wait_for("every_second at=")
        assert leaving.ask_to_stop() == 0
        lock = lock_blob(account, shared, "every_second").get_blob_properties().lease
        with running_host(app, tmp_path / "b", account, SETTINGS, ("--name", "b"), shared) as following:
            following.wait_for("every_second at=")

    assert lock.state == "available"


def test_a_timer_called_by_an_operator_leaves_its_status_alone(pair: list[RunningHost]) -> None:
    blob = status_blob(pair[0].connection_string, pair[0].host_id, "daily")
    eventually(lambda: lines(pair, "function=daily .*succeeded"), "the past due run")
    eventually(lambda: read(blob)["Next"] > datetime.now(UTC).isoformat(), "the new status")
    before = read(blob)
    response = pair[1].post("/admin/functions/daily", {"input": ""}, {"x-functions-key": pair[1].keys.master})

    assert response.status_code == 202
    pair[1].wait_for("daily past_due=False")
    pair[1].wait_for("function=daily .*succeeded .*by an operator")
    assert read(blob) == before


def test_the_instance_s_name_stands_in_every_line_of_its_log(pair: list[RunningHost]) -> None:
    for host, name in zip(pair, ("[a]", "[b]"), strict=True):
        assert all(name in line for line in host.text.splitlines())


def test_a_timer_without_status_is_not_past_due() -> None:
    status, past_due = recall(None, DAILY, NOON)

    assert not past_due
    assert status.next == datetime(2026, 5, 21, 3, tzinfo=UTC)


def test_a_timer_that_never_fired_is_past_due_after_its_first_time() -> None:
    first, _ = recall(None, DAILY, NOON)

    assert recall(first, DAILY, NOON + timedelta(days=1))[1]


def test_a_changed_schedule_starts_afresh_without_a_run() -> None:
    long_ago = NOON - timedelta(days=9)
    status = ScheduleStatus(long_ago, DAILY.next_after(long_ago), long_ago)
    changed = parse_schedule("0 30 4 * * *", "test")

    status, past_due = recall(status, changed, NOON)

    assert not past_due
    assert status.next == datetime(2026, 5, 21, 4, 30, tzinfo=UTC)


def test_a_timer_due_later_today_is_not_past_due() -> None:
    status = ScheduleStatus(NOON, DAILY.next_after(NOON), NOON)

    assert recall(status, DAILY, NOON + timedelta(hours=1)) == (status, False)
