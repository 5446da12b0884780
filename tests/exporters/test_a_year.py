"""A year of runs, with faults and lost messages, leaves nothing behind but history."""

from __future__ import annotations

import random

import pytest

from exporters.runs import ENDED, Run
from exporters.sweeping import SILENCE, delete_old_files, take_up_lost_runs
from shared.models import Export
from tests.exporters.world import World, refresh

DAYS = 365
DAYS_BETWEEN_RUNS = 7
FAULTS = ("unavailable", "cut-after", "answer-lost", "throttled", "activity-failed", "token-unavailable")


def a_day(world: World, exports: list[Export], chance: random.Random, day: int) -> None:
    """A refresh, a fault or two, messages that are lost, and the sweeps of the day."""
    for export in exports:
        people = [f"p{day}.{number}@example.com,Name" for number in range(chance.randint(1, 5))]
        world.write_snapshot(export.segments[0], people)
    if chance.random() < 0.5:
        world.fault(chance.choice(FAULTS), times=1)
    refresh(world.services)
    for _ in range(chance.randint(1, 12)):
        if world.queue.waiting:
            world.deliver_next()
    if chance.random() < 0.4:
        world.queue.waiting.clear()
    for _ in range(3):
        world.clock.advance(SILENCE.total_seconds() + 60)
        take_up_lost_runs(world.services)
        world.deliver()
    world.clock.advance(DAYS_BETWEEN_RUNS * 86_400)
    world.clear_faults()
    take_up_lost_runs(world.services)
    delete_old_files(world.services)
    world.deliver()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_after_a_year_nothing_is_orphaned(world: World) -> None:
    chance = random.Random(2026)
    exports = [world.add_export(f"Segment{number}", name=f"Export {number}") for number in range(2)]
    for day in range(0, DAYS, DAYS_BETWEEN_RUNS):
        a_day(world, exports, chance, day)
    runs = [run for export in exports for run in world.services.runs.newest(export.id, 10_000)]
    assert len(runs) >= 2 * DAYS // DAYS_BETWEEN_RUNS
    assert all(run.status in ENDED for run in runs)
    # A run whose messages were lost was carried on, and did not wait for the end of its time.
    assert not any(run.status == "timed_out" for run in runs)
    assert all(run.counts.adds_up for run in runs)
    assert world.queue.waiting == []
    assert all(world.services.runs.slot(export.id).value.run_id is None for export in exports)
    assert folders_of_files(world) <= {run.run_id for run in runs if is_young(world, run)}
    assert world.statistics()["source_file_names_taken_more_than_once"] == []


def folders_of_files(world: World) -> set[str]:
    return {name.split("/")[0] for name in world.services.files.list_blob_names()}


def is_young(world: World, run: Run) -> bool:
    age = world.clock.now() - run.created_at
    return age.days <= world.settings.file_retention_days
