"""The first step when it is repeated, or when something changes beside it."""

from __future__ import annotations

from typing import Any

import pytest

from exporters import prepare as prepare_module
from exporters import start
from exporters.batches import cut_batches
from exporters.files import Plan, RunFiles
from exporters.prepare import prepare
from exporters.runs import Run
from shared.queues import ACTIVITIES, BATCHES, RUNS, Message
from tests.exporters.world import World

ROOT = "CustomerInsights_x/BlobExport"
NEWER = "2026/11/22/0230"


@pytest.fixture(autouse=True)
def a_segment(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "bo@example.com,Bo"])
    world.clock.advance(world.settings.snapshot_quiet_seconds)


def step(world: World, run: Run) -> None:
    prepare(world.services, Message(export_id=run.export_id, run_id=run.run_id))


def newer_snapshot(world: World) -> None:
    world.write_snapshot("Loyal", ["cy@example.com,Cy"], folder=NEWER)
    world.clock.advance(world.settings.snapshot_quiet_seconds + 1)


def now(world: World, run: Run) -> Run:
    return world.services.runs.get(run.export_id, run.run_id)


def test_what_the_run_takes_up_is_remembered_even_if_it_came_after_the_start(world: World) -> None:
    export = world.add_export("Loyal")
    (run,) = start.start_for_snapshots(world.services, f"{ROOT}/Loyal/2026/11/22/0130/Loyal_1.csv")
    newer_snapshot(world)
    step(world, run)
    assert world.services.runs.slot(export.id).value.seen == now(world, run).versions
    world.deliver()
    assert start.start_for_snapshots(world.services, f"{ROOT}/Loyal/{NEWER}/Loyal_1.csv") == []


def test_a_step_that_is_repeated_reads_what_was_settled(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare_module, "cut_batches", failing)
        with pytest.raises(LookupError):
            step(world, run)
    newer_snapshot(world)
    step(world, run)
    assert now(world, run).counts.prepared == 2
    assert now(world, run).snapshots["Loyal"].endswith("0130")


def test_a_plan_that_another_worker_has_settled_meanwhile_holds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = world.start(world.add_export("Loyal"))
    settle = RunFiles.settle_plan

    def another_is_quicker(self: RunFiles, plan: object) -> object:
        monkeypatch.setattr(RunFiles, "settle_plan", settle)
        newer_snapshot(world)
        theirs = prepare_module._plan(world.services, run)
        settle(self, theirs)
        return settle(self, plan)  # type: ignore[arg-type]

    monkeypatch.setattr(RunFiles, "settle_plan", another_is_quicker)
    step(world, run)
    assert now(world, run).counts.prepared == 1
    assert now(world, run).snapshots["Loyal"].endswith("0230")


def test_a_worker_that_is_held_up_until_another_run_has_begun_does_not_say_what_that_has_taken_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = world.add_export("Loyal")
    run, settle = world.start(export), RunFiles.settle_plan

    def held_up(files: RunFiles, plan: Plan) -> Plan:
        world.services.runs.end(run, lambda r: r.model_copy(update={"status": "canceled"}))
        world.start(export)
        world.services.runs.change_slot(export.id, seen={"Loyal": "what came meanwhile"})
        return settle(files, plan)

    monkeypatch.setattr(RunFiles, "settle_plan", held_up)
    step(world, run)
    assert world.services.runs.slot(export.id).value.seen == {"Loyal": "what came meanwhile"}


