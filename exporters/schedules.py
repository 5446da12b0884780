"""When an export with times of its own starts: pure rules, right across the days on which clocks are changed.

A local time that does not exist on a day, because the clocks are put forward over it, starts at the first moment after
the gap. One that comes twice, because they are put back, starts once, at the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.models import WEEKDAYS, Schedule
from shared.time_zones import zone

# A week, and a day at each end for what a gap puts off and for the two dates that a moment has around the world.
_DAYS = range(-1, 9)


def next_start(schedule: Schedule, after: datetime) -> datetime | None:
    """The first start after a moment (aware), in UTC; None for a schedule that is off or goes with every refresh."""
    return next((moment for moment in _starts(schedule, after, _DAYS) if moment > after), None)


def last_due(schedule: Schedule, now: datetime, since: datetime) -> datetime | None:
    """The last start that has come by `now`, if it was after `since` (both aware), in UTC; None when there was none."""
    days = range(-_DAYS[-1], -_DAYS[0] + 1)
    return max((moment for moment in _starts(schedule, now, days) if since < moment <= now), default=None)


def _starts(schedule: Schedule, around: datetime, days: Iterable[int]) -> Iterable[datetime]:
    """The starts of the days around the local date of a moment, in their order."""
    if not schedule.own:
        return
    here = zone(schedule.time_zone)
    today = around.astimezone(here).date()
    for day in (today + timedelta(days=number) for number in days):
        if schedule.recurrence == "daily" or WEEKDAYS[day.weekday()] in schedule.days:
            for text in schedule.times:
                yield _moment(day, time.fromisoformat(text), here)


def _moment(day: date, at: time, here: ZoneInfo) -> datetime:
    """The first moment that a clock shows this date and time or, if it never does, the first after the gap."""
    local = datetime.combine(day, at)
    while True:
        # Of a time that comes twice, the one without `fold` is the first.
        moment = local.replace(tzinfo=here).astimezone(UTC)
        if moment.astimezone(here).replace(tzinfo=None) == local:
            return moment
        # Gaps begin and end on full minutes.
        local += timedelta(minutes=1)
