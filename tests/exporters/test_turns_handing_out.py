"""Which batches of a run are in the queue, and which comes next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporters.runs import Batch, BatchState, Run
from exporters.turns import AT_ONCE, hand_on, hand_out
from shared.queues import ACTIVITIES, BATCHES
from tests.exporters.world import World


def a_run(world: World, *batches: tuple[int, str, BatchState]) -> Run:
    run = world.start(world.add_export("Loyal"))
    world.queue.waiting.clear()
    for number, part, state in batches:
        world.services.runs.add_batch(Batch(run_id=run.run_id, number=number, part=part, contacts=2, state=state))
    most = max((number for number, _, _ in batches), default=0)
    return world.services.runs.change(run, lambda r: r.model_copy(update={"status": "uploading", "batches": most}))


def queued(world: World) -> list[str | None]:
    return [one.message.batch for one in world.queue.waiting if one.queue == BATCHES]


def test_the_first_four_batches_are_handed_out_and_one_message_that_follows(world: World) -> None:
    assert AT_ONCE == 4
    run = a_run(world, *((number, "", "pending") for number in range(1, 11)))
    hand_out(world.services, run)
    assert queued(world) == ["0001", "0002", "0003", "0004"]
    (following,) = (one for one in world.queue.waiting if one.queue == ACTIVITIES)
    assert 0 < (following.due - world.clock.now()).total_seconds() <= 1


@pytest.mark.parametrize(("seconds", "following"), [(600, 0), (-60, 0), (-180, 1)])
def test_a_run_that_is_followed_already_gets_no_second_message_that_follows(
    world: World, seconds: float, following: int
) -> None:
    """It would cost as many of the day's calls once more; one that is late may be lost."""
    run = a_run(world, (1, "", "pending"))
    at = world.clock.now() + timedelta(seconds=seconds)
    run = world.services.runs.change(run, lambda r: r.model_copy(update={"next_look_at": at}))
    hand_out(world.services, run)
    assert queued(world) == ["0001"]
    assert sum(one.queue == ACTIVITIES for one in world.queue.waiting) == following


def test_the_message_that_follows_is_there_before_the_last_batch_can_be_uploaded(world: World) -> None:
    run = a_run(world, (1, "", "pending"), (2, "", "pending"))
    hand_out(world.services, run)
    assert [one.queue for one in sorted(world.queue.waiting, key=lambda one: one.number)] == [
        ACTIVITIES,
        BATCHES,
        BATCHES,
    ]


def test_of_each_row_the_first_that_is_not_uploaded_is_handed_out(world: World) -> None:
    states: list[BatchState] = [
        "uploaded",
        "pending",
        "completed",
        "pending",
        "pending",
        "pending",
        "failed",
        "pending",
    ]
    run = a_run(world, *((number, "", state) for number, state in enumerate(states, 1)))
    hand_out(world.services, run)
    assert queued(world) == ["0002", "0004", "0005"]


def test_every_part_of_a_split_batch_is_handed_out(world: World) -> None:
    run = a_run(world, (1, "", "split"), (1, "1", "pending"), (1, "2", "split"), (1, "21", "pending"))
    hand_out(world.services, run)
    assert queued(world) == ["0001.1", "0001.21"]
    world.queue.waiting.clear()
    hand_out(world.services, run, states=("pending", "sending", "split"))
    assert sorted(map(str, queued(world))) == ["0001", "0001.1", "0001.2", "0001.21"]


@pytest.mark.parametrize(
    ("number", "part", "following"), [(1, "", ["0005"]), (2, "", ["0006"]), (3, "", []), (1, "2", [])]
)
def test_a_batch_makes_room_for_the_fourth_after_it(world: World, number: int, part: str, following: list[str]) -> None:
    run = a_run(world, *((one, "", "pending") for one in range(1, 7)))
    hand_on(world.services, run, Batch(run_id=run.run_id, number=number, part=part, contacts=2))
    assert queued(world) == following
