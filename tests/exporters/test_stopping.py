"""A run that was stopped, or has taken too long, ends when it is certain that nothing of it is under way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporters.accounts import account_of
from exporters.ending import is_at_rest
from exporters.follow import follow
from exporters.runs import Batch, BatchState, Run
from exporters.steps import run_step
from exporters.sweeping import take_up_lost_runs
from exporters.turns import show_whether_all_sent
from shared.queues import ACTIVITIES, RUNS, Message
from tests.exporters.world import World


def uploading(world: World, *batches: Batch, **more: object) -> Run:
    run = world.start(world.add_export("Loyal"))
    world.queue.waiting.clear()
    for batch in batches:
        world.services.runs.add_batch(batch.model_copy(update={"run_id": run.run_id}))
    counts = run.counts.model_copy(update={"read": 1, "prepared": 1, "not_sent": 1})
    return world.services.runs.change(
        run,
        lambda r: r.model_copy(update={"status": "uploading", "batches": len(batches), "counts": counts, **more}),
    )


def a_batch(state: BatchState = "pending", **more: object) -> Batch:
    return Batch(run_id="", number=1, contacts=1, state=state).model_copy(update=more)


def now(world: World, run: Run) -> Run:
    return world.services.runs.get(run.export_id, run.run_id)


@pytest.mark.parametrize(
    ("state", "stopped", "at_rest"),
    [
        ("pending", False, False),
        ("pending", True, True),
        ("sending", False, False),
        ("sending", True, False),
        ("uploaded", False, False),
        ("uploaded", True, False),
        ("completed", False, True),
        ("failed", False, True),
        ("split", False, True),
    ],
)
def test_a_run_is_at_rest_when_nothing_more_happens_to_a_batch(
    world: World, state: BatchState, stopped: bool, at_rest: bool
) -> None:
    run = uploading(world, stop="stopped" if stopped else None)
    assert is_at_rest(run, [a_batch("completed"), a_batch(state)]) is at_rest


def sending(world: World, *, unclear_for: float) -> Run:
    """A stopped run with a batch that a worker was sending; nobody looks for it any more."""
    now = world.clock.now()
    claim = {"claimed_until": now - timedelta(seconds=90), "unclear_until": now + timedelta(seconds=unclear_for)}
    return uploading(world, a_batch("sending", **claim), stop="somebody stopped it")


def test_a_stopped_run_does_not_end_while_it_is_too_early_to_know_what_became_of_a_batch(world: World) -> None:
    run = sending(world, unclear_for=30)
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id))
    assert now(world, run).status == "uploading"
    assert [waiting.queue for waiting in world.queue.waiting] == [ACTIVITIES]


def test_a_stopped_run_ends_when_a_batch_that_nobody_looks_for_was_not_taken(world: World) -> None:
    run = sending(world, unclear_for=-1)
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id))
    assert (now(world, run).status, now(world, run).counts.not_sent) == ("failed", 1)


def test_a_stopped_run_counts_a_batch_that_was_taken_although_nobody_looks_for_it(world: World) -> None:
    run = sending(world, unclear_for=-1)
    taken(world, run)
    world.queue.send(ACTIVITIES, Message(export_id=run.export_id, run_id=run.run_id))
    world.deliver()
    counts = now(world, run).counts
    assert (counts.sent, counts.not_sent) == (1, 0)


def test_a_stopped_run_waits_while_it_cannot_be_known_what_became_of_a_batch(world: World) -> None:
    run = sending(world, unclear_for=-1)
    world.fault("unavailable", path="/activities")
    body = Message(export_id=run.export_id, run_id=run.run_id).model_dump_json()
    run_step(world.services, ACTIVITIES, body)
    assert now(world, run).status == "uploading"
    assert [waiting.queue for waiting in world.queue.waiting] == [ACTIVITIES]


def taken(world: World, run: Run) -> None:
    """Constant Contact has taken the run's batch, and nobody has been told."""
    (batch,) = world.services.runs.batches(run.run_id)
    with account_of(world.services, run) as account:
        send_by = world.clock.now() + timedelta(minutes=1)
        account.import_file(run.list_id, batch.value.file_name, b"email\r\nana@example.com\r\n", send_by=send_by)


def test_a_run_that_ends_and_cannot_know_what_became_of_a_batch_says_so(world: World) -> None:
    run = sending(world, unclear_for=-1)
    taken(world, run)
    world.services.connections.change(run.connection_id, lambda one: one.model_copy(update={"consent": None}))
    run_step(world.services, ACTIVITIES, Message(export_id=run.export_id, run_id=run.run_id).model_dump_json())
    ended = now(world, run)
    assert (ended.status, ended.counts.sent, ended.counts.not_sent) == ("failed", 0, 1)
    assert ended.error == (
        "somebody stopped it. Whether Constant Contact took one contact that was on its way is not known; "
        "it counts as not sent."
    )


