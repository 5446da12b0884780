"""What a run tells while it is under way: the times of its stages, and when something is to be seen next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporters import turns
from exporters.batches import cut_batches
from exporters.follow import follow
from exporters.runs import Batch, Run
from local.azurite import Azurite
from local.constant_contact.configuration import Configuration
from shared.queues import ACTIVITIES, Message
from tests.exporters.world import World
from tests.simulators import Simulators


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    return begin(world, monkeypatch)


def begin(world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of three batches, which are sent one after the other."""
    monkeypatch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 2)
    monkeypatch.setattr(turns, "AT_ONCE", 1)
    world.write_snapshot("Loyal", [f"person{number}@example.com,Name" for number in range(6)])
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    return world.start(world.add_export("Loyal"))


def now(world: World, run: Run) -> Run:
    return world.services.runs.get(run.export_id, run.run_id)


def sent_so_far(world: World, run: Run) -> int:
    return sum(stored.value.state in ("uploaded", "completed") for stored in world.services.runs.batches(run.run_id))


def test_every_stage_ends_when_the_next_begins(world: World, run: Run) -> None:
    world.deliver()
    ended = now(world, run)
    times = [ended.created_at, ended.started_at, ended.prepared_at, ended.uploaded_at, ended.ended_at]
    assert None not in times
    assert times == sorted(time for time in times if time)


def test_a_run_is_prepared_when_all_of_its_batches_are_there(world: World, run: Run) -> None:
    world.deliver(until=lambda: now(world, run).prepared_at is not None)
    assert now(world, run).status == "uploading"
    assert now(world, run).batches == len(world.services.runs.batches(run.run_id)) == 3


def test_a_run_is_uploaded_when_the_last_of_its_batches_is(world: World, run: Run) -> None:
    world.deliver(until=lambda: sent_so_far(world, run) == 2)
    assert (now(world, run).status, now(world, run).uploaded_at) == ("uploading", None)
    world.deliver(until=lambda: sent_so_far(world, run) == 3)
    sent_at = now(world, run).uploaded_at
    assert now(world, run).status == "finishing"
    assert sent_at is not None
    assert abs(world.clock.now() - sent_at) < timedelta(seconds=30)
    world.deliver()
    assert now(world, run).uploaded_at == sent_at


def test_a_run_that_is_stopped_before_its_last_batch_was_never_uploaded(world: World, run: Run) -> None:
    world.deliver(until=lambda: sent_so_far(world, run) == 1)
    world.services.runs.change(run, lambda r: r.model_copy(update={"stop": "stopped"}))
    world.deliver()
    assert (now(world, run).status, now(world, run).uploaded_at) == ("failed", None)


def test_a_run_that_waits_for_constant_contact_says_when_it_asks_next(
    azurite: Azurite, vault_url: str, simulators: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulators.running(Configuration(minimum_activity_seconds=900)) as simulator:
        world = World(azurite, vault_url, simulator)
        run = begin(world, monkeypatch)
        world.deliver(until=lambda: sent_so_far(world, run) == 3)
        body = Message(export_id=run.export_id, run_id=run.run_id, turn=5)
        world.queue.waiting.clear()
        before = world.clock.now()
        follow(world.services, body)
    (waiting,) = world.queue.waiting
    next_look_at = now(world, run).next_look_at
    assert next_look_at is not None
    assert before + timedelta(seconds=1.5**5) <= next_look_at <= waiting.due


def test_what_a_run_waits_for_is_still_told_while_nothing_else_is_under_way(world: World, run: Run) -> None:
    until = world.clock.now() + timedelta(hours=8)
    world.services.runs.add_batch(Batch(run_id=run.run_id, number=1, contacts=2))
    wait = {"status": "uploading", "batches": 1, "waiting": "today's calls are used up", "waiting_until": until}
    world.services.runs.change(run, lambda r: r.model_copy(update=wait))
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id, turn=30))
    told = now(world, run)
    assert (told.waiting, told.waiting_until) == ("today's calls are used up", until)
    assert told.next_look_at is not None
    assert told.next_look_at < until


def test_a_run_that_has_ended_waits_for_nothing(world: World, run: Run) -> None:
    world.deliver()
    ended = now(world, run)
    assert (ended.waiting, ended.waiting_until, ended.next_look_at) == (None, None, None)
    assert [waiting.queue for waiting in world.queue.waiting if waiting.queue == ACTIVITIES] == []
