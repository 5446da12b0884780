"""When the time of a schedule has come: a start, once, whoever looks and however late; or a run with nothing to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient

from admin import exports
from exporters import start
from exporters.runs import Counts
from shared.snapshots.models import ReadOptions
from tests.admin.exporting import ADA
from tests.exporters.due import ARRIVED, NEWER, daily, entries, next_refresh, runs, soon, statuses, wait_until
from tests.exporters.world import World
from tests.promises.interruption import Killed, death, watching


@pytest.fixture(autouse=True)
def _a_segment_and_a_first_look(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    # So that no test comes upon the refresh by chance.
    if timedelta(0) < next_refresh(world) - world.clock.now() < timedelta(hours=1):
        world.clock.advance(2 * 3600)
    start.start_due(world.services)


@contextlib.contextmanager
def storage_away(*partitions: str) -> Iterator[None]:
    """Nobody answers for these partitions of tables; without any, for none."""
    get = TableClient.get_entity

    def fails(table: TableClient, partition: str, *given: object, **more: object) -> object:
        if not partitions or partition in partitions:
            raise ServiceRequestError("nobody answers")
        return get(table, partition, *given, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TableClient, "get_entity", fails)
        yield


# An export with times of its own


def test_an_export_starts_at_its_own_time_and_not_before(world: World) -> None:
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due))
    wait_until(world, due - timedelta(minutes=1))
    assert start.start_due(world.services) == []
    wait_until(world, due)
    (run,) = start.start_due(world.services)
    assert (run.export_id, run.trigger, run.started_by, run.schedule_due) == (export.id, "timer", "schedule", due)
    world.deliver()
    assert world.members() == ["ana@example.com"]


def test_a_timer_that_fires_a_moment_early_starts_it(world: World) -> None:
    due = soon(world)
    world.add_export("Loyal", schedule=daily(due))
    wait_until(world, due - timedelta(seconds=1))
    (run,) = start.start_due(world.services)
    assert run.schedule_due == due


def test_a_time_that_was_seen_to_starts_nothing_again(world: World) -> None:
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due), mapping={"email": "NoSuchColumn"})
    wait_until(world, due)
    start.start_due(world.services)
    world.deliver()
    # Somebody whose clock is behind looks once more at the same time.
    world.services.last_look._table._client.delete_entity("schedules", "last-look")
    world.clock.ahead -= world.clock.now() - due
    assert start.start_due(world.services) == []
    assert statuses(world, export) == ["failed"]


def test_of_several_times_that_were_missed_one_is_made_up_at_once(world: World) -> None:
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due))
    wait_until(world, due + timedelta(days=3, hours=2))
    (run,) = start.start_due(world.services)
    assert run.schedule_due == due + timedelta(days=3)
    world.deliver()
    assert start.start_due(world.services) == []
    assert statuses(world, export) == ["successful"]


def test_an_export_is_not_started_for_a_time_before_it_was_made(world: World) -> None:
    due = soon(world)
    wait_until(world, due + timedelta(days=1, hours=2))
    world.add_export("Loyal", schedule=daily(due))
    assert start.start_due(world.services) == []


@pytest.mark.parametrize("change", [{"schedule": "off"}, {"connection_id": None}], ids=["off", "detached"])
def test_one_that_is_off_or_detached_is_not_started(world: World, change: dict[str, object]) -> None:
    due = soon(world)
    schedule = daily(due)
    if "schedule" in change:
        change = {"schedule": schedule.model_copy(update={"active": False})}
    export = world.add_export("Loyal", **{"schedule": schedule, **change})
    wait_until(world, due)
    assert start.start_due(world.services) == []
    assert runs(world, export) == []


def test_new_snapshots_and_the_refresh_do_not_start_it(world: World) -> None:
    world.add_export("Loyal", schedule=daily(next_refresh(world) + timedelta(hours=5)))
    assert start.start_for_snapshots(world.services, ARRIVED) == []
    wait_until(world, next_refresh(world))
    assert start.start_due(world.services) == []


# Nothing new


def test_with_nothing_new_there_is_a_run_that_says_so(world: World) -> None:
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due))
    before = world.run_to_end(export)
    wait_until(world, due)
    assert start.start_due(world.services) == []
    assert world.queue.waiting == []
    run = runs(world, export)[0]
    assert (run.status, run.trigger, run.started_by, run.schedule_due) == ("up_to_date", "timer", "schedule", due)
    assert (run.counts, run.versions, run.snapshots) == (Counts(), before.versions, before.snapshots)
    assert run.ended
    assert run.ended_at is not None
    assert world.services.history.latest()[export.id].status == "up_to_date"


def test_the_refresh_says_it_too_and_the_next_new_snapshot_is_exported(world: World) -> None:
    export = world.add_export("Loyal")
    world.run_to_end(export)
    wait_until(world, next_refresh(world))
    assert start.start_due(world.services) == []
    assert statuses(world, export) == ["up_to_date", "successful"]
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder=NEWER)
    wait_until(world, next_refresh(world))
    assert len(start.start_due(world.services)) == 1
    world.deliver()
    assert statuses(world, export) == ["successful", "up_to_date", "successful"]


@pytest.mark.parametrize(
    "change", [{"mapping": {"email": "EMail"}}, {"list_id": "another"}, {"reading": ReadOptions(header="yes")}]
)
def test_an_export_that_sends_something_else_or_elsewhere_since_then_is_not_up_to_date(
    world: World, change: dict[str, object]
) -> None:
    export = world.add_export("Loyal")
    world.run_to_end(export)
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"name": "Other", "updated_by": "Bo"}))
    wait_until(world, next_refresh(world))
    assert start.start_due(world.services) == []
    world.services.exports.change(export.id, lambda one: one.model_copy(update=change))
    wait_until(world, next_refresh(world))
    assert len(start.start_due(world.services)) == 1


def test_an_event_with_nothing_new_records_nothing(world: World) -> None:
    export = world.add_export("Loyal")
    world.run_to_end(export)
    assert start.start_for_snapshots(world.services, ARRIVED) == []
    assert statuses(world, export) == ["successful"]


def test_what_has_failed_is_tried_again_at_the_next_time(world: World) -> None:
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due), mapping={"email": "NoSuchColumn"})
    world.run_to_end(export)
    wait_until(world, due)
    assert len(start.start_due(world.services)) == 1
    assert statuses(world, export) == ["queued", "failed"]


# Several who look, and what goes wrong


def test_two_who_look_at_once_start_it_once(world: World) -> None:
    due = soon(world)
    due_now = [world.add_export("Loyal", schedule=daily(due), name=f"Export {number}") for number in range(8)]
    wait_until(world, due)
    with ThreadPoolExecutor(4) as pool:
        found = [run for some in pool.map(lambda _: start.start_due(world.services), range(4)) for run in some]
    assert sorted(run.export_id for run in found) == sorted(export.id for export in due_now)
    assert all(len(runs(world, export)) == 1 for export in due_now)
    assert entries(world) == sorted(run.run_id for run in found)


def test_two_who_look_at_once_record_once_that_nothing_is_new(world: World) -> None:
    export = world.add_export("Loyal")
    world.run_to_end(export)
    wait_until(world, next_refresh(world))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: start.start_due(world.services), range(4)))
    assert statuses(world, export) == ["up_to_date", "successful"]
    assert entries(world) == sorted(run.run_id for run in runs(world, export))


@pytest.mark.slow
@pytest.mark.parametrize("new", [True, False], ids=["something new", "nothing new"])
def test_whoever_looks_may_die_at_any_request_and_it_is_started_once(world: World, new: bool) -> None:
    export = world.add_export("Loyal", schedule=daily(soon(world)))
    kill_at, going_on = 0, True
    while going_on:
        kill_at += 1
        if new:
            world.write_snapshot("Loyal", [f"p{kill_at}@example.com,P"])
        elif kill_at == 1:
            world.run_to_end(export)
        due = soon(world)
        world.services.exports.change(
            export.id,
            lambda one, due=due: one.model_copy(update={"schedule": daily(due)}),  # type: ignore[misc]
        )
        wait_until(world, due)
        going_on = False
        with contextlib.suppress(Killed), watching(death(kill_at)):
            going_on = True
            start.start_due(world.services)
            going_on = False
        world.clock.advance(300)
        start.start_due(world.services)
        world.deliver()
        where = f"killed at request {kill_at}"
        found = [run for run in runs(world, export) if run.schedule_due == due]
        assert [run.status for run in found] == ["successful" if new else "up_to_date"], where
        latest = world.services.history.latest()[export.id]
        assert (latest.run_id, latest.status) == (found[0].run_id, found[0].status), where
    assert kill_at > 5


def test_a_refresh_that_one_export_could_not_be_started_for_is_made_up_for_that_one(world: World) -> None:
    world.run_to_end(done := world.add_export("Loyal", name="Done"))
    away, new = world.add_export("Loyal", name="Away"), world.add_export("Loyal", name="New")
    wait_until(world, due := next_refresh(world))
    with storage_away(away.id), pytest.raises(ServiceRequestError):
        start.start_due(world.services)
    assert (statuses(world, done)[0], statuses(world, new)) == ("up_to_date", ["queued"])
    world.clock.advance(300)
    (run,) = start.start_due(world.services)
    assert (run.export_id, run.schedule_due) == (away.id, due)
    assert (statuses(world, done), statuses(world, new)) == (["up_to_date", "successful"], ["queued"])
    world.clock.advance(300)
    assert start.start_due(world.services) == []


def test_a_refresh_at_which_no_storage_answered_is_made_up_when_it_does(world: World) -> None:
    export = world.add_export("Loyal")
    wait_until(world, due := next_refresh(world))
    for _ in range(3):
        with storage_away(), pytest.raises(ServiceRequestError):
            start.start_due(world.services)
        world.clock.advance(300)
    (run,) = start.start_due(world.services)
    assert (run.export_id, run.schedule_due) == (export.id, due)


def test_a_schedule_that_is_saved_once_more_as_it_was_keeps_the_time_that_was_missed(world: World) -> None:
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due))
    wait_until(world, due + timedelta(minutes=1))
    exports.set_schedule(world.services, ADA, export.id, daily(due), etag=None)
    (run,) = start.start_due(world.services)
    assert run.schedule_due == due


def test_a_schedule_that_was_set_after_its_time_starts_at_the_next(world: World) -> None:
    export = world.add_export("Loyal")
    due = soon(world)
    wait_until(world, due + timedelta(minutes=1))
    exports.set_schedule(world.services, ADA, export.id, daily(due), etag=None)
    assert start.start_due(world.services) == []
    wait_until(world, due + timedelta(days=1))
    (run,) = start.start_due(world.services)
    assert run.schedule_due == due + timedelta(days=1)


def test_an_export_that_was_switched_on_after_a_time_is_not_started_for_it(world: World) -> None:
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due).model_copy(update={"active": False}))
    wait_until(world, due + timedelta(minutes=1))
    exports.set_schedule(world.services, ADA, export.id, daily(due), etag=None)
    assert start.start_due(world.services) == []


def test_a_container_that_refuses_the_app_fails_the_runs_and_does_not_hold_up_the_schedules(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = world.add_export("Loyal")
    wait_until(world, next_refresh(world))

    def refused(*_: object, **__: object) -> None:
        error = HttpResponseError("no rights")
        error.status_code = 403
        raise error

    monkeypatch.setattr(ContainerClient, "walk_blobs", refused)
    (run,) = start.start_due(world.services)
    world.deliver()
    run = world.services.runs.get(export.id, run.run_id)
    assert (run.status, run.problem) == ("failed", "snapshots_refused")
    assert "(403)" in (run.error or "")
    assert world.services.last_look.until(otherwise=run.created_at - timedelta(days=1)) >= run.created_at


def test_an_app_that_has_never_looked_starts_nothing_for_what_was_before(world: World) -> None:
    due = soon(world)
    world.add_export("Loyal", schedule=daily(due))
    world.services.last_look._table._client.delete_entity("schedules", "last-look")
    wait_until(world, due + timedelta(minutes=1))
    assert start.start_due(world.services) == []


def test_the_last_look_never_goes_back(world: World) -> None:
    look = world.services.last_look
    later = world.clock.now() + timedelta(hours=1)
    look.move(later)
    look.move(later - timedelta(minutes=30))
    assert look.until(otherwise=later - timedelta(hours=9)) == later
