"""Every step may be repeated at any line: a worker dies, a message comes twice, messages change their order."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from azure.data.tables import TableClient

from exporters import run_store, start, turns, upload
from exporters.batches import cut_batches
from exporters.constant_contact.client import Account
from exporters.run_store import RunStore
from exporters.runs import Batch
from exporters.services import Services
from exporters.start import AlreadyRunning
from exporters.steps import run_step
from shared.models import Export
from shared.tables import DocumentTable, Key, Stored, entity
from tests.exporters.world import Waiting, World
from tests.promises.interruption import Killed, death, requests_of, watching
from tests.promises.promise import SEEDS, Guard, Worlds, replaced

PEOPLE = ["ana@example.com", "bo@example.com", "cy@example.com"]
ROWS = [*(f"{address},Name" for address in PEOPLE), "ANA@example.com,Again", "no address,Nobody"]
# The host delivers the message of a dead worker again some time later.
AGAIN_AFTER_SECONDS = 30
UNCLEAR_SECONDS = 5


def a_worker_may_die_at_any_request(worlds: Worlds) -> None:
    """Its message comes again; every profile is counted once, nothing is sent twice, the export is free again.

    Here at the first, the third, the fifth …; `a_worker_may_die_at_any_other_request` is the other half of the walk.
    """
    die_at_every_second(worlds, 1)


def a_worker_may_die_at_any_other_request(worlds: Worlds) -> None:
    """The same at the second, the fourth, the sixth …: two halves can be walked side by side."""
    die_at_every_second(worlds, 2)


def die_at_every_second(worlds: Worlds, first: int) -> None:
    with worlds() as world, batches_in_turn():
        prepare_segment(world)
        clear_soon(world)
        for call in range(first, most_requests_of_a_step(world) + 1, 2):
            export = world.add_export("Loyal")
            start_despite(world, export, death(call))
            deliver_despite(world, death(call))
            assert_exact(world, export, f"dead at request {call} of a start or of each step")


def a_message_may_come_again_at_any_request(worlds: Worlds) -> None:
    """Another worker gets the same message while the first is at work, and does the whole step in between.

    At every other request: that takes half of the time, and the claim and each compare-and-set are met many times.
    """
    with worlds() as world, batches_in_turn():
        prepare_segment(world)
        clear_soon(world)
        for call in range(1, most_requests_of_a_step(world) + 1, 2):
            export = world.add_export("Loyal")
            world.start(export)
            deliver_each(world, partial(step_with_another_inside, world, call))
            assert_exact(world, export, f"another worker came at request {call} of each step")


def messages_may_come_twice_and_in_any_order(worlds: Worlds) -> None:
    """A queue promises neither order nor once."""
    with worlds() as world, batches_in_turn():
        prepare_segment(world)
        clear_soon(world)

        for seed in range(SEEDS):
            order = random.Random(seed)
            export = world.add_export("Loyal")
            world.start(export)
            for _ in range(order.randint(5, 30)):
                if world.queue.waiting:
                    which = order.randrange(len(world.queue.waiting))
                    step(world, world.queue.waiting.pop(which), again=order.random() < 0.5)
            deliver_each(world, lambda waiting: step(world, waiting, again=True), most_again=20)
            assert_exact(world, export, f"messages in another order, seed {seed}")


# How it is done


@contextlib.contextmanager
def batches_in_turn() -> Iterator[None]:
    """Two batches, of which the second has to wait until the first is uploaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 2)
        patch.setattr(turns, "AT_ONCE", 1)
        yield


def prepare_segment(world: World) -> None:
    world.write_snapshot("Loyal", ROWS)
    world.clock.advance(world.settings.snapshot_quiet_seconds)


def clear_soon(world: World) -> None:
    """What is unclear is cleared up within seconds: the walks are about the steps, and not about looks in vain."""
    object.__setattr__(world.settings, "unclear_upload_seconds", UNCLEAR_SECONDS)


def most_requests_of_a_step(world: World) -> int:
    world.start(world.add_export("Loyal"))
    requests = [0]
    deliver_each(world, lambda waiting: requests.append(requests_of(lambda: step(world, waiting))))
    return max(requests)


def start_despite(world: World, export: Export, before: Callable[[int], None]) -> None:
    try:
        with watching(before):
            world.start(export)
    except Killed:
        # Whoever starts the export next finds the run that has no message, and sends it.
        world.clock.advance(180)
        with contextlib.suppress(AlreadyRunning):
            world.start(export)


