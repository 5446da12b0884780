"""The refresh schedule: six fields as the Functions host reads them (NCRONTAB), in UTC.

The host itself fires at these times. The app reads them too, to know which refresh was missed while a storage was away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from croniter import CroniterBadDateError, croniter

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


def read_fields(text: str) -> str:
    """The canonical form of six fields, or of five without the second: numbers alone, `*` for all.

    Refuses what NCrontab refuses, among it 7 for Sunday, `L`, `#` and `?`, and a schedule that never comes.

    Raises:
        ValueError: says what is wrong with it.
    """
    fields = text.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise ValueError("is not a schedule of six fields (second minute hour day month weekday)")
    canonical = " ".join(_numbers(value, field) for value, field in zip(fields, _FIELDS, strict=True))
    try:
        next_time(canonical, datetime.now(UTC))
    except CroniterBadDateError:
        raise ValueError("never comes") from None
    return canonical


def next_time(canonical: str, after: datetime) -> datetime:
    """The first time of a schedule in its canonical form after a moment, which carries its zone."""
    found: datetime = _times(canonical, after).get_next(datetime)
    return found


def last_refresh(schedule: str, now: datetime, since: datetime) -> datetime | None:
    """The last time of the refresh schedule that has come by `now`, if that was after `since`; both carry a zone."""
    following = now.replace(microsecond=0) + timedelta(seconds=1)
    last: datetime = _times(read_fields(schedule), following).get_prev(datetime)
    return last if last > since else None


def _times(canonical: str, moment: datetime) -> croniter:
    # Both day fields must agree in NCrontab; elsewhere either is enough.
    return croniter(canonical, moment.astimezone(UTC), day_or=False, second_at_beginning=True)


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
