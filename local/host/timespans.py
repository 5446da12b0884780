"""Durations as .NET writes them, in host.json and in timer schedules."""

from __future__ import annotations

import re
from datetime import timedelta

_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?")


def parse_timespan(text: str) -> timedelta | None:
    """Read `[d.]hh:mm[:ss[.fffffff]]`; None when `text` is something else or out of range (24 h, 60 min, 60 s)."""
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    fraction = timedelta(seconds=int((match[5] or "0").ljust(7, "0")) / 10_000_000)
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) + fraction