def overdue_and_taken(world: World) -> Run:
    """A run over its time, whose batch Constant Contact has taken, which nobody knows yet."""
    past = world.clock.now()
    run = uploading(world, a_batch("sending", unclear_until=past, claimed_until=past))
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 60)
    world.give_tokens(world.connection)
    taken(world, run)
    return run


def test_a_run_over_its_time_counts_a_batch_that_was_taken_although_nobody_has_looked_for_it(world: World) -> None:
    run = overdue_and_taken(world)
    world.queue.send(ACTIVITIES, Message(export_id=run.export_id, run_id=run.run_id))
    world.deliver()
    ended = now(world, run)
    assert (ended.ended, ended.counts.sent, ended.counts.not_sent) == (True, 1, 0)


def test_a_run_over_its_time_that_the_sweep_comes_upon_first_is_looked_for_too(world: World) -> None:
    run = overdue_and_taken(world)
    take_up_lost_runs(world.services)
    world.deliver()
    ended = now(world, run)
    assert (ended.ended, ended.counts.sent, ended.counts.not_sent) == (True, 1, 0)


def test_a_stopped_run_ends_with_its_batches_unsent(world: World) -> None:
    run = uploading(world, a_batch(), stop="somebody stopped it")
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id))
    ended = now(world, run)
    assert (ended.status, ended.error, ended.counts.not_sent) == ("failed", "somebody stopped it", 1)


@pytest.mark.parametrize("status", ["queued", "preparing"])
def test_a_message_from_before_its_time_does_nothing(world: World, status: str) -> None:
    run = uploading(world, a_batch(), status=status, stop="somebody stopped it")
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id))
    assert now(world, run).status == status
    assert world.queue.waiting == []


def test_a_run_over_its_time_ends_when_it_is_looked_at(world: World) -> None:
    run = uploading(world, a_batch())
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 60)
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id))
    assert now(world, run).status == "timed_out"


def test_a_run_over_its_time_goes_on_while_a_batch_may_be_on_its_way(world: World) -> None:
    world.clock.advance(1)
    limit = world.settings.run_time_limit_hours * 3600 + 60
    until = world.clock.now() + timedelta(seconds=limit + 30)
    run = uploading(world, a_batch("sending", unclear_until=until, claimed_until=until))
    world.clock.advance(limit)
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id))
    assert now(world, run).status == "uploading"
    world.clock.advance(60)
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id))
    assert now(world, run).status == "timed_out"


def test_a_run_in_time_goes_on_and_is_looked_at_later_and_later(world: World) -> None:
    run = uploading(world, a_batch())
    follow(world.services, Message(export_id=run.export_id, run_id=run.run_id, turn=3))
    assert now(world, run).status == "uploading"
    (waiting,) = world.queue.waiting
    assert (waiting.queue, waiting.message.turn) == (ACTIVITIES, 4)
    assert 2 < (waiting.due - world.clock.now()).total_seconds() < 4


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (("uploaded", "completed", "failed", "split"), "finishing"),
        (("uploaded", "pending"), "uploading"),
        (("uploaded", "sending"), "uploading"),
    ],
)
def test_a_run_of_which_all_is_uploaded_is_finishing(world: World, states: tuple[BatchState, ...], status: str) -> None:
    batches = [a_batch(state, number=number) for number, state in enumerate(states, 1)]
    run = uploading(world, *batches)
    show_whether_all_sent(world.services, run, world.services.runs.batches(run.run_id))
    assert now(world, run).status == status


def test_a_step_that_waits_ends_a_run_that_is_over_its_time(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    waiting = world.queue.waiting.pop()
    changed = {"run_time_limit_hours": 0.0001, "snapshot_quiet_seconds": 3600.0}
    object.__setattr__(world.services, "settings", world.settings.model_copy(update=changed))
    world.clock.advance(60)
    run_step(world.services, waiting.queue, waiting.message.model_dump_json())
    assert now(world, run).status == "timed_out"
    assert world.services.runs.slot(export.id).value.run_id is None
    assert world.queue.waiting == []


def test_a_step_that_waits_in_time_is_put_back(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    (waiting,) = world.queue.waiting
    world.queue.waiting.clear()
    run_step(world.services, RUNS, waiting.message.model_dump_json())
    assert not now(world, run).ended
    assert [one.queue for one in world.queue.waiting] == [RUNS]
