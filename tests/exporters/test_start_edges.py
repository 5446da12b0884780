"""The edges of starting: a message that is late, a slot that is taken, a snapshot that was taken up after all."""

from __future__ import annotations

from typing import Any

import pytest

from exporters import run_store, start
from exporters.runs import Run
from exporters.start import AlreadyRunning
from shared.models import Schedule
from shared.queues import RUNS
from shared.tables import together
from tests.exporters.world import World, refresh

ARRIVED = "CustomerInsights_x/BlobExport/Loyal/2026/11/22/0130/Loyal_1.csv"


@pytest.fixture(autouse=True)
def a_segment(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])


def messages(world: World) -> int:
    return sum(one.queue == RUNS for one in world.queue.waiting)


def ended(world: World, run: Run) -> Run:
    return world.services.runs.end(run, lambda r: r.model_copy(update={"status": "failed"}))


@pytest.mark.parametrize(("seconds", "again"), [(110, 0), (130, 1)])
def test_a_run_that_got_no_message_for_two_minutes_gets_one(world: World, seconds: float, again: int) -> None:
    export = world.add_export("Loyal")
    world.start(export)
    world.queue.waiting.clear()
    world.clock.advance(seconds)
    with pytest.raises(AlreadyRunning):
        world.start(export)
    assert messages(world) == again


