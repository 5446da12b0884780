"""How often runs are looked at while Constant Contact works: soon at first, and never so often that calls run out."""

from __future__ import annotations

import itertools

import pytest

from exporters.budget import FIRST_LOOKS, delay, delay_when_short, runs_under_way
from exporters.constant_contact.limits import API, KEPT_FOR_FOLLOWING
from tests.exporters.world import World

A_DAY = 24 * 3600
LOOKS_A_DAY = 4_320
"""What all runs together may take, besides the first looks of each."""


def looks_in_a_day(runs: int) -> int:
    """Those at one of so many runs that wait from the first second of a day to its last."""
    looks, seconds = 0, delay(0, runs)
    while seconds < A_DAY:
        looks += 1
        seconds += delay(looks, runs)
    return looks


def test_the_first_looks_are_quick_however_many_runs_are_under_way() -> None:
    for runs in (1, 20, 500):
        pauses = [delay(turn, runs) for turn in range(FIRST_LOOKS)]
        assert pauses[:3] == [1, 1.5, 2.25]
        assert all(later == pytest.approx(1.5 * earlier) for earlier, later in itertools.pairwise(pauses))
        assert pauses[-1] < 60
    assert delay(FIRST_LOOKS, 20) > 60


def test_looks_at_one_run_grow_apart_to_ten_minutes() -> None:
    delays = [delay(turn) for turn in range(10_000)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(delays))
    assert delays[-1] == 600


def test_the_news_of_one_run_is_late_by_a_minute_and_a_tenth_of_the_time_waited_at_the_most() -> None:
    waited = 0.0
    for turn in range(500):
        assert delay(turn) <= 60 + waited / 10
        waited += delay(turn)


def test_a_run_that_waits_all_day_takes_few_of_the_days_calls() -> None:
    assert looks_in_a_day(1) < 200


def test_twenty_runs_that_wait_all_day_leave_two_thirds_of_the_days_calls() -> None:
    assert 20 * looks_in_a_day(20) < (API.a_day or 0) / 3


@pytest.mark.parametrize("runs", [1, 2, 5, 20, 30, 50, 100])
def test_all_looks_together_stay_within_the_days_share_and_the_first_looks_of_each_run(runs: int) -> None:
    assert runs * looks_in_a_day(runs) <= LOOKS_A_DAY + 20 * runs
    assert (API.a_day or 0) > 2 * LOOKS_A_DAY


@pytest.mark.parametrize(("runs", "seconds"), [(1, 600), (3, 600), (4, 720), (20, 3600)])
def test_the_calls_that_are_kept_for_following_last_a_whole_day(runs: int, seconds: float) -> None:
    assert delay_when_short(runs) == seconds
    assert runs * A_DAY / seconds <= KEPT_FOR_FOLLOWING


def test_a_run_is_under_way_until_it_has_ended(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    ended = world.run_to_end(world.add_export("Loyal"))
    assert ended.ended
    world.add_export("Loyal")
    runs = [world.start(world.add_export("Loyal")) for _ in range(3)]
    assert sorted(runs_under_way(world.services)) == sorted(run.run_id for run in runs)


@pytest.mark.parametrize(
    ("turn", "runs", "seconds"), [(11, 1, 66), (12, 1, 72.6), (11, 4, 80), (20, 10, 200), (30, 25, 500), (40, 1, 600)]
)
def test_later_looks_come_a_tenth_later_each_time_or_when_it_is_the_runs_turn(
    turn: int, runs: int, seconds: float
) -> None:
    assert delay(turn, runs) == pytest.approx(seconds)
