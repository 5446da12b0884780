"""The same snapshot and the same mapping give the same bytes and places, whoever reads it, how and how often."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporters.contacts import Mapping
from exporters.files import Plan, RunFiles
from exporters.runs import Run
from exporters.steps import run_step
from shared.models import Export
from shared.queues import RUNS, Message
from shared.snapshots import completeness
from shared.snapshots.partition_file import PartitionFile
from tests.exporters.world import World
from tests.promises.interruption import watching
from tests.promises.promise import Guard, Worlds, examples, replaced

Partitions = list[list[tuple[str, ...]]]
MAPPING = {"email": "EMail", "first_name": "FirstName", "cf:b": "B", "cf:a": "A", "last_name": "A"}
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
ADDRESSES = st.one_of(st.integers(0, 30).map("p{}@example.com".format), CELLS)
TWO_PARTITIONS = [[("ana@example.com", "Ana", "1", "2")], [("bo@example.com", "Bo", "3", "4")]]
ROWS = st.lists(st.tuples(ADDRESSES, CELLS, CELLS, CELLS), min_size=1, max_size=15)


def the_same_snapshot_and_mapping_give_the_same_bytes(worlds: Worlds) -> None:
    """However many bytes are fetched at a time, and in whatever order the mapping was written down."""
    with worlds() as world:

        @examples(4)
        @example(TWO_PARTITIONS, 7, list(reversed(MAPPING)))
        @given(st.lists(ROWS, min_size=1, max_size=3), st.integers(1, 64), st.permutations(list(MAPPING)))
        def of_such_rows(partitions: Partitions, range_bytes: int, order: list[str]) -> None:
            write_partitions(without_snapshots(world), partitions)
            first = prepared(world, world.add_export("Loyal", mapping=MAPPING))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(PartitionFile.open_stored, "__defaults__", (range_bytes,))
                mapping = {column: MAPPING[column] for column in order}
                second = prepared(world, world.add_export("Loyal", mapping=mapping))
            assert written(world, first) == written(world, second), f"other bytes in ranges of {range_bytes}, {order}"

        of_such_rows()


def a_repeat_reads_what_was_read_before(worlds: Worlds) -> None:
    """A newer snapshot arrives at any request of the first step, and another worker does the step at that moment."""
    older, newer = people("old", 3), people("new", 5)

    def comes_in(world: World, message: Message) -> None:
        write_partitions(world, newer, time="0230")
        run_step(world.services, RUNS, message.model_dump_json())

    with worlds() as world:
        for at, run in first_steps(world, older, comes_in):
            (snapshot,) = run.snapshots.values()
            is_newer = snapshot.endswith("0230")
            expected = 5 if is_newer else 3
            where = f"a newer snapshot at request {at}, and {snapshot} was taken"
            assert run.counts.prepared == expected, f"{where}: {run.counts.prepared} contacts instead of {expected}"
            content = b"".join(written(world, run).values())
            assert (b"new" in content, b"old" in content) == (is_newer, not is_newer), f"{where}: other profiles"


def a_partition_that_is_written_again_is_never_mixed(worlds: Worlds) -> None:
    """Its bytes change at any request of the first step: all of them are taken or none."""
    older, newer = people("old", 6), people("new", 6)
    with worlds() as world, pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartitionFile.open_stored, "__defaults__", (100,))
        for at, run in first_steps(world, older, lambda world, _: write_partitions(world, newer)):
            content = b"".join(written(world, run).values())
            assert not (b"old" in content and b"new" in content), f"old and new bytes, written again at request {at}"


# How it is done


def people(age: str, number: int) -> Partitions:
    return [[(f"{age}{one}@example.com", "", "", "") for one in range(number)]]


def write_partitions(world: World, partitions: Partitions, *, time: str = "0130") -> None:
    """Every other one compressed; more than nine, so that an order by name is not one by number."""
    parts = partitions if len(partitions) == 1 else [*partitions, *([[]] * (11 - len(partitions))), partitions[0]]
    for part, rows in enumerate(parts, 1):
        text = io.StringIO(newline="")
        csv.writer(text).writerows([("EMail", "FirstName", "A", "B"), *rows])
        content = text.getvalue().encode()
        path = f"CustomerInsights_x/BlobExport/Loyal/2026/11/22/{time}/Loyal_{part}.csv"
        world.upload(path, gzip.compress(content) if part % 2 == 0 else content)


def without_snapshots(world: World) -> World:
    """More folders would mean more requests."""
    for name in world.services.snapshots.list_blob_names():
        world.services.snapshots.delete_blob(name)
    return world


def prepared(world: World, export: Export) -> Run:
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    world.start(export)
    world.deliver_next()
    world.queue.waiting.clear()
    run = world.last_run(export)
    assert run.prepared, run.error or run.waiting
    return run


def written(world: World, run: Run) -> dict[str, bytes]:
    """Every file of the run but its plan, by its name."""
    container = world.services.files
    names = [name for name in container.list_blob_names(name_starts_with=run.run_id) if not name.endswith("plan.json")]
    return {name.partition("/")[2]: container.download_blob(name).readall() for name in names}


def first_steps(
    world: World, partitions: Partitions, happens: Callable[[World, Message], None]
) -> Iterator[tuple[int, Run]]:
    """The runs whose first step was disturbed at its request 1, 2, 3 … up to its last."""
    for at in count(1):
        write_partitions(without_snapshots(world), partitions)
        world.clock.advance(world.settings.snapshot_quiet_seconds)
        export = world.add_export("Loyal")
        world.start(export)
        message = world.queue.waiting.pop().message
        numbers = [0]

        def before(number: int, at: int = at, message: Message = message, numbers: list[int] = numbers) -> None:
            numbers.append(number)
            if number == at:
                happens(world, message)

        with watching(before):
            run_step(world.services, RUNS, message.model_dump_json())
        world.queue.waiting.clear()
        if at not in numbers:
            return
        yield at, world.last_run(export)


# What protects it


def each_its_own(self: RunFiles, plan: Plan) -> Plan:
    self._container.upload_blob(self._path("plan.json"), plan.model_dump_json().encode(), overwrite=True)
    return plan


def whatever_is_there(self: PartitionFile, start: int, most: int) -> bytes:
    blob = self.container.get_blob_client(self.partition.path)
    length = min(most, self.partition.size - start)
    return blob.download_blob(offset=start, length=length, decompress=False).readall()


def as_written_down(self: Mapping) -> tuple[str, ...]:
    return ("email", *(column for column in self.fields if column != "email"))


_CHANCE = random.Random(0)
_in_order_of_the_mapping = cached_property(as_written_down)
_in_order_of_the_mapping.__set_name__(Mapping, "import_columns")

GUARDS = [
    Guard(
        the_same_snapshot_and_mapping_give_the_same_bytes,
        "a fixed order of the columns",
        replaced(Mapping, "import_columns", _in_order_of_the_mapping),
        "other bytes",
    ),
    Guard(
        the_same_snapshot_and_mapping_give_the_same_bytes,
        "a fixed order of the partitions",
        replaced(completeness, "natural_order", lambda _: _CHANCE.random()),
        "other bytes",
    ),
    Guard(
        a_repeat_reads_what_was_read_before,
        "settling the plan once",
        replaced(RunFiles, "settle_plan", each_its_own),
        "a newer snapshot at request",
    ),
    Guard(
        a_partition_that_is_written_again_is_never_mixed,
        "pinning a partition to its ETag",
        replaced(PartitionFile, "fetch", whatever_is_there),
        "old and new bytes",
    ),
]
