"""What a run says before it uploads when the day's calls may not suffice."""

from __future__ import annotations

import pytest

from exporters.budget import notice_of
from exporters.ending import end_run
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
    # Ten uploads take 3.3 seconds: the run is looked at after one second, and after one and a half more.
    assert notice_of(world.services, run, 10, 12) is None
    assert "about 9 of the 10 batches" in (notice_of(world.services, run, 10, 11) or "")


def test_a_batch_that_just_fits_needs_no_look_before_it_is_uploaded(world: World) -> None:
    run = another_run(world)
    assert notice_of(world.services, run, 1, 1) is None
    assert notice_of(world.services, run, 1, 0) is not None


@pytest.mark.parametrize("left", [0, 1])
def test_a_run_for_which_no_call_is_left_says_when_it_begins(world: World, left: int) -> None:
    said = notice_of(world.services, another_run(world), 3, left) or ""
    assert ("used up" in said) is (left == 0)
    assert ("about 1 of the 3" in said) is (left == 1)


def test_what_others_have_still_to_send_is_not_left(world: World) -> None:
    run = another_run(world, "pending", "pending")
    another_run(world, "pending", "sending", "uploaded", "completed", "failed", "split")
    another_run(world, "pending")
    # Three batches of others, and two looks at each of three runs while eleven are uploaded.
    assert notice_of(world.services, run, 8, 17) is None
    assert "about 7 of the 8" in (notice_of(world.services, run, 8, 16) or "")


def test_a_run_that_is_still_being_prepared_will_be_looked_at_too(world: World) -> None:
    run = another_run(world)
    another_run(world)
    assert notice_of(world.services, run, 10, 14) is None
    assert "about 9 of the 10" in (notice_of(world.services, run, 10, 13) or "")


def test_a_run_that_has_ended_needs_no_calls(world: World) -> None:
    end_run(world.services, another_run(world, "pending"))
    assert notice_of(world.services, another_run(world), 10, 12) is None


def test_what_others_have_to_send_may_be_more_than_is_left(world: World) -> None:
    another_run(world, "pending", "pending", "pending")
    assert "needed by other runs" in (notice_of(world.services, another_run(world), 1, 2) or "")