def deliver_despite(world: World, before: Callable[[int], None]) -> None:
    """Each step is disturbed once, and the next delivery of its message is not."""
    died: set[str] = set()

    def deliver(waiting: Waiting) -> None:
        name = f"{waiting.queue} {waiting.message.batch}"
        try:
            with watching(before if name not in died else lambda _: None):
                step(world, waiting)
        except Killed:
            died.add(name)
            world.queue.send(waiting.queue, waiting.message, after_seconds=AGAIN_AFTER_SECONDS)

    deliver_each(world, deliver)


def deliver_each(world: World, deliver: Callable[[Waiting], None], *, most_again: int = 200) -> None:
    """Hand the messages to `deliver` in the order in which they are due; after `most_again` of them plainly."""
    for _ in range(most_again):
        if not world.queue.waiting:
            return
        world.queue.waiting.sort()
        deliver(world.queue.waiting.pop(0))
    world.deliver()


def step(world: World, waiting: Waiting, *, again: bool = False) -> None:
    world.clock.advance((waiting.due - world.clock.now()).total_seconds())
    for _ in range(2 if again else 1):
        run_step(world.services, waiting.queue, waiting.message.model_dump_json())


def step_with_another_inside(world: World, at: int, waiting: Waiting) -> None:
    def comes_in(number: int) -> None:
        if number == at:
            step(world, waiting)

    with watching(comes_in):
        step(world, waiting)


def assert_exact(world: World, export: Export, where: str) -> None:
    every = world.services.runs.newest(export.id, 10)
    assert [run.status for run in every] == ["completed_with_warnings"], f"{where}: {every}"
    counts = every[0].counts
    assert (counts.read, counts.sent, counts.duplicates, counts.rejected) == (5, 3, 1, 1), f"{where}: {counts}"
    assert world.statistics()["source_file_names_taken_more_than_once"] == [], f"{where}: a batch was sent twice"
    assert sorted(world.members()) == PEOPLE, where
    slot = world.services.runs.slot(export.id).value
    assert slot.run_id is None, f"{where}: the export is still held by {slot.run_id}"
    assert slot.exported, f"{where}: it is not remembered what was exported"
    told = world.services.history.latest([export.id])[export.id]
    assert (told.run_id, told.status) == (every[0].run_id, every[0].status), f"{where}: the history says {told}"


# What protects it


def one_after_the_other(
    client: TableClient, *, insert: list[dict[str, str]], replace: list[tuple[dict[str, str], str]]
) -> None:
    for row in [*insert, *(row for row, _ in replace)]:
        client.upsert_entity(row)


def whatever_was_changed(self: DocumentTable[Any], key: Key, value: Any, etag: str) -> Stored[Any]:
    self._client.upsert_entity(entity(key, value))
    stored = self.get(key)
    assert stored
    return stored


def as_if_it_were_new(self: RunStore, run_id: str, name: str) -> Stored[Batch] | None:
    stored = self._batches.get(Key(run_id, name))
    if stored is None:
        return None
    return Stored(stored.value.model_copy(update={"state": "pending"}), stored.etag, stored.written_at)


def unclaimed(services: Services, stored: Stored[Batch]) -> Stored[Batch]:
    return stored


GUARDS = [
    Guard(
        a_worker_may_die_at_any_request,
        "looking a batch up by its file name",
        replaced(Account, "find_import", lambda *_: None),
        "a batch was sent twice",
    ),
    Guard(
        a_worker_may_die_at_any_request,
        "a second message for a run that has none",
        replaced(start, "_MESSAGE_IS_LATE", timedelta(days=999)),
        "'queued'",
    ),
    Guard(
        a_worker_may_die_at_any_request,
        "one transaction for a run and its slot",
        replaced(run_store, "together", one_after_the_other),
        "still held by|'queued'",
    ),
    Guard(
        a_message_may_come_again_at_any_request,
        "the claim of a batch",
        replaced(upload, "_claim", unclaimed),
        "a batch was sent twice",
    ),
    Guard(
        a_message_may_come_again_at_any_request,
        "compare-and-set",
        replaced(DocumentTable, "replace", whatever_was_changed),
        "a batch was sent twice|completed_with_warnings",
    ),
    Guard(
        messages_may_come_twice_and_in_any_order,
        "reading the state of a batch",
        replaced(RunStore, "batch", as_if_it_were_new),
        "a batch was sent twice",
    ),
]
