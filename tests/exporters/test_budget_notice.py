"""What a run says before it uploads when the day's calls may not suffice."""

from __future__ import annotations

import pytest

from exporters.budget import notice_of
from exporters.runs import Batch, BatchState, Run
from tests.exporters.world import World


def another_run(world: World, *states: BatchState) -> Run:
    run = world.start(world.add_export("Loyal"))
    for number, state in enumerate(states, 1):
        world.services.runs.add_batch(Batch(run_id=run.run_id, number=number, contacts=1, state=state))
    return run


def test_with_calls_to_spare_nothing_is_said(world: World) -> None:
    run = another_run(world)
    assert notice_of(world.services, run, 5_000, 2_000) is None
    assert notice_of(world.services, run, 5_000, 1_999) is not None


def test_a_run_that_just_fits_says_nothing(world: World) -> None:
    run = another_run(world)
    assert notice_of(world.services, run, 10, 10) is None
    assert "about 10 of the 11 batches" in (notice_of(world.services, run, 11, 10) or "")


@pytest.mark.parametrize("left", [0, 1])
def test_a_run_for_which_no_call_is_left_says_when_it_begins(world: World, left: int) -> None:
    said = notice_of(world.services, another_run(world), 3, left) or ""
    assert ("used up" in said) is (left == 0)
    assert ("about 1 of the 3" in said) is (left == 1)


def test_what_others_have_still_to_send_is_not_left(world: World) -> None:
    run = another_run(world, "pending", "pending")
    another_run(world, "pending", "sending", "uploaded", "completed", "failed", "split")
    another_run(world, "pending")
    assert "about 7 of the 8" in (notice_of(world.services, run, 8, 10) or "")


def test_what_others_have_to_send_may_be_more_than_is_left(world: World) -> None:
    another_run(world, "pending", "pending", "pending")
    assert "used up" in (notice_of(world.services, another_run(world), 1, 2) or "")