def test_a_run_that_is_prepared_is_handed_out_again_and_not_prepared_again(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    step(world, run)
    newer_snapshot(world)
    world.queue.waiting.clear()
    step(world, run)
    assert now(world, run).counts.prepared == 2
    assert sorted(one.queue for one in world.queue.waiting) == [ACTIVITIES, BATCHES]


def test_a_run_that_is_finishing_is_left_alone(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    step(world, run)
    world.services.runs.change(run, lambda r: r.model_copy(update={"status": "finishing"}))
    world.queue.waiting.clear()
    step(world, run)
    assert world.queue.waiting == []


def test_a_message_that_comes_after_the_end_starts_the_run_that_was_asked_for_meanwhile(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.run_to_end(export)
    newer_snapshot(world)
    world.services.runs.change_slot(export.id, start_again=True)
    step(world, run)
    assert world.last_run(export).run_id != run.run_id
    assert [one.queue for one in world.queue.waiting] == [RUNS]


def test_the_run_tells_when_it_was_started_and_what_it_read(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    before = world.clock.now()
    step(world, run)
    prepared = now(world, run)
    assert prepared.started_at is not None
    assert before <= prepared.started_at <= world.clock.now()
    assert (prepared.status, prepared.batches, prepared.waiting, prepared.warnings) == ("uploading", 1, None, ())
    assert list(prepared.versions) == list(prepared.snapshots) == ["Loyal"]
    world.clock.advance(60)
    world.services.runs.change(run, lambda r: r.model_copy(update={"status": "preparing"}))
    step(world, run)
    assert now(world, run).started_at == prepared.started_at


@pytest.mark.parametrize(("quiet", "seconds"), [(3_600, 10), (25, 5)])
def test_a_snapshot_that_is_still_written_is_waited_for_ten_seconds_at_the_most(
    world: World, quiet: int, seconds: int
) -> None:
    changed = world.settings.model_copy(update={"snapshot_quiet_seconds": float(quiet)})
    object.__setattr__(world.services, "settings", changed)
    run = world.start(world.add_export("Loyal"))
    world.deliver_next()
    assert now(world, run).waiting is not None
    (waiting,) = world.queue.waiting
    # The snapshot was written a moment ago, twenty seconds before the clock of this world.
    assert seconds - 4 < (waiting.due - world.clock.now()).total_seconds() <= seconds


def failing(*_: object, **__: object) -> object:
    raise LookupError


def test_a_row_of_another_width_is_rejected_with_its_line_and_the_others_are_read_on(world: World) -> None:
    world.write_snapshot("Odd", ["ana@example.com,Ana", "bo@example.com,Bo,2", "cy@example.com", "di@example.com,Di"])
    run = world.start(world.add_export("Odd"))
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    step(world, run)
    counts = now(world, run).counts
    assert (counts.read, counts.prepared, counts.rejected, counts.rejected_by_us) == (4, 2, 2, 2)
    rows = list(world.files(run).rejected_rows())
    assert [(row.line, row.code) for row in rows] == [(3, "row_malformed"), (4, "row_malformed")]
    assert [row.reason for row in rows] == ["3 cells instead of 2", "1 cells instead of 2"]


def test_values_that_were_cut_or_left_out_are_counted(world: World) -> None:
    world.write_snapshot("Odd", [f"ana@example.com,{'x' * 60},1", "bo@example.com,Bo,2026-02-30"], header="E,N,A")
    mapping = {"email": "E", "first_name": "N", "anniversary": "A"}
    run = world.start(world.add_export("Odd", mapping=mapping))
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    step(world, run)
    assert (now(world, run).counts.shortened, now(world, run).counts.left_out) == (1, 2)


def test_a_run_that_is_prepared_shows_how_far_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = world.start(world.add_export("Loyal"))
    world.services.runs.change(run, lambda r: r.model_copy(update={"waiting": "for a snapshot"}))
    shown: list[tuple[int, str | None]] = []

    def look(contacts: Any, *given: Any, **more: Any) -> Any:
        for batch in cut_batches(contacts, *given, **{**more, "max_contacts": 1}):
            world.clock.advance(5)
            yield batch
            shown.append((now(world, run).counts.prepared, now(world, run).waiting))

    monkeypatch.setattr(prepare_module, "cut_batches", look)
    step(world, run)
    assert shown == [(2, None), (2, None)]


def test_where_nothing_is_odd_nothing_is_counted_as_odd(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    step(world, run)
    counts = now(world, run).counts
    assert (counts.shortened, counts.left_out, counts.duplicates, counts.rejected) == (0, 0, 0, 0)
