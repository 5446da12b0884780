"""When exports with times of their own start, by dates that were worked out by hand.

The rules behind them: in 2026 clocks are changed in the European Union on 29 March and 25 October at 01:00 UTC, in New
York on 8 March and 1 November at 02:00, on Lord Howe Island (by half an hour) on 5 April and 4 October at 02:00, in
Santiago on 6 September at midnight; never in India. Samoa left out 30 December 2011.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.schedules import last_due, next_start
from shared.models import WEEKDAYS, Schedule
from shared.time_zones import zone, zone_names


def daily(time_zone: str, *times: str) -> Schedule:
    return Schedule(recurrence="daily", times=times, time_zone=time_zone)


def weekly(time_zone: str, days: str, *times: str) -> Schedule:
    return Schedule.model_validate(
        {"recurrence": "weekly", "days": days.split(), "times": times, "time_zone": time_zone}
    )


def at(text: str) -> datetime:
    """`2026-03-29 01:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ROME, BUCHAREST, NEW_YORK = "Europe/Rome", "Europe/Bucharest", "America/New_York"
LORD_HOWE, KOLKATA = "Australia/Lord_Howe", "Asia/Kolkata"

BY_HAND = [
    # the schedule, a moment, and the starts that follow it (UTC)
    # winter and summer time
    (daily(ROME, "06:00"), "2026-01-10 12:00", ["2026-01-11 05:00", "2026-01-12 05:00"]),
    (daily(ROME, "06:00"), "2026-07-10 12:00", ["2026-07-11 04:00", "2026-07-12 04:00"]),
    # the night in which 02:00 to 03:00 is left out
    (daily(ROME, "01:55"), "2026-03-28 12:00", ["2026-03-29 00:55", "2026-03-29 23:55"]),
    (daily(ROME, "02:00"), "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:00"]),
    (daily(ROME, "02:30"), "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:30"]),
    (daily(ROME, "03:00"), "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 01:00"]),
    (daily(ROME, "02:00", "02:30", "03:00", "03:05"), "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-29 01:05"]),
    (weekly(ROME, "sunday", "02:30"), "2026-03-23 00:00", ["2026-03-29 01:00", "2026-04-05 00:30"]),
    # the night in which 02:00 to 03:00 comes twice
    (daily(ROME, "02:00"), "2026-10-24 12:00", ["2026-10-25 00:00", "2026-10-26 01:00"]),
    (daily(ROME, "02:30"), "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
    (daily(ROME, "03:00"), "2026-10-24 12:00", ["2026-10-25 02:00", "2026-10-26 02:00"]),
    (daily(ROME, "02:30", "03:00"), "2026-10-25 00:45", ["2026-10-25 02:00", "2026-10-26 01:30"]),
    # an hour further east the same moments are an hour later on the clock
    (daily(BUCHAREST, "03:15"), "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:15"]),
    (daily(BUCHAREST, "02:15"), "2026-03-28 12:00", ["2026-03-29 00:15", "2026-03-29 23:15"]),
    (daily(BUCHAREST, "03:15"), "2026-10-24 12:00", ["2026-10-25 00:15", "2026-10-26 01:15"]),
    # west of Greenwich
    (daily(NEW_YORK, "02:30"), "2026-03-07 12:00", ["2026-03-08 07:00", "2026-03-09 06:30"]),
    (daily(NEW_YORK, "01:30"), "2026-10-31 12:00", ["2026-11-01 05:30", "2026-11-02 06:30"]),
    (daily(NEW_YORK, "23:30"), "2026-06-30 12:00", ["2026-07-01 03:30", "2026-07-02 03:30"]),
    # half an hour, and the southern half of the world
    (daily(LORD_HOWE, "02:15"), "2026-10-03 00:00", ["2026-10-03 15:30", "2026-10-04 15:15"]),
    (daily(LORD_HOWE, "02:30"), "2026-10-03 00:00", ["2026-10-03 15:30", "2026-10-04 15:30"]),
    (daily(LORD_HOWE, "01:45"), "2026-04-04 00:00", ["2026-04-04 14:45", "2026-04-05 15:15"]),
    (daily(LORD_HOWE, "02:00"), "2026-04-04 00:00", ["2026-04-04 15:30", "2026-04-05 15:30"]),
    # a midnight that is left out, and a whole day
    (daily("America/Santiago", "00:00"), "2026-09-05 12:00", ["2026-09-06 04:00", "2026-09-07 03:00"]),
    (daily("Pacific/Apia", "12:00"), "2011-12-29 22:30", ["2011-12-30 10:00", "2011-12-30 22:00"]),
    (weekly("Pacific/Apia", "friday", "12:00"), "2011-12-29 22:30", ["2011-12-30 10:00", "2012-01-05 22:00"]),
    # ends of months and years, and the leap day
    (daily("UTC", "23:55"), "2027-02-28 23:55", ["2027-03-01 23:55", "2027-03-02 23:55"]),
    (daily("UTC", "23:55"), "2028-02-28 23:55", ["2028-02-29 23:55", "2028-03-01 23:55"]),
    (weekly("UTC", "tuesday", "00:00"), "2028-02-22 00:00", ["2028-02-29 00:00", "2028-03-07 00:00"]),
    (daily(KOLKATA, "00:00"), "2026-12-31 18:29", ["2026-12-31 18:30", "2027-01-01 18:30"]),
    (daily(KOLKATA, "05:30"), "2026-04-29 23:59", ["2026-04-30 00:00", "2026-05-01 00:00"]),
    (daily("UTC", "00:00", "12:00"), "2026-12-31 11:59", ["2026-12-31 12:00", "2027-01-01 00:00"]),
    # several days and times
    (
        weekly(ROME, "thursday monday", "18:30", "06:00"),
        "2026-11-22 12:00",
        [
            "2026-11-23 05:00",
            "2026-11-23 17:30",
            "2026-11-26 05:00",
            "2026-11-26 17:30",
            "2026-11-30 05:00",
            "2026-11-30 17:30",
            "2026-12-03 05:00",
        ],
    ),
    (weekly(ROME, "sunday", "06:00"), "2026-11-22 05:00", ["2026-11-29 05:00", "2026-12-06 05:00"]),
    (weekly(NEW_YORK, "saturday", "22:00"), "2026-10-31 00:00", ["2026-11-01 02:00", "2026-11-08 03:00"]),
]


@pytest.mark.parametrize(
    ("schedule", "after", "starts"), BY_HAND, ids=[f"{one.as_text()} after {after}" for one, after, _ in BY_HAND]
)
def test_a_schedule_starts_at_the_times_that_were_worked_out_by_hand(
    schedule: Schedule, after: str, starts: list[str]
) -> None:
    moment = at(after)
    for expected in starts:
        found = next_start(schedule, moment)
        assert found == at(expected)
        moment = found


@pytest.mark.parametrize(
    ("schedule", "after", "starts"), BY_HAND, ids=[f"{one.as_text()} after {after}" for one, after, _ in BY_HAND]
)
def test_a_start_is_due_from_its_moment_until_it_was_seen_to(schedule: Schedule, after: str, starts: list[str]) -> None:
    since, first = at(after), at(starts[0])
    assert last_due(schedule, first - timedelta(seconds=1), since) is None
    assert last_due(schedule, first, since) == first
    assert last_due(schedule, first + timedelta(seconds=1), first) is None


def test_of_several_starts_that_were_missed_the_last_is_due() -> None:
    schedule = daily(ROME, "06:00", "18:00")
    assert last_due(schedule, at("2026-11-22 12:00"), at("2026-10-01 00:00")) == at("2026-11-22 05:00")
    weeks = weekly(ROME, "monday", "06:00")
    assert last_due(weeks, at("2026-11-22 12:00"), at("2026-10-01 00:00")) == at("2026-11-16 05:00")


@pytest.mark.parametrize(
    "schedule", [Schedule(), Schedule(active=False), daily(ROME, "06:00").model_copy(update={"active": False})]
)
def test_a_schedule_without_times_of_its_own_or_one_that_is_off_never_starts(schedule: Schedule) -> None:
    assert next_start(schedule, at("2026-11-22 12:00")) is None
    assert last_due(schedule, at("2026-11-22 12:00"), at("2026-01-01 00:00")) is None


def test_a_moment_may_be_told_in_any_zone() -> None:
    there = at("2026-11-22 12:00").astimezone(zone(KOLKATA))
    found = next_start(daily(ROME, "06:00"), there)
    assert (found, found and found.tzinfo) == (at("2026-11-23 05:00"), UTC)


# What holds for every schedule

TIMES = st.lists(
    st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 11).map(lambda five: five * 5)),
    min_size=1,
    max_size=4,
)
ZONES = st.sampled_from([ROME, BUCHAREST, NEW_YORK, LORD_HOWE, KOLKATA, "UTC", "America/Santiago", "Africa/Cairo"])
SCHEDULES = st.one_of(
    st.builds(Schedule, recurrence=st.just("daily"), times=TIMES, time_zone=ZONES),
    st.builds(
        Schedule,
        recurrence=st.just("weekly"),
        days=st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7),
        times=TIMES,
        time_zone=ZONES,
    ),
)
MOMENTS = st.builds(lambda seconds: at("2020-01-01 00:00") + timedelta(seconds=seconds), st.integers(0, 500_000_000))
# The weeks around the changes of clocks are where it can go wrong.
CHANGES = st.sampled_from(
    [at("2026-03-08 00:00"), at("2026-03-29 00:00"), at("2026-10-04 00:00"), at("2026-10-25 00:00")]
)
NEAR_CHANGES = st.builds(lambda day, minutes: day + timedelta(minutes=minutes), CHANGES, st.integers(-4000, 4000))


def starts_after(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    found = []
    for _ in range(count):
        following = next_start(schedule, after)
        assert following is not None
        found.append(after := following)
    return found


@given(SCHEDULES, MOMENTS | NEAR_CHANGES)
def test_starts_come_one_after_the_other_within_a_week_and_a_day(schedule: Schedule, after: datetime) -> None:
    moments = [after, *starts_after(schedule, after, 10)]
    assert all(timedelta(0) < later - earlier <= timedelta(days=8) for earlier, later in pairwise(moments))


@given(SCHEDULES, MOMENTS | NEAR_CHANGES)
def test_a_local_time_starts_at_most_once_a_day(schedule: Schedule, after: datetime) -> None:
    here = zone(schedule.time_zone)
    local = [moment.astimezone(here).replace(tzinfo=None) for moment in starts_after(schedule, after, 12)]
    assert len(set(local)) == len(local)


@given(SCHEDULES, NEAR_CHANGES)
def test_no_time_of_the_clock_is_passed_over(schedule: Schedule, after: datetime) -> None:
    """Walks from one start to the next in steps of five minutes, and looks at the clock on the wall."""
    here = zone(schedule.time_zone)
    following = next_start(schedule, after)
    assert following is not None
    moment = after.replace(minute=after.minute // 5 * 5, second=0, microsecond=0) + timedelta(minutes=5)
    while moment < following:
        clock = moment.astimezone(here)
        is_day = schedule.recurrence == "daily" or WEEKDAYS[clock.weekday()] in schedule.days
        assert not (is_day and f"{clock:%H:%M}" in schedule.times and clock.fold == 0), f"{clock} was passed over"
        moment += timedelta(minutes=5)


@given(SCHEDULES, MOMENTS | NEAR_CHANGES, st.integers(0, 7 * 24 * 60))
def test_what_is_due_is_the_last_start_that_has_come(schedule: Schedule, since: datetime, minutes: int) -> None:
    now = since + timedelta(minutes=minutes)
    come = [moment for moment in starts_after(schedule, since, 30) if moment <= now]
    assert last_due(schedule, now, since) == max(come, default=None)


def test_every_zone_that_can_be_chosen_has_its_rules() -> None:
    noon = at("2026-11-22 12:00")
    assert [name for name in zone_names() if next_start(daily(name, "06:00"), noon) is None] == []
