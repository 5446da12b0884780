"""The edges of a slot and of a day: what is still waited for, what is too late, what is left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from azure.data.tables import TableClient

from exporters.constant_contact.limits import (
    API,
    LATEST_START_SECONDS,
    LONGEST_PAUSE_SECONDS,
    TOKEN,
    Limit,
    Limiter,
    Usage,
)
from shared.errors import Wait
from shared.tables import DocumentTable, Key

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


class Time:
    """A clock that only moves when somebody waits; `late` is how much too late the next one wakes."""

    def __init__(self) -> None:
        self.now = NOON
        self.late = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds + self.late
        self.late = 0.0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def limiter(table: TableClient, time: Time) -> Limiter:
    return Limiter(table, "app", now=time, pause=time.pause)


def usage(table: TableClient, limit: Limit) -> Usage:
    stored = DocumentTable(table, Usage).get(Key("app", limit.name))
    assert stored is not None
    return stored.value


def test_the_first_request_leaves_at_once_and_reserves_the_time_after_it(
    limiter: Limiter, table: TableClient, time: Time
) -> None:
    limit = Limit("any", seconds_apart=0.5, a_day=10)
    limiter.take(limit)
    assert time.pauses == [0.0]
    assert usage(table, limit) == Usage(next_free=NOON + 0.5, day="2026-11-22", calls=1)


@pytest.mark.parametrize(("apart", "is_waited_for"), [(LONGEST_PAUSE_SECONDS, True), (2.5, False)])
def test_a_slot_two_seconds_away_is_waited_for_and_no_later_one(
    limiter: Limiter, time: Time, apart: float, is_waited_for: bool
) -> None:
    limit = Limit("any", seconds_apart=apart)
    limiter.take(limit)
    if is_waited_for:
        limiter.take(limit)
        assert time.pauses == [0.0, apart]
    else:
        with pytest.raises(Wait, match="free slot") as wait:
            limiter.take(limit)
        assert apart <= wait.value.seconds < apart + 1
        assert time.pauses == [0.0]


@pytest.mark.parametrize(("late", "calls"), [(LATEST_START_SECONDS / 2, 1), (LATEST_START_SECONDS * 2, 2)])
def test_a_request_that_wakes_a_little_late_leaves_and_a_later_one_takes_another_slot(
    limiter: Limiter, table: TableClient, time: Time, late: float, calls: int
) -> None:
    limit = Limit("any", seconds_apart=0.5, a_day=10)
    time.late = late
    limiter.take(limit)
    assert usage(table, limit).calls == calls


def test_what_is_left_is_what_the_day_has_and_was_not_used(limiter: Limiter, time: Time) -> None:
    limit = Limit("any", seconds_apart=0.1, a_day=3)
    left = [limiter.left_today(limit)]
    for _ in range(3):
        limiter.take(limit)
        left.append(limiter.left_today(limit))
    assert left == [3, 2, 1, 0]
    time.now += 24 * 3600
    assert limiter.left_today(limit) == 3


def test_nothing_is_left_when_more_was_used_than_the_day_has(limiter: Limiter) -> None:
    for _ in range(5):
        limiter.take(Limit("any", seconds_apart=0.1, a_day=9))
    assert limiter.left_today(Limit("any", seconds_apart=0.1, a_day=3)) == 0


def test_of_a_limit_without_days_nothing_is_left_and_nothing_is_used_up(limiter: Limiter) -> None:
    limit = Limit("any", seconds_apart=0.1)
    limiter.take(limit)
    assert limiter.left_today(limit) == 0


def test_a_slot_that_another_instance_takes_at_the_same_moment_is_not_taken_twice(
    limiter: Limiter, table: TableClient, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Limit("any", seconds_apart=0.5, a_day=9)
    other, write = Limiter(table, "app", now=time, pause=time.pause), limiter._write

    def another_is_quicker(*given: object) -> bool:
        monkeypatch.setattr(limiter, "_write", write)
        other.take(limit)
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(limiter, "_write", another_is_quicker)
    limiter.take(limit)
    assert time.now == NOON + 0.5
    assert usage(table, limit).calls == 2


def test_a_pause_does_not_undo_what_another_instance_writes_at_the_same_moment(
    limiter: Limiter, table: TableClient, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Limit("any", seconds_apart=0.5, a_day=9)
    other, write = Limiter(table, "app", now=time, pause=time.pause), limiter._write

    def another_is_quicker(*given: object) -> bool:
        monkeypatch.setattr(limiter, "_write", write)
        other.take(limit)
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(limiter, "_write", another_is_quicker)
    limiter.hold_back(limit, 60)
    assert usage(table, limit) == Usage(next_free=NOON + 60, day="2026-11-22", calls=1)


def test_limits_of_different_names_are_counted_apart(limiter: Limiter, time: Time) -> None:
    limiter.take(Limit("one", seconds_apart=1))
    limiter.take(Limit("other", seconds_apart=1))
    assert time.now == NOON


def test_five_requests_take_a_little_more_than_a_second() -> None:
    assert 1.0 < 4 * API.seconds_apart - LATEST_START_SECONDS < 1.3
    assert 1.0 < TOKEN.seconds_apart < 2.0
    assert TOKEN.a_day is None
