"""When a timer fires: NCRONTAB expressions and time spans, as NCrontab and the timer extension read them, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from local.host.errors import SettingMissing
from local.host.timespans import parse_timespan
from shared.refresh_schedule import next_time, read_fields


@dataclass(frozen=True)
class Schedule:
    """Either a canonical six-field `cron` expression of numbers, or a fixed `interval`."""

    cron: str | None = None
    interval: timedelta | None = None

    def next_after(self, moment: datetime) -> datetime:
        """First time after `moment`, which carries its zone."""
        return moment + self.interval if self.interval is not None else next_time(self.cron or "", moment)

    def fires_more_than_once_a_minute(self) -> bool:
        """Whether two of the next times are less than a minute apart; such timers keep no record of their runs."""
        times = [datetime.now(UTC)]
        for _ in range(6):
            times.append(self.next_after(times[-1]))
        return any(later - earlier < timedelta(minutes=1) for earlier, later in pairwise(times[1:]))


def parse_schedule(text: str, where: str) -> Schedule:
    """Read six fields, five fields (second 0) or a time span such as `00:05:00`.

    Raises SettingMissing, naming `where`, for what NCrontab refuses and for what never comes.
    """
    interval = parse_timespan(text)
    if interval is not None:
        if not interval:
            raise SettingMissing(f"{where} has the schedule {text!r}; an interval must be longer than zero.")
        return Schedule(interval=interval)
    if len(text.split()) not in (5, 6):
        raise SettingMissing(
            f"{where} has the schedule {text!r}; it must be six fields (second minute hour day month day-of-week), "
            "five without the second, or a time span such as 00:05:00."
        )
    try:
        return Schedule(cron=read_fields(text))
    except ValueError as error:
        raise SettingMissing(f"{where} has the schedule {text!r}, which cannot be read: {error}.") from None
