"""A run is under way when a snapshot comes, or the time of a schedule: what follows it, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from admin import exports
from exporters import start
from shared.models import Export, Schedule
from tests.admin.exporting import ADA
from tests.exporters.due import ARRIVED, NEWER, daily, next_refresh, soon, statuses, wait_until
from tests.exporters.world import World


@pytest.fixture(autouse=True)
def _a_segment_and_a_first_look(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    # So that no test comes upon the refresh by chance.
    if timedelta(0) < next_refresh(world) - world.clock.now() < timedelta(hours=1):
        world.clock.advance(2 * 3600)
    start.start_due(world.services)


def overtaken(world: World) -> tuple[Export, datetime]:
    """An export with a run under way when its own time comes, and with it something newer; and that time."""
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due))
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).prepared)
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder=NEWER)
    wait_until(world, due)
    assert start.start_due(world.services) == []
    return export, due


def test_a_run_under_way_that_has_taken_up_what_is_new_is_left_to_itself(world: World) -> None:
    due = soon(world)
    export = world.add_export("Loyal", schedule=daily(due))
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).prepared)
    wait_until(world, due)
    assert start.start_due(world.services) == []
    world.deliver()
    assert statuses(world, export) == ["successful"]


def test_a_run_under_way_that_has_not_is_followed_by_one_that_does(world: World) -> None:
    export, due = overtaken(world)
    world.deliver()
    assert statuses(world, export) == ["successful", "successful"]
    last = world.last_run(export)
    assert (last.trigger, last.started_by, last.schedule_due) == ("timer", "schedule", due)
    assert world.members() == ["ana@example.com", "bo@example.com"]


def test_a_snapshot_that_comes_during_a_run_is_what_the_next_is_started_for_and_no_time_of_before(world: World) -> None:
    # The timer fires a moment early: the time is still to come when its run is made.
    wait_until(world, (due := next_refresh(world)) - timedelta(seconds=1))
    export = world.add_export("Loyal", created_at=due - timedelta(days=1))
    (first,) = start.start_due(world.services)
    assert (first.schedule_due, first.created_at < due) == (due, True)
    world.deliver(until=lambda: world.last_run(export).prepared)
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder=NEWER)
    assert start.start_for_snapshots(world.services, ARRIVED) == []
    world.deliver()
    last = world.last_run(export)
    assert (last.run_id != first.run_id, last.status) == (True, "successful")
    assert (last.trigger, last.started_by, last.schedule_due) == ("event", "new snapshot", None)


def test_a_run_is_not_followed_for_a_time_that_was_seen_to_long_before_it(world: World) -> None:
    export = world.add_export("Loyal")
    wait_until(world, next_refresh(world))
    start.start_due(world.services)
    world.deliver()
    world.clock.advance(600)
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).prepared)
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder=NEWER)
    start.start_for_snapshots(world.services, ARRIVED)
    world.deliver()
    last = world.last_run(export)
    assert (last.trigger, last.started_by, last.schedule_due) == ("event", "new snapshot", None)


@pytest.mark.parametrize("then", [Schedule(active=False), None], ids=["off", "own times"])
def test_a_run_is_not_followed_for_a_snapshot_when_its_export_no_longer_goes_with_those(
    world: World, then: Schedule | None
) -> None:
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).prepared)
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder=NEWER)
    assert start.start_for_snapshots(world.services, ARRIVED) == []
    schedule = then or daily(next_refresh(world) + timedelta(hours=5))
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"schedule": schedule}))
    world.deliver()
    assert statuses(world, export) == ["successful"]
    assert world.services.runs.slot(export.id).value.start_again is False


def test_an_export_that_was_switched_off_is_not_followed_for_its_own_time_either(world: World) -> None:
    export, due = overtaken(world)
    off = daily(due).model_copy(update={"active": False})
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"schedule": off}))
    world.deliver()
    assert statuses(world, export) == ["successful"]


def test_a_time_that_came_before_the_schedule_was_changed_is_not_what_the_next_run_is_started_for(world: World) -> None:
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).prepared)
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder=NEWER)
    wait_until(world, refreshed := next_refresh(world))
    assert start.start_due(world.services) == []
    later = daily(refreshed + timedelta(hours=5))
    exports.set_schedule(world.services, ADA, export.id, later, etag=None)
    world.deliver()
    assert statuses(world, export) == ["successful"]


def test_what_a_run_was_to_be_followed_by_is_done_with_when_it_turns_out_that_nothing_is_new(world: World) -> None:
    export = world.add_export("Loyal")
    world.run_to_end(export)
    # Whoever ended the run died before it came to look what follows.
    world.services.runs.change_slot(export.id, start_again=True)
    wait_until(world, next_refresh(world))
    start.start_due(world.services)
    assert statuses(world, export) == ["up_to_date", "successful"]
    assert world.services.runs.slot(export.id).value.start_again is False
