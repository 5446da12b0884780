"""What is exported, and when: complete snapshots alone, and by itself nothing that went through already."""

from __future__ import annotations

import dataclasses
import json
import random
from datetime import datetime, timedelta

from exporters import run_store
from exporters.run_store import RunStore
from exporters.runs import ENDED, Slot
from shared.snapshots import catalog
from shared.snapshots.completeness import Broken, Evidence, judge
from shared.snapshots.models import Partition, StillWriting
from shared.tables import Stored
from tests.exporters.world import World, refresh
from tests.promises.promise import SEEDS, Guard, Worlds, replaced

ROOT = "CustomerInsights_x/BlobExport"
OLDER, NEWER = "2026/11/22/0130", "2026/11/22/0230"
FILES = 3


def only_complete_snapshots_are_exported(worlds: Worlds) -> None:
    """A run that comes upon a snapshot while it is written takes all of it in the end, and never a part.

    One that stays incomplete by its own model.json is not taken: the older one is, and the run says so.
    """
    for written in range(1, FILES + 1):
        with worlds() as world:
            write_files(world, NEWER, range(written))
            export = world.add_export("Loyal")
            world.start(export)
            world.deliver_next()
            write_files(world, NEWER, range(written, FILES))
            world.deliver()
            run = world.last_run(export)
            assert run.counts.read == FILES, f"{run.counts.read} of {FILES} files, {written} were there: {run.error}"
    with worlds() as world:
        write_files(world, OLDER, range(FILES))
        write_files(world, NEWER, range(FILES - 1))
        write_model(world, NEWER)
        world.clock.advance(world.settings.snapshot_quiet_seconds)
        run = world.run_to_end(world.add_export("Loyal"))
        assert OLDER in str(run.snapshots), f"a snapshot of {run.counts.read} files was taken that lacks one"
        assert "An older snapshot is used" in str(run.warnings)


def nothing_new_starts_no_scheduled_run(worlds: Worlds) -> None:
    """The timer starts a run exactly when the newest snapshot has not gone through; on demand one always starts."""
    plain = ["timer", "timer", "refused", "timer", "timer", "timer", "unreadable", "on demand", "timer"]
    chance = random.Random(SEEDS)
    with worlds() as world:
        export = world.add_export("Loyal")
        for day, events in enumerate([plain, chance.choices([*plain, "snapshot"], k=12)], 1):
            is_new = True
            world.write_snapshot("Loyal", ["p@example.com,P"], folder=f"2026/11/{day:02}/0000")
            for minute, event in enumerate(events, 1):
                if event == "timer":
                    started = len(refresh(world.services))
                    assert started == is_new, f"{started} runs started; something new: {is_new}"
                elif event == "on demand":
                    world.start(export)
                else:
                    is_new = True
                    header = "Other,Columns" if event == "unreadable" else "EMail,FirstName"
                    folder = f"2026/11/{day:02}/{minute:04}"
                    world.write_snapshot("Loyal", ["p@example.com,P"], folder=folder, header=header)
                    if event == "refused":
                        world.fault("activity-failed", times=1)
                if world.queue.waiting:
                    world.clock.advance(world.settings.snapshot_quiet_seconds)
                    world.deliver()
                    is_new = world.last_run(export).status != "successful"


# How it is done


def write_files(world: World, folder: str, numbers: range) -> None:
    """One profile a file."""
    for number in numbers:
        content = f"EMail,FirstName\np{number}.{folder[-4:]}@example.com,P\n"
        world.upload(f"{ROOT}/Loyal/{folder}/Loyal_{number}.csv", content.encode())


def write_model(world: World, folder: str) -> None:
    """It names all the files."""
    place = f"https://account.blob.core.windows.net/{world.services.snapshots.container_name}/{ROOT}/Loyal/{folder}"
    partitions = [{"name": f"p{number}", "location": f"{place}/Loyal_{number}.csv"} for number in range(FILES)]
    entity = {"name": "Loyal", "attributes": [{"name": "EMail"}, {"name": "FirstName"}], "partitions": partitions}
    world.upload(f"{ROOT}/model.json", json.dumps({"name": "x", "entities": [entity]}).encode())


# What protects it

Verdict = tuple[Partition, ...] | StillWriting | Broken


def at_once(evidence: Evidence, now: datetime, quiet: timedelta) -> Verdict:
    return judge(evidence, now, timedelta(0))


def what_there_is(evidence: Evidence, now: datetime, quiet: timedelta) -> Verdict:
    stored = {file.path for file in evidence.files}
    there = tuple(part for part in evidence.named if part.path in stored)
    return judge(dataclasses.replace(evidence, named=there), now, quiet)


def without_a_memory(self: RunStore, export_id: str) -> Stored[Slot]:
    stored = _slot(self, export_id)
    return dataclasses.replace(stored, value=stored.value.model_copy(update={"exported": {}}))


_slot = RunStore.slot

GUARDS = [
    Guard(
        only_complete_snapshots_are_exported,
        "waiting until nothing changes any more",
        replaced(catalog, "judge", at_once),
        "1 of 3 files",
    ),
    Guard(
        only_complete_snapshots_are_exported,
        "the word of model.json",
        replaced(catalog, "judge", what_there_is),
        "a snapshot of 2 files was taken that lacks one",
    ),
    Guard(
        nothing_new_starts_no_scheduled_run,
        "remembering what was exported",
        replaced(RunStore, "slot", without_a_memory),
        "1 runs started; something new: False",
    ),
    Guard(
        nothing_new_starts_no_scheduled_run,
        "remembering only what went through",
        replaced(run_store, "GOOD", ENDED),
        "0 runs started; something new: True",
    ),
]
