"""Nothing stays behind: no run that nobody carries on, no file past its time."""

from __future__ import annotations

import pytest

from exporters.sweeping import SILENCE, delete_old_files, take_up_lost_runs
from tests.exporters.world import World

LONG = SILENCE.total_seconds() + 60


def batch_states(world: World) -> list[str]:
    run = world.last_run(world.services.exports.all()[0])
    return [stored.value.state for stored in world.services.runs.batches(run.run_id)]


@pytest.mark.parametrize("status", ["queued", "preparing", "uploading", "uploaded"])
def test_a_run_whose_messages_are_lost_is_carried_on_to_its_end(world: World, status: str) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver(until=lambda: status in (world.last_run(export).status, *batch_states(world)))
    world.queue.waiting.clear()
    world.clock.advance(LONG)
    assert len(take_up_lost_runs(world.services)) == 1
    world.deliver()
    assert world.last_run(export).status == "successful"
    assert world.members() == ["ana@example.com"]
    assert world.statistics()["source_file_names_taken_more_than_once"] == []


def test_a_run_that_shows_signs_of_life_is_left_alone(world: World) -> None:
    export = world.add_export("Loyal")
    world.start(export)
    waiting = len(world.queue.waiting)
    assert take_up_lost_runs(world.services) == []
    assert len(world.queue.waiting) == waiting


def test_a_run_that_says_what_it_waits_for_is_left_alone_until_then(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.fault("quota-exceeded", times=1)
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: "00:00 UTC" in (world.last_run(export).waiting or ""))
    left = ((world.last_run(export).waiting_until or world.clock.now()) - world.clock.now()).total_seconds()
    if left > LONG:
        world.clock.advance(LONG)
        assert take_up_lost_runs(world.services) == []
    assert not world.services.runs.get(export.id, run.run_id).ended


def test_a_run_past_its_time_limit_is_ended_and_its_export_is_free_again(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    world.queue.waiting.clear()
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 1)
    take_up_lost_runs(world.services)
    assert world.last_run(export).status == "timed_out"
    assert world.run_to_end(export).status == "successful"


def test_a_slot_that_is_held_by_no_run_is_freed(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.services.runs.change_slot(export.id, run_id="20260101T000000000-abcdef")
    take_up_lost_runs(world.services)
    assert world.run_to_end(export).status == "successful"


def test_files_are_deleted_after_their_retention_time_and_the_run_stays(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.run_to_end(export)
    assert delete_old_files(world.services) == 0
    world.clock.advance(world.settings.file_retention_days * 86_400 + 60)
    assert delete_old_files(world.services) > 0
    assert list(world.services.files.list_blob_names()) == []
    assert world.last_run(export) == run
