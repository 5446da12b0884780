"""What the sweep takes up, what it leaves alone, and which files it deletes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError

from exporters.runs import Batch, Run, new_run_id
from exporters.sweeping import SILENCE, delete_old_files, take_up_lost_runs
from shared.queues import ACTIVITIES, BATCHES, RUNS
from tests.exporters.world import World


def silent(world: World, **more: object) -> Run:
    """A run that was started and has shown no sign of life since."""
    run = world.start(world.add_export("Loyal"))
    world.queue.waiting.clear()
    return world.services.runs.change(run, lambda r: r.model_copy(update=more)) if more else run


def sent(world: World) -> list[tuple[str, str | None]]:
    found = sorted((one.queue, one.message.batch) for one in world.queue.waiting)
    world.queue.waiting.clear()
    return found


@pytest.mark.parametrize(("minutes", "is_taken_up"), [(-2, False), (2, True)])
def test_a_run_is_taken_up_after_half_an_hour_of_silence(world: World, minutes: int, is_taken_up: bool) -> None:
    run = silent(world)
    world.clock.advance(SILENCE.total_seconds() + 60 * minutes)
    assert [one.run_id for one in take_up_lost_runs(world.services)] == ([run.run_id] if is_taken_up else [])
    assert sent(world) == ([(RUNS, None)] if is_taken_up else [])


@pytest.mark.parametrize(("minutes", "is_taken_up"), [(5, False), (-5, True)])
def test_a_run_that_waits_is_taken_up_after_its_wait(world: World, minutes: int, is_taken_up: bool) -> None:
    after = SILENCE.total_seconds() + 60
    until = world.clock.now() + timedelta(seconds=after + 60 * minutes)
    silent(world, waiting="for a service", waiting_until=until)
    world.clock.advance(after)
    assert bool(take_up_lost_runs(world.services)) is is_taken_up


def test_a_run_that_uploads_gets_messages_for_what_is_not_uploaded_and_for_its_end(world: World) -> None:
    run = silent(world, status="uploading", batches=3)
    for number, state in enumerate(("completed", "sending", "pending"), 1):
        world.services.runs.add_batch(
            Batch(run_id=run.run_id, number=number, contacts=1).model_copy(update={"state": state})
        )
    world.clock.advance(SILENCE.total_seconds() + 60)
    assert len(take_up_lost_runs(world.services)) == 1
    assert sent(world) == [(ACTIVITIES, None), (BATCHES, "0002"), (BATCHES, "0003")]


def test_a_run_over_its_time_is_ended_and_the_next_one_started(world: World) -> None:
    run = silent(world)
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 60)
    assert len(take_up_lost_runs(world.services)) == 1
    assert world.services.runs.get(run.export_id, run.run_id).status == "timed_out"
    assert world.services.runs.slot(run.export_id).value.run_id is None


def test_a_run_over_its_time_is_left_while_a_batch_may_be_on_its_way(world: World) -> None:
    run = silent(world, status="uploading", batches=1)
    limit = world.settings.run_time_limit_hours * 3600 + 60
    until = world.clock.now() + timedelta(seconds=limit + 60)
    world.services.runs.add_batch(
        Batch(run_id=run.run_id, number=1, contacts=1, state="sending", claimed_until=until, unclear_until=until)
    )
    world.clock.advance(limit)
    take_up_lost_runs(world.services)
    assert not world.services.runs.get(run.export_id, run.run_id).ended


def test_a_slot_of_a_run_that_is_not_there_is_freed(world: World) -> None:
    export = world.add_export("Loyal")
    world.services.runs.slot(export.id)
    world.services.runs.change_slot(export.id, run_id=new_run_id(world.clock.now()))
    assert take_up_lost_runs(world.services) == []
    assert world.services.runs.slot(export.id).value.run_id is None


def test_an_export_without_a_run_is_left_alone_and_the_others_are_not(world: World) -> None:
    world.add_export("Loyal", name="A first one")
    run = silent(world)
    world.clock.advance(SILENCE.total_seconds() + 60)
    assert [one.run_id for one in take_up_lost_runs(world.services)] == [run.run_id]


def test_the_files_of_runs_past_the_retention_time_are_deleted_and_no_others(world: World) -> None:
    now, days = world.clock.now(), world.settings.file_retention_days
    old, older = (new_run_id(now - timedelta(days=days, minutes=more)) for more in (5, 500))
    young = new_run_id(now - timedelta(days=days) + timedelta(minutes=5))
    files = world.services.files
    for run_id in (older, old, young):
        for name in ("batch-0001.csv", "plan.json"):
            files.upload_blob(f"{run_id}/{name}", b"x")
    files.upload_blob("0/not-a-run.csv", b"x")
    assert delete_old_files(world.services) == 4
    assert sorted(files.list_blob_names()) == ["0/not-a-run.csv", f"{young}/batch-0001.csv", f"{young}/plan.json"]
    assert delete_old_files(world.services) == 0


def test_a_file_that_cannot_be_deleted_does_not_keep_the_others(world: World) -> None:
    old = new_run_id(world.clock.now() - timedelta(days=world.settings.file_retention_days, minutes=5))
    files = world.services.files
    for name in ("a.csv", "b.csv", "c.csv"):
        files.upload_blob(f"{old}/{name}", b"x")
    lease = files.get_blob_client(f"{old}/b.csv").acquire_lease()
    with pytest.raises(HttpResponseError):
        delete_old_files(world.services)
    assert list(files.list_blob_names()) == [f"{old}/b.csv"]
    lease.release()
    assert delete_old_files(world.services) == 1


def test_a_file_that_somebody_else_deletes_at_that_moment_is_not_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = new_run_id(world.clock.now() - timedelta(days=world.settings.file_retention_days, minutes=5))
    world.services.files.upload_blob(f"{old}/a.csv", b"x")
    monkeypatch.setattr(type(world.services.files), "list_blob_names", lambda *_: [f"{old}/a.csv", f"{old}/gone.csv"])
    assert delete_old_files(world.services) == 1