def test_however_many_look_at_a_run_that_is_late_it_gets_one_message_in_two_minutes(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    for minutes, in_all in ((3, 2), (1, 2), (2, 3)):
        world.clock.advance(60 * minutes)
        for number in range(3):
            arrived = ARRIVED.replace("Loyal_1.csv", f"Loyal_{minutes}_{number}.csv")
            world.upload(arrived, b"EMail,FirstName\nbo@example.com,Bo\n")
            assert start.start_for_snapshots(world.services, arrived) == []
        assert messages(world) == in_all, f"after {minutes} minutes more"
    assert world.last_run(export).run_id == run.run_id


def test_of_several_who_look_at_a_late_run_at_one_moment_one_sends_a_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = world.add_export("Loyal")
    late = world.start(export)
    world.clock.advance(180)
    with monkeypatch.context() as patch:
        # Each has read the run before another has written it.
        patch.setattr(world.services.runs, "get", lambda *_: late)
        for _ in range(3):
            with pytest.raises(AlreadyRunning):
                world.start(export)
    assert messages(world) == 2


def test_a_run_of_which_storage_did_not_say_that_it_had_begun_is_no_other_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of 500 to a write that was done: the client library writes again by itself, and that is refused."""

    def written_twice(*given: Any, **rows: Any) -> None:
        monkeypatch.setattr(run_store, "together", together)
        together(*given, **rows)
        together(*given, **rows)

    monkeypatch.setattr(run_store, "together", written_twice)
    export = world.add_export("Loyal")
    run = world.start(export)
    assert [run] == world.services.runs.newest(export.id, 5)
    assert messages(world) == 1


def test_a_run_that_has_begun_gets_no_second_message(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    world.services.runs.change(run, lambda r: r.model_copy(update={"status": "preparing"}))
    world.queue.waiting.clear()
    world.clock.advance(600)
    with pytest.raises(AlreadyRunning):
        world.start(export)
    assert messages(world) == 0


def test_whoever_starts_a_running_export_is_told_which_run_it_is(world: World) -> None:
    export = world.add_export("Loyal", name="Weekly letter")
    run = world.start(export)
    with pytest.raises(AlreadyRunning, match="“Weekly letter” is running already") as error:
        world.start(export)
    assert run.run_id in str(error.value)
    assert error.value.run == run


def test_a_run_says_how_and_by_whom_it_was_started(world: World) -> None:
    by_hand = world.start(world.add_export("Loyal", schedule=Schedule(active=False)))
    export = world.add_export("Loyal")
    (by_event,) = start.start_for_snapshots(world.services, ARRIVED)
    ended(world, by_event)
    (by_timer,) = refresh(world.services)
    assert (by_hand.trigger, by_hand.started_by) == ("http", "test")
    assert (by_event.trigger, by_event.started_by) == ("event", "new snapshot")
    assert (by_timer.trigger, by_timer.started_by) == ("timer", "refresh schedule")
    assert (by_timer.export_name, by_timer.list_id, by_timer.connection_id, by_timer.segments) == (
        export.name,
        export.list_id,
        export.connection_id,
        export.segments,
    )


def test_a_start_by_hand_takes_nothing_up_before_it_is_prepared(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    assert world.services.runs.slot(export.id).value.seen == {}
    ended(world, run)
    assert len(start.start_for_snapshots(world.services, ARRIVED)) == 1


@pytest.mark.parametrize("arrived", ["x/_SUCCESS", "x/Loyal_1.csv.crc", "x/readme.md", "x/"])
def test_a_blob_that_is_no_part_of_a_snapshot_starts_nothing(world: World, arrived: str) -> None:
    world.add_export("Loyal")
    assert start.start_for_snapshots(world.services, arrived) == []


def test_a_model_file_starts_what_its_data_files_start(world: World) -> None:
    world.add_export("Loyal")
    assert len(start.start_for_snapshots(world.services, "CustomerInsights_x/BlobExport/model.json")) == 1


def test_an_export_that_is_switched_off_is_started_by_hand_alone(world: World) -> None:
    export = world.add_export("Loyal", schedule=Schedule(active=False))
    assert start.start_for_snapshots(world.services, ARRIVED) == []
    assert refresh(world.services) == []
    assert world.start(export)


def test_after_a_run_nothing_starts_when_nothing_was_asked_for(world: World) -> None:
    run = ended(world, world.start(world.add_export("Loyal")))
    assert start.start_again(world.services, run) is None


def test_after_a_run_nothing_starts_when_it_has_taken_the_snapshot_up_itself(world: World) -> None:
    export = world.add_export("Loyal")
    (run,) = start.start_for_snapshots(world.services, ARRIVED)
    world.services.runs.change_slot(export.id, start_again=True)
    assert start.start_again(world.services, ended(world, run)) is None
    assert world.services.runs.slot(export.id).value.start_again is False


def test_a_snapshot_that_comes_while_somebody_finds_that_none_has_come_is_not_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files come while the folders are listed after a run: the one starts a run, the other comes during that."""
    export = world.add_export("Loyal")
    (run,) = start.start_for_snapshots(world.services, ARRIVED)
    world.services.runs.change_slot(export.id, start_again=True)
    newest = start._newest

    def overtaken(*given: Any) -> dict[str, str]:
        found = newest(*given)
        monkeypatch.setattr(start, "_newest", newest)
        for name in ("Loyal_2.csv", "Loyal_3.csv"):
            world.upload(arrived := ARRIVED.replace("Loyal_1.csv", name), b"EMail,FirstName\nbo@example.com,Bo\n")
            start.start_for_snapshots(world.services, arrived)
        return found

    monkeypatch.setattr(start, "_newest", overtaken)
    assert start.start_again(world.services, ended(world, run)) is None
    assert world.last_run(export).run_id != run.run_id
    assert world.services.runs.slot(export.id).value.start_again is True


def test_after_a_run_the_next_one_starts_when_a_snapshot_has_come_meanwhile(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    assert start.start_for_snapshots(world.services, ARRIVED) == []
    assert world.services.runs.slot(export.id).value.start_again is True
    again = start.start_again(world.services, ended(world, run))
    assert again is not None
    assert again.run_id != run.run_id
    assert world.services.runs.slot(export.id).value.start_again is False


def test_no_other_run_starts_while_one_is_under_way(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    world.services.runs.change_slot(export.id, start_again=True)
    assert start.start_again(world.services, run) is None
    assert world.last_run(export).run_id == run.run_id


def test_one_event_starts_every_export_that_waits_for_it(world: World) -> None:
    first, second = world.add_export("Loyal", name="A"), world.add_export("Loyal", name="B")
    world.start(first)
    world.add_export("Loyal", name="C")
    assert [run.export_name for run in start.start_for_snapshots(world.services, ARRIVED)] == ["B", "C"]
    assert start.start_for_snapshots(world.services, ARRIVED) == []
    assert second


def test_the_timer_starts_what_was_not_exported_and_only_that(world: World) -> None:
    done, new = world.add_export("Loyal", name="Done"), world.add_export("Loyal", name="New")
    world.run_to_end(done)
    world.queue.waiting.clear()
    assert [run.export_name for run in refresh(world.services)] == ["New"]
    assert refresh(world.services) == []
    assert new


def test_an_export_of_a_segment_that_is_not_there_is_started_to_say_so(world: World) -> None:
    world.add_export("Loyal", "Nobody knows this")
    assert len(refresh(world.services)) == 1
