"""Runs take turns at uploading: a large one does not hold a small one up."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest

from exporters import prepare, turns
from exporters.batches import cut_batches
from exporters.runs import Run
from exporters.sweeping import SILENCE, take_up_lost_runs
from shared.queues import BATCHES
from tests.exporters.world import Waiting, World


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "cut_batches", functools.partial(cut_batches, max_contacts=2))


def people(name: str, number: int) -> list[str]:
    return [f"{name}{one}@example.com,Name" for one in range(number)]


def queued(world: World, run: Run) -> int:
    return sum(one.queue == BATCHES and one.message.run_id == run.run_id for one in world.queue.waiting)


def deliveries(world: World) -> Iterator[Waiting]:
    while world.queue.waiting:
        yield world.deliver_next()


def test_a_small_export_is_done_long_before_a_large_one_that_began_earlier(world: World) -> None:
    world.write_snapshot("Everyone", people("many", 80))
    world.write_snapshot("Loyal", people("few", 4))
    large = world.start(world.add_export("Everyone", name="Large"))
    small_export = world.add_export("Loyal", name="Small")
    world.deliver(until=lambda: world.services.runs.get(large.export_id, large.run_id).prepared)
    small = world.start(small_export)
    world.deliver(until=lambda: world.services.runs.get(small.export_id, small.run_id).ended)
    uploaded = [stored.value.state for stored in world.services.runs.batches(large.run_id)]
    assert uploaded.count("pending") > 20
    world.deliver()
    assert world.services.runs.get(large.export_id, large.run_id).status == "successful"
    assert len(world.members()) == 84


def test_a_run_has_a_few_batches_in_the_queue_at_a_time(world: World) -> None:
    world.write_snapshot("Everyone", people("many", 40))
    run = world.start(world.add_export("Everyone"))
    most = 0
    while world.queue.waiting:
        world.deliver_next()
        most = max(most, queued(world, run))
    assert most == turns.AT_ONCE
    assert world.services.runs.get(run.export_id, run.run_id).status == "successful"


def test_a_message_for_an_uploaded_batch_makes_room_again(world: World) -> None:
    """The worker that uploaded it may have died before it sent the message for the next one."""
    world.write_snapshot("Everyone", people("many", 20))
    run = world.start(world.add_export("Everyone"))
    delivered = next(one for one in deliveries(world) if one.message.batch == "0001")
    lost = [one for one in world.queue.waiting if one.message.batch == "0005"]
    assert lost
    world.queue.waiting = [delivered, *(one for one in world.queue.waiting if one not in lost)]
    world.deliver()
    assert world.services.runs.get(run.export_id, run.run_id).status == "successful"
    assert world.statistics()["source_file_names_taken_more_than_once"] == []


def test_a_run_whose_messages_are_lost_in_the_middle_is_handed_out_again(world: World) -> None:
    world.write_snapshot("Everyone", people("many", 40))
    export = world.add_export("Everyone")
    run = world.start(export)
    world.deliver(
        until=lambda: sum(s.value.activity_id is not None for s in world.services.runs.batches(run.run_id)) > 6
    )
    world.queue.waiting.clear()
    world.clock.advance(SILENCE.total_seconds() + 60)
    take_up_lost_runs(world.services)
    assert queued(world, run) <= turns.AT_ONCE
    world.deliver()
    assert world.last_run(export).status == "successful"
    assert len(world.members()) == 40
    assert world.statistics()["source_file_names_taken_more_than_once"] == []


def test_a_batch_that_is_refused_makes_room_too(world: World) -> None:
    world.write_snapshot("Everyone", people("many", 24))
    world.fault("poison-contact", match="many0@")
    run = world.run_to_end(world.add_export("Everyone"))
    assert (run.counts.sent, run.counts.rejected_by_constant_contact) == (23, 1)
