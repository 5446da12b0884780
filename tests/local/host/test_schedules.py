"""Timer schedules as NCrontab reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local.host.errors import SettingMissing
from local.host.schedules import parse_schedule

# A Wednesday.
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)


def next_after_noon(text: str) -> datetime:
    return parse_schedule(text, "test").next_after(NOON).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 5 13 * * *", datetime(2026, 5, 20, 13, 5, 30, tzinfo=UTC)),
        ("5 13 * * *", datetime(2026, 5, 20, 13, 5, tzinfo=UTC)),
        ("50/5 * * * * *", datetime(2026, 5, 20, 12, 0, 50, tzinfo=UTC)),
        ("*/20 * * * * *", datetime(2026, 5, 20, 12, 0, 20, tzinfo=UTC)),
        ("0 0 0 * * Mon", datetime(2026, 5, 25, tzinfo=UTC)),
        ("0 0 0 * * saturday,0", datetime(2026, 5, 23, tzinfo=UTC)),
        ("0 0 0 1 Jun-August *", datetime(2026, 6, 1, tzinfo=UTC)),
        ("0 0 20-22/2 * * *", datetime(2026, 5, 20, 20, tzinfo=UTC)),
        ("0 0 22-20 * * *", datetime(2026, 5, 20, 20, tzinfo=UTC)),
        ("01:30:00", datetime(2026, 5, 20, 13, 30, tzinfo=UTC)),
        ("1.00:00:00", datetime(2026, 5, 21, 12, tzinfo=UTC)),
    ],
)
def test_a_schedule_comes_next_at(text: str, expected: datetime) -> None:
    assert next_after_noon(text) == expected


def test_day_of_month_and_day_of_week_must_both_agree() -> None:
    assert next_after_noon("0 0 0 13 * Fri") == datetime(2026, 11, 13, tzinfo=UTC)


def test_a_start_with_a_step_runs_to_the_end_of_its_field() -> None:
    schedule = parse_schedule("0 10/25 * * * *", "test")
    first = schedule.next_after(NOON)

    assert [first.minute, schedule.next_after(first).minute] == [10, 35]


@pytest.mark.parametrize(
    "text",
    [
        "0 0 0 * * 7",
        "0 0 0 L * *",
        "0 0 0 * * 1#2",
        "0 0 0 ? * *",
        "60 * * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 * 13 *",
        "0 0 0 * * Xyz",
        "0 0 0 1- * *",
        "* * * *",
        "* * * * * * *",
        "@daily",
        "24:00:00",
        "00:00:00",
        "",
    ],
)
def test_what_ncrontab_refuses_is_refused_with_the_function_named(text: str) -> None:
    with pytest.raises(SettingMissing, match="Function nightly"):
        parse_schedule(text, "Function nightly")


def test_a_date_that_never_comes_is_refused() -> None:
    with pytest.raises(SettingMissing, match="never comes"):
        parse_schedule("0 0 0 31 2 *", "Function nightly")


@pytest.mark.parametrize(
    ("text", "often"),
    [
        ("*/30 * * * * *", True),
        ("0 * * * * *", False),
        ("00:00:59", True),
        ("00:01:00", False),
        ("0,1 0 3 * * *", True),
    ],
)
def test_schedules_that_fire_more_than_once_a_minute_are_told_apart(text: str, often: bool) -> None:
    assert parse_schedule(text, "test").fires_more_than_once_a_minute() is often


def test_the_zone_of_the_answer_is_utc() -> None:
    assert parse_schedule("0 0 3 * * *", "test").next_after(NOON).utcoffset() == timedelta(0)
