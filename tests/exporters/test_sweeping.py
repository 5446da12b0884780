"""Nothing stays behind: no run that nobody carries on, no file past its time."""

from __future__ import annotations

import contextlib

import pytest

from exporters import sweeping
from exporters.runs import ENDED, Status
from exporters.sweeping import (
    SILENCE,
    delete_old_files,
    forget_old_changes,
    forget_old_runs,
    forget_up_to_date,
    take_up_lost_runs,
)
from shared.audit import AuditEntry, month_of
from shared.models import Export
from tests.exporters.ended import ended_run
from tests.exporters.test_start_isolation import spoil, table_of_exports
from tests.exporters.world import World
from tests.promises.interruption import Killed, death, watching

A_DAY = 24 * 3600

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


# Runs that found nothing new


def ended(world: World, export: Export, status: Status) -> str:
    """The id of a run that has just ended so, and is in the list of all runs."""
    run = ended_run(world, export, status, problem=None)
    world.services.history.note(run)
    return run.run_id


def kept(world: World, export: Export) -> set[str]:
    """The runs of the export that there are; the list of all runs has the same."""
    runs = {run.run_id for run in world.services.runs.newest(export.id, 100)}
    assert {run.run_id for run in world.services.history.page(limit=100).runs} == runs
    return runs


def test_runs_that_found_nothing_new_are_forgotten_after_a_week_and_others_never(world: World) -> None:
    export = world.add_export("Loyal")
    old = {status: ended(world, export, status) for status in sorted(ENDED)}
    world.clock.advance(2 * A_DAY)
    younger = ended(world, export, "up_to_date")
    world.clock.advance(6 * A_DAY)
    forget_up_to_date(world.services)
    assert kept(world, export) == {*old.values(), younger} - {old["up_to_date"]}


def test_the_newest_run_of_an_export_is_not_forgotten(world: World) -> None:
    export = world.add_export("Loyal")
    ended(world, export, "up_to_date")
    newest = ended(world, export, "up_to_date")
    world.clock.advance(8 * A_DAY)
    forget_up_to_date(world.services)
    assert kept(world, export) == {newest}


def test_many_runs_are_forgotten_some_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_FORGOTTEN_AT_ONCE", 2)
    export = world.add_export("Loyal")
    for _ in range(4):
        ended(world, export, "up_to_date")
    world.clock.advance(8 * A_DAY)
    left = []
    for _ in range(3):
        forget_up_to_date(world.services)
        left.append(len(kept(world, export)))
    assert left == [2, 1, 1]


def test_wherever_forgetting_is_cut_short_the_next_time_completes_it(world: World) -> None:
    export = world.add_export("Loyal")
    newest = [ended(world, export, "up_to_date") for _ in range(3)][-1]
    world.clock.advance(8 * A_DAY)
    at = 0
    while len(world.services.history.page().runs) > 1:
        at += 1
        with watching(death(at)), contextlib.suppress(Killed):
            forget_up_to_date(world.services)
    assert at > 2
    assert kept(world, export) == {newest}


# Records past their time


def a_year_and_more(world: World) -> None:
    """So long that what was there before is kept no longer."""
    world.clock.advance(world.settings.record_retention_days * A_DAY + 60)


def test_runs_and_their_batches_are_forgotten_after_the_retention_time_of_records(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.run_to_end(export)
    world.clock.advance(A_DAY)
    younger = ended(world, export, "failed")
    world.clock.advance(world.settings.record_retention_days * A_DAY - 3600)
    assert forget_old_runs(world.services) == 1
    assert kept(world, export) == {younger}
    assert world.services.runs.batches(run.run_id) == []


def test_the_newest_run_of_an_export_is_kept_however_old_until_the_export_is_removed(world: World) -> None:
    export, gone = world.add_export("Loyal"), world.add_export("Loyal")
    for one in (export, gone):
        ended(world, one, "failed")
    newest = {one.id: ended(world, one, "successful") for one in (export, gone)}
    a_year_and_more(world)
    forget_old_runs(world.services)
    assert [run.run_id for run in world.services.history.page().runs] == [newest[gone.id], newest[export.id]]
    world.services.exports.remove(gone.id)
    forget_old_runs(world.services)
    assert kept(world, export) == {newest[export.id]}
    assert {run.run_id for run in world.services.history.latest().values()} == {newest[export.id]}


def test_the_newest_run_of_an_export_that_cannot_be_read_is_kept(world: World) -> None:
    export = world.add_export("Loyal")
    newest = ended(world, export, "failed")
    spoil(table_of_exports(world), "export", export.id)
    a_year_and_more(world)
    assert forget_old_runs(world.services) == 0
    assert kept(world, export) == {newest}


def test_runs_are_kept_as_long_as_their_files(world: World) -> None:
    changed = {"file_retention_days": world.settings.record_retention_days + 100}
    object.__setattr__(world.services, "settings", world.settings.model_copy(update=changed))
    export = world.add_export("Loyal")
    ended(world, export, "failed")
    newest = ended(world, export, "failed")
    a_year_and_more(world)
    assert forget_old_runs(world.services) == 0
    world.clock.advance(100 * A_DAY)
    assert forget_old_runs(world.services) == 1
    assert kept(world, export) == {newest}


def test_old_runs_are_forgotten_some_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_FORGOTTEN_AT_ONCE", 2)
    export = world.add_export("Loyal")
    for _ in range(4):
        ended(world, export, "failed")
    a_year_and_more(world)
    assert [forget_old_runs(world.services) for _ in range(3)] == [2, 1, 0]


def test_wherever_forgetting_old_runs_is_cut_short_the_next_time_completes_it(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export, gone = world.add_export("Loyal"), world.add_export("Loyal")
    runs = [world.run_to_end(gone) for _ in range(2)]
    world.services.exports.remove(gone.id)
    newest = ended(world, export, "failed")
    a_year_and_more(world)
    at = 0
    while len(world.services.history.page().runs) > 1:
        at += 1
        with watching(death(at)), contextlib.suppress(Killed):
            forget_old_runs(world.services)
    assert at > 2
    assert kept(world, export) == {newest}
    assert {run.run_id for run in world.services.history.latest().values()} == {newest}
    assert [world.services.runs.batches(run.run_id) for run in runs] == [[], []]


def test_the_audit_is_forgotten_by_month_after_the_retention_time_of_records(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_FORGOTTEN_AT_ONCE", 2)
    log, first = world.services.audit, world.clock.now()
    facts = {"by": "Ada", "action": "changed", "subject": "export", "subject_name": "Loyal"}
    for number in range(3):
        log.write(AuditEntry.model_validate({**facts, "at": first, "subject_id": str(number)}))
    a_year_and_more(world)
    assert forget_old_changes(world.services) == 0  # The month that the time ends in is kept whole.
    world.clock.advance(31 * A_DAY)
    log.write(AuditEntry.model_validate({**facts, "at": world.clock.now(), "subject_id": "new"}))
    assert [forget_old_changes(world.services) for _ in range(3)] == [2, 1, 0]
    assert log.month(month_of(first)) == []
    assert [one.subject_id for one in log.month(month_of(world.clock.now()))] == ["new"]
