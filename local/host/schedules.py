"""When a timer fires: NCRONTAB expressions and time spans, as NCrontab and the timer extension read them, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from croniter import CroniterBadDateError, croniter

from local.host.errors import SettingMissing
from local.host.timespans import parse_timespan

_MONTHS = "January February March April May June July August September October November December".lower().split()
_DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".lower().split()


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS)),
    _Field("day of week", 0, 6, tuple(_DAYS)),
)


@dataclass(frozen=True)
class Schedule:
    """Either a canonical six-field `cron` expression of numbers, or a fixed `interval`."""

    cron: str | None = None
    interval: timedelta | None = None

    def next_after(self, moment: datetime) -> datetime:
        """First time after `moment`, which carries its zone."""
        if self.interval is not None:
            return moment + self.interval
        # Both day fields must agree in NCrontab; elsewhere either is enough.
        following = croniter(self.cron or "", moment.astimezone(UTC), day_or=False, second_at_beginning=True)
        found: datetime = following.get_next(datetime)
        return found

    def fires_more_than_once_a_minute(self) -> bool:
        """Whether two of the next times are less than a minute apart; such timers keep no record of their runs."""
        times = [datetime.now(UTC)]
        for _ in range(6):
            times.append(self.next_after(times[-1]))
        return any(later - earlier < timedelta(minutes=1) for earlier, later in pairwise(times[1:]))


def parse_schedule(text: str, where: str) -> Schedule:
    """Read six fields, five fields (second 0) or a time span such as `00:05:00`.

    Refuses what NCrontab refuses, among it 7 for Sunday, `L`, `#` and `?`. Raises SettingMissing, naming `where`.
    """
    interval = parse_timespan(text)
    if interval is not None:
        if not interval:
            raise SettingMissing(f"{where} has the schedule {text!r}; an interval must be longer than zero.")
        return Schedule(interval=interval)
    fields = text.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise SettingMissing(
            f"{where} has the schedule {text!r}; it must be six fields (second minute hour day month day-of-week), "
            "five without the second, or a time span such as 00:05:00."
        )
    try:
        numbers = [_numbers(value, field) for value, field in zip(fields, _FIELDS, strict=True)]
    except ValueError as error:
        raise SettingMissing(f"{where} has the schedule {text!r}, which cannot be read: {error}.") from None
    schedule = Schedule(cron=" ".join(numbers))
    try:
        schedule.next_after(datetime.now(UTC))
    except CroniterBadDateError:
        raise SettingMissing(f"{where} has the schedule {text!r}, which never comes.") from None
    return schedule


def _numbers(text: str, field: _Field) -> str:
    """The numbers a field stands for, `*` for all; the rules of NCrontab's CrontabField.Accumulate."""
    chosen: set[int] = set()
    for item in text.split(","):
        span, slash, step = item.partition("/")
        every = _number(step, field) if slash else 1
        if span == "*":
            start, end = field.low, field.high
        elif "-" in span:
            start, end = sorted(_value(part, field) for part in span.split("-", 1))
        else:
            start = _value(span, field)
            # A start with a step runs to the end of the field; a step of one is no step there.
            end = start if every == 1 else field.high
        chosen.update(range(start, end + 1, max(every, 1)))
    if len(chosen) == field.high - field.low + 1:
        return "*"
    return ",".join(map(str, sorted(chosen)))


def _value(text: str, field: _Field) -> int:
    if text[:1].isdigit() or not field.words:
        number = _number(text, field)
        if not field.low <= number <= field.high:
            raise ValueError(f"{text} is not between {field.low} and {field.high} ({field.name})")
        return number
    for index, word in enumerate(field.words):
        if text and word.startswith(text.lower()):
            return index + field.low
    raise ValueError(f"{text!r} is not a {field.name}")


def _number(text: str, field: _Field) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a number ({field.name})")
    return int(text)
