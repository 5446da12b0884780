"""Canceling a run: no further batch is sent, what is under way is followed to its end, and the counts add up."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest

from exporters import prepare as prepare_module
from exporters import turns
from exporters.batches import cut_batches
from exporters.cancel import cancel
from exporters.files import RunFiles
from exporters.run_store import RunStore
from exporters.runs import Batch, Run
from exporters.start import start_for_snapshots
from shared.errors import Conflict, NotFound
from shared.models import Export
from shared.queues import BATCHES
from tests.exporters.world import World
from tests.promises.interruption import Killed, death, requests_of, watching

PEOPLE = [f"person{number}@example.com" for number in range(6)]


@pytest.fixture
def export(world: World, monkeypatch: pytest.MonkeyPatch) -> Export:
    """An export of six profiles in three batches, which are sent one after the other, and one that is no contact."""
    monkeypatch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 2)
    monkeypatch.setattr(turns, "AT_ONCE", 1)
    world.write_snapshot("Loyal", [*(f"{address},Name" for address in PEOPLE), "no address,Nobody"])
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    return world.add_export("Loyal")


def now(world: World, run: Run) -> Run:
    return world.services.runs.get(run.export_id, run.run_id)


def canceled(world: World, run: Run) -> Run:
    return cancel(world.services, run.export_id, run.run_id, "Ana", "id-of-ana")


def states(world: World, run: Run) -> list[str]:
    return [stored.value.state for stored in world.services.runs.batches(run.run_id)]


def after_one_batch(world: World, export: Export) -> Run:
    """A run of which the first of three batches is uploaded."""
    run = world.start(export)
    world.deliver(until=lambda: "uploaded" in states(world, run) or "completed" in states(world, run))
    return run


def assert_canceled(world: World, run: Run, *, sent: int, where: str = "") -> None:
    run = now(world, run)
    assert (run.status, run.problem, run.canceled_by) == ("canceled", None, "Ana"), where
    assert run.counts.adds_up, where
    assert (run.counts.sent, run.counts.not_sent) == (sent, run.counts.prepared - sent), where
    slot = world.services.runs.slot(run.export_id).value
    assert (slot.run_id, slot.exported) == (None, {}), where
    assert len(world.members()) == sent, where
    assert world.services.history.latest()[run.export_id].status == "canceled", where


# When


def test_a_run_that_waits_for_its_turn_ends_at_once(world: World, export: Export) -> None:
    run = world.start(export)
    assert canceled(world, run).status == "canceled"
    world.deliver()
    assert_canceled(world, run, sent=0)


def test_a_run_that_waits_for_a_snapshot_ends_at_once(world: World) -> None:
    world.write_snapshot("Fresh", ["ana@example.com,Ana"])
    run = world.start(world.add_export("Fresh"))
    world.deliver_next()
    assert (now(world, run).status, now(world, run).waiting is None) == ("preparing", False)
    assert canceled(world, run).status == "canceled"
    world.deliver()
    assert_canceled(world, run, sent=0)


def test_a_run_of_which_nothing_is_uploaded_yet_ends_at_once(world: World, export: Export) -> None:
    run = world.start(export)
    world.deliver(until=lambda: now(world, run).prepared)
    assert canceled(world, run).status == "canceled"
    world.deliver()
    assert_canceled(world, run, sent=0)
    assert (now(world, run).counts.read, now(world, run).counts.rejected) == (7, 1)


def test_a_run_that_is_uploading_sends_no_further_batch_and_waits_for_what_is_under_way(
    world: World, export: Export
) -> None:
    run = after_one_batch(world, export)
    assert canceled(world, run).status == "uploading"
    assert world.services.runs.slot(export.id).value.run_id == run.run_id
    world.deliver()
    assert_canceled(world, run, sent=2)
    assert states(world, run) == ["completed", "pending", "pending"]


def test_a_run_of_which_everything_was_sent_cannot_be_canceled(world: World, export: Export) -> None:
    run = world.start(export)
    world.deliver(until=lambda: now(world, run).status == "finishing")
    with pytest.raises(Conflict, match="has been sent"):
        canceled(world, run)
    world.deliver()
    ended = now(world, run)
    assert (ended.status, ended.canceled_by, ended.counts.sent) == ("completed_with_warnings", None, 6)


def test_a_cancel_while_the_last_batch_was_on_its_way_came_too_late(world: World, export: Export) -> None:
    run = world.start(export)
    world.deliver(until=lambda: states(world, run).count("pending") == 1)
    world.fault("answer-lost", times=1)
    world.deliver(until=lambda: "pending" not in states(world, run))
    assert canceled(world, run).cancel_asked_at is not None
    world.deliver()
    ended = now(world, run)
    assert (ended.status, ended.canceled_by, ended.counts.sent) == ("completed_with_warnings", None, 6)
    assert world.services.runs.slot(export.id).value.exported == ended.versions


def test_a_batch_of_which_it_is_not_clear_whether_it_was_taken_is_looked_for_first(
    world: World, export: Export
) -> None:
    run = world.start(export)
    world.deliver(until=lambda: now(world, run).prepared)
    world.fault("answer-lost", times=1)
    world.deliver(until=lambda: "sending" in states(world, run))
    assert canceled(world, run).status == "uploading"
    world.deliver()
    assert_canceled(world, run, sent=2)


def test_a_batch_of_which_nobody_was_heard_again_is_looked_for_first(world: World, export: Export) -> None:
    run = world.start(export)
    world.deliver(until=lambda: now(world, run).prepared)
    world.fault("answer-lost", times=1)
    world.deliver(until=lambda: "sending" in states(world, run))
    world.queue.waiting = [waiting for waiting in world.queue.waiting if waiting.queue != BATCHES]
    canceled(world, run)
    world.deliver()
    assert_canceled(world, run, sent=2)


def test_a_run_that_was_stopped_for_another_reason_ends_for_that_reason(world: World, export: Export) -> None:
    run = after_one_batch(world, export)
    stop = {"stop": "The grant is broken.", "problem": "sign_in_again"}
    world.services.runs.change(run, lambda r: r.model_copy(update=stop))
    with pytest.raises(Conflict, match="is being stopped"):
        canceled(world, run)
    world.deliver()
    ended = now(world, run)
    assert (ended.status, ended.problem, ended.canceled_by) == ("failed", "sign_in_again", None)


def test_what_goes_wrong_after_the_cancel_is_told_but_the_run_is_canceled(world: World, export: Export) -> None:
    world.fault("activity-failed", times=1)
    run = after_one_batch(world, export)
    canceled(world, run)
    world.deliver()
    assert_canceled(world, run, sent=0)
    assert "Constant Contact ended the import of batch 1" in (now(world, run).error or "")


# While it is prepared


def test_a_worker_that_prepares_the_run_notices_it_and_leaves_no_batch_files(
    world: World, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.start(export)
    monkeypatch.setattr(prepare_module, "_PROGRESS_EVERY", timedelta())
    written: list[int] = []
    write_batch = RunFiles.write_batch

    def write(files: RunFiles, number: int, content: bytes, places: bytes) -> None:
        if not written:
            canceled(world, run)
        written.append(number)
        write_batch(files, number, content, places)

    monkeypatch.setattr(RunFiles, "write_batch", write)
    world.deliver()
    assert_canceled(world, run, sent=0)
    assert written == [1]
    assert [name for name in world.services.files.list_blob_names() if "batch-" in name] == []


def test_no_batch_of_a_run_is_left_waiting_that_was_canceled_when_its_batches_were_ready(
    world: World, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.start(export)
    add_batch = RunStore.add_batch

    def add(runs: RunStore, batch: Batch) -> None:
        with contextlib.suppress(Conflict):
            canceled(world, run)
        add_batch(runs, batch)

    monkeypatch.setattr(RunStore, "add_batch", add)
    world.deliver()
    assert_canceled(world, run, sent=0)
    assert states(world, run) == []


def test_a_run_whose_cancel_was_cut_short_while_it_was_prepared_ends_when_it_goes_on(
    world: World, export: Export
) -> None:
    run = world.start(export)
    asked = {"stop": "It was canceled.", "cancel_asked_at": world.clock.now(), "canceled_by": "Ana"}
    world.services.runs.change(run, lambda r: r.model_copy(update=asked))
    world.deliver()
    assert_canceled(world, run, sent=0)


def test_the_batch_files_of_a_run_that_was_being_prepared_are_removed(world: World, export: Export) -> None:
    run = world.start(export)
    world.files(run).write_batch(1, b"email", b"")
    canceled(world, run)
    assert list(world.services.files.list_blob_names()) == []


# Again


def test_a_run_that_has_ended_cannot_be_canceled(world: World, export: Export) -> None:
    run = world.run_to_end(export)
    with pytest.raises(Conflict, match="has ended"):
        canceled(world, run)
    assert now(world, run).status == "completed_with_warnings"


def test_a_run_that_is_not_there_cannot_be_canceled(world: World, export: Export) -> None:
    with pytest.raises(NotFound):
        cancel(world.services, export.id, "20261122T120000000-4f2a9c", "Ana")


def test_the_first_cancel_is_the_one_that_counts(world: World, export: Export) -> None:
    run = after_one_batch(world, export)
    first = canceled(world, run)
    world.clock.advance(5)
    second = cancel(world.services, export.id, run.run_id, "Bo", "id-of-bo")
    assert (second.cancel_asked_at, second.canceled_by, second.canceled_by_id) == (
        first.cancel_asked_at,
        "Ana",
        "id-of-ana",
    )


def test_after_a_cancel_the_same_snapshot_is_exported_by_the_next_run(world: World, export: Export) -> None:
    canceled(world, after_one_batch(world, export))
    world.deliver()
    run = world.run_to_end(export)
    assert (run.status, run.counts.sent) == ("completed_with_warnings", 6)
    assert sorted(world.members()) == PEOPLE


def test_a_snapshot_that_came_meanwhile_starts_the_next_run(world: World, export: Export) -> None:
    run = after_one_batch(world, export)
    world.write_snapshot("Loyal", ["new@example.com,New"], folder="2026/11/23/0130")
    start_for_snapshots(world.services, "CustomerInsights_x/BlobExport/Loyal/2026/11/23/0130/Loyal_1.csv")
    canceled(world, run)
    world.deliver()
    newest, before = world.services.runs.newest(export.id, 10)
    assert (before.run_id, before.status) == (run.run_id, "canceled")
    assert (newest.status, newest.trigger) == ("successful", "event")


# Cut short


@pytest.mark.parametrize("moment", ["queued", "prepared", "one batch"])
def test_wherever_the_cancel_is_cut_short_a_repeat_finishes_it(world: World, export: Export, moment: str) -> None:
    def reached() -> Run:
        run = world.start(world.add_export("Loyal"))
        if moment == "prepared":
            world.deliver(until=lambda: now(world, run).prepared)
        elif moment == "one batch":
            world.deliver(until=lambda: {"uploaded", "completed"} & set(states(world, run)) != set())
        return run

    run = reached()
    calls = requests_of(lambda: canceled(world, run))
    world.deliver()
    for at in range(1, calls + 1):
        run = reached()
        with watching(death(at)), contextlib.suppress(Killed):
            canceled(world, run)
        with contextlib.suppress(Conflict):
            canceled(world, run)
        world.deliver()
        ended = now(world, run)
        where = f"dead at request {at} of {calls}"
        assert (ended.status, ended.canceled_by, ended.counts.adds_up) == ("canceled", "Ana", True), where
        assert world.services.runs.slot(run.export_id).value.run_id is None, where
        assert world.services.history.latest()[run.export_id].status == "canceled", where
    assert world.statistics()["source_file_names_taken_more_than_once"] == []
