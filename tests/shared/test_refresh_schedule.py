"""Which refresh came last, by the schedule of the settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.refresh_schedule import last_refresh, next_time, read_fields

# A Sunday.
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=400)


@pytest.mark.parametrize(
    ("schedule", "last"),
    [
        ("0 0 * * * *", "2026-11-22 12:00:00"),
        ("0 0 3 * * *", "2026-11-22 03:00:00"),
        ("30 5 13 * * *", "2026-11-21 13:05:30"),
        ("*/20 * * * * *", "2026-11-22 12:00:00"),
        ("0 0 18 * * Fri", "2026-11-20 18:00:00"),
        ("0 0 0 31 * *", "2026-10-31 00:00:00"),
        ("0 0 0 1 * Monday", "2026-06-01 00:00:00"),
        ("15 3 * * *", "2026-11-22 03:15:00"),
    ],
)
def test_the_last_refresh_is_the_last_time_of_the_schedule_that_has_come(schedule: str, last: str) -> None:
    assert last_refresh(schedule, NOON, LONG_AGO) == datetime.fromisoformat(last).replace(tzinfo=UTC)


def test_a_refresh_has_come_from_its_very_moment() -> None:
    moment = timedelta(microseconds=1)
    assert last_refresh("0 0 12 * * *", NOON, NOON - moment) == NOON
    assert last_refresh("0 0 12 * * *", NOON - moment, NOON - timedelta(hours=1)) is None


def test_a_refresh_that_came_before_was_seen_to() -> None:
    assert last_refresh("0 0 12 * * *", NOON + timedelta(hours=1), NOON) is None


@given(
    st.sampled_from(["0 0 * * * *", "0 0 3 * * *", "0 */7 2-5 * * 1,3", "10/15 * * * * *", "0 30 4 28-31 * *"]),
    st.integers(0, 400 * 86_400 * 1000),
)
def test_between_the_last_refresh_and_now_there_is_no_other(schedule: str, milliseconds: int) -> None:
    now = NOON + timedelta(milliseconds=milliseconds)
    last = last_refresh(schedule, now, LONG_AGO)
    assert last is not None
    assert last <= now < next_time(read_fields(schedule), last)
