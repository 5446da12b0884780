"""Somebody may cancel a run at any moment: it ends as canceled, and what it says was sent is what was sent."""

from __future__ import annotations

import contextlib

from exporters import cancel
from exporters.runs import Run
from shared.errors import Conflict
from shared.models import Export
from shared.queues import ACTIVITIES, BATCHES, RUNS
from tests.exporters.world import Waiting, World
from tests.promises.interruption import requests_of, watching
from tests.promises.promise import Guard, Worlds, replaced
from tests.promises.repeating import batches_in_turn, clear_soon, deliver_each, step

# At every third request: the walk meets each claim, each write and each request to Constant Contact all the same.
EVERY = 3
PEOPLE = 3


def a_run_may_be_canceled_at_any_request(worlds: Worlds) -> None:
    """It sends nothing more, follows what is under way, counts every profile once and lets go of its export."""
    with worlds() as world, batches_in_turn():
        clear_soon(world)
        for queue, requests in requests_of_each_step(world).items():
            for call in range(1, requests + 1, EVERY):
                where = f"canceled at request {call} of a step from {queue}"
                export = an_export(world, f"{queue}{call}")
                assert_true(world, export, canceled_within(world, export, queue, call), where)


# How it is done


def an_export(world: World, name: str) -> Export:
    """An export of five profiles in two batches, whose addresses no other export has."""
    segment = name.replace("-", "").capitalize()
    people = [f"{name}-{number}@example.com,Name" for number in range(PEOPLE)]
    world.write_snapshot(segment, [*people, people[0], "no address,Nobody"])
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    return world.add_export(segment, name=name)


def requests_of_each_step(world: World) -> dict[str, int]:
    """The most requests that a step of each queue makes."""
    most = dict.fromkeys((RUNS, BATCHES, ACTIVITIES), 0)

    def count(waiting: Waiting) -> None:
        most[waiting.queue] = max(most[waiting.queue], requests_of(lambda: step(world, waiting)))

    world.start(an_export(world, "undisturbed"))
    deliver_each(world, count)
    return most


def canceled_within(world: World, export: Export, queue: str, call: int) -> bool:
    """Cancel the export's run at request `call` of its first step from `queue`; whether it was not too late."""
    run = world.start(export)
    came, in_time = False, False

    def somebody_cancels() -> None:
        nonlocal came, in_time
        came = True
        with contextlib.suppress(Conflict):
            cancel.cancel(world.services, export.id, run.run_id, "Ana")
            in_time = True

    def deliver(waiting: Waiting) -> None:
        def comes_in(number: int) -> None:
            if number == call and waiting.queue == queue and not came:
                somebody_cancels()

        with watching(comes_in):
            step(world, waiting)

    deliver_each(world, deliver)
    return in_time


def assert_true(world: World, export: Export, canceled: bool, where: str) -> None:
    (run,) = world.services.runs.newest(export.id, 10)
    counts, taken = run.counts, sum(address.startswith(f"{export.name}-") for address in world.members())
    # Who cancels while the last batch is on its way comes too late, and learns it from the run.
    canceled = canceled and taken < PEOPLE
    assert run.status == ("canceled" if canceled else "completed_with_warnings"), f"{where}: {run.status}"
    assert counts.sent == taken, f"{where}: {counts.sent} counted, {taken} were taken"
    assert counts.adds_up, f"{where}: {counts}"
    assert world.statistics()["source_file_names_taken_more_than_once"] == [], f"{where}: a batch was sent twice"
    slot = world.services.runs.slot(export.id).value
    assert slot.run_id is None, f"{where}: the export is still held by {slot.run_id}"
    assert bool(slot.exported) is not canceled, f"{where}: what counts as exported is {slot.exported}"
    assert_told(world, run, where)


def assert_told(world: World, run: Run, where: str) -> None:
    told = world.services.history.latest([run.export_id])[run.export_id]
    assert (told.run_id, told.status, told.counts) == (run.run_id, run.status, run.counts), f"{where}: {told}"
    if run.status == "canceled" and not run.batches:
        names = list(world.services.files.list_blob_names(name_starts_with=f"{run.run_id}/batch-"))
        assert names == [], f"{where}: these were left: {names}"


# What protects it

GUARDS = [
    Guard(
        a_run_may_be_canceled_at_any_request,
        "waiting for what is under way",
        replaced(cancel, "is_at_rest", lambda *_: True),
        "were taken",
    ),
]
