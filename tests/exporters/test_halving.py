"""A contact that makes its batch fail costs only itself."""

from __future__ import annotations

import functools
from collections import Counter
from datetime import timedelta

import pytest

from exporters import halving, prepare
from exporters.batches import cut_batches
from exporters.run_store import RunStore
from exporters.runs import Batch, Run
from exporters.steps import run_step
from exporters.sweeping import take_up_lost_runs
from shared.queues import BATCHES
from shared.tables import Stored
from tests.exporters.world import Waiting, World

PEOPLE = [f"person{number:03}@example.com" for number in range(64)]


def export_with_poison(world: World, *poison: str) -> Run:
    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    for match in poison:
        world.fault("poison-contact", match=match)
    return world.run_to_end(world.add_export("Loyal"))


def test_the_others_are_delivered_once_and_the_one_is_named(world: World) -> None:
    run = export_with_poison(world, "person017@")
    assert run.status == "completed_with_warnings", run.error
    assert sorted(world.members()) == sorted(set(PEOPLE) - {"person017@example.com"})
    assert world.statistics()["contacts_imported_more_than_once"] == 0
    (row,) = world.files(run).rejected_rows()
    assert (row.segment, row.line, row.code) == ("Loyal", 19, "constant_contact")
    assert row.partition.endswith("Loyal_1.csv")
    assert "example.com" not in row.reason
    assert (run.counts.sent, run.counts.rejected_by_constant_contact, run.counts.not_sent) == (63, 1, 0)
    assert run.counts.adds_up


@pytest.mark.parametrize("poison", [["person000@"], ["person063@"], ["person010@", "person011@", "person050@"]])
def test_wherever_they_are_all_of_them_are_found(world: World, poison: list[str]) -> None:
    run = export_with_poison(world, *poison)
    lines = {row.line for row in world.files(run).rejected_rows()}
    assert lines == {int(match[6:9]) + 2 for match in poison}
    assert len(world.members()) == len(PEOPLE) - len(poison)


def test_one_contact_costs_two_calls_for_each_doubling(world: World) -> None:
    run = export_with_poison(world, "person017@")
    states = Counter(stored.value.state for stored in world.services.runs.batches(run.run_id))
    # One more than that: the first contact was tried alone, because nothing had been accepted yet.
    assert states == {"split": 7, "completed": 8}


def test_a_row_that_a_part_names_is_traced_to_its_place(world: World) -> None:
    world.fault("rows-refused", match="person040@")
    run = export_with_poison(world, "person001@")
    assert {row.line for row in world.files(run).rejected_rows()} == {3, 42}


def test_a_refusal_of_everything_is_not_looked_for_contact_by_contact(world: World) -> None:
    run = export_with_poison(world, "@example.com")
    assert run.status == "failed"
    assert "HTTP 400" in (run.error or "")
    assert run.counts.adds_up
    states = Counter(stored.value.state for stored in world.services.runs.batches(run.run_id))
    assert states["split"] <= 11
    assert "each of 10 single contacts" in (run.error or "")


def test_contacts_that_are_refused_may_be_everywhere(world: World) -> None:
    """Every part of any size has one; by halves alone nothing would be accepted for long."""
    run = export_with_poison(world, *(f"person{number:03}@" for number in range(0, 64, 6)))
    assert (run.counts.sent, run.counts.rejected_by_constant_contact, run.counts.not_sent) == (53, 11, 0)
    assert len(world.members()) == 53


def test_parts_fit_together_though_the_splitter_died_between_them(world: World) -> None:
    """The first part was kept when nothing had been accepted yet; whoever repeats the split would cut in the middle."""
    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    world.fault("poison-contact", match="person017@")
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: bool(world.services.runs.batches(run.run_id)))
    (whole,) = (stored.value for stored in world.services.runs.batches(run.run_id))
    world.services.runs.add_batch(whole.parts(5)[0])
    world.deliver()
    assert world.last_run(export).counts.sent == 63
    assert len(world.members()) == 63
    assert world.statistics()["contacts_imported_more_than_once"] == 0


def whole_after_all(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Run, Waiting]:
    """A run whose batch was refused; its worker died between keeping the parts and splitting it. The message is left.

    What Constant Contact had against the batch has passed by the time that it is sent again.
    """
    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    world.fault("poison-contact", match="person017@")
    run = world.start(world.add_export("Loyal"))
    world.deliver(until=lambda: world.queue.waiting[0].queue == BATCHES)
    upload = world.queue.waiting[0]
    write_batch = RunStore.write_batch

    def dies(store: RunStore, batch: Batch, etag: str) -> Stored[Batch]:
        if batch.state == "split":
            raise RuntimeError("killed")
        return write_batch(store, batch, etag)

    with monkeypatch.context() as patch:
        patch.setattr(RunStore, "write_batch", dies)
        with pytest.raises(RuntimeError, match="killed"):
            world.deliver_next()
    assert world.services.runs.batch(run.run_id, "0001.2") is not None
    world.clear_faults()
    return run, upload


def test_parts_of_a_batch_that_was_taken_whole_after_all_are_waited_for_by_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, upload = whole_after_all(world, monkeypatch)
    world.queue.send(upload.queue, upload.message)
    world.deliver()
    run = world.services.runs.get(run.export_id, run.run_id)
    assert (run.status, run.counts.sent, run.counts.adds_up) == ("successful", len(PEOPLE), True)


def test_parts_of_a_batch_that_was_taken_whole_after_all_are_never_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = whole_after_all(world, monkeypatch)
    world.queue.waiting.clear()
    world.clock.advance(timedelta(hours=1).total_seconds())
    assert [taken.run_id for taken in take_up_lost_runs(world.services)] == [run.run_id]
    world.deliver()
    assert sorted(world.members()) == sorted(PEOPLE)
    assert world.statistics()["contacts_imported_more_than_once"] == 0
    run = world.services.runs.get(run.export_id, run.run_id)
    assert (run.status, run.counts.sent, run.counts.adds_up) == ("successful", len(PEOPLE), True)


def test_the_calls_spent_on_looking_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halving, "MOST_HALVINGS", 3)
    run = export_with_poison(world, "person017@")
    states = Counter(stored.value.state for stored in world.services.runs.batches(run.run_id))
    assert states == {"split": 3, "completed": 3, "failed": 1}
    assert (run.status, run.counts.not_sent) == ("failed", 16)
    assert "3 steps and gave up" in (run.error or "")
    assert run.counts.adds_up


def test_the_halves_of_a_batch_whose_splitter_died_are_sent_all_the_same(world: World) -> None:
    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    world.fault("poison-contact", match="person017@")
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: any(s.value.state == "split" for s in world.services.runs.batches(run.run_id)))
    halves = [one for one in world.queue.waiting if one.message.batch]
    assert {one.message.batch for one in halves} == {"0001.1", "0001.2"}
    world.queue.waiting = [one for one in world.queue.waiting if one not in halves]
    parent = halves[0].message.model_copy(update={"batch": "0001"})
    run_step(world.services, halves[0].queue, parent.model_dump_json())
    world.deliver()
    assert world.last_run(export).counts.sent == 63


def test_batches_without_the_contact_are_not_split(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "cut_batches", functools.partial(cut_batches, max_contacts=16))
    run = export_with_poison(world, "person017@")
    whole = [s.value for s in world.services.runs.batches(run.run_id) if not s.value.part]
    assert [batch.state for batch in whole] == ["completed", "split", "completed", "completed"]
