"""A chart of profiles a day: the bars and lines of a picture that the server draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 900, 180
"""The units of the picture; it is stretched to the place that it has."""

_GAP = 6
# What is there at all can be seen.
_LOWEST = 2


@dataclass(frozen=True)
class Bar:
    """One day: `x`, `y`, `width` and `height` in the units of the picture."""

    day: date
    profiles: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Chart:
    """The bars, the oldest day first, and the number that the upper edge stands for."""

    bars: tuple[Bar, ...]
    top: int
    total: int


def chart_of(days: Sequence[tuple[date, int]]) -> Chart:
    """The chart of some days, the oldest first."""
    top = round_up(max((profiles for _, profiles in days), default=0))
    step = WIDTH // max(1, len(days))
    bars = []
    for at, (day, profiles) in enumerate(days):
        height = max(_LOWEST, round(HEIGHT * profiles / top)) if profiles else 0
        bars.append(Bar(day, profiles, at * step + _GAP // 2, HEIGHT - height, step - _GAP, height))
    return Chart(tuple(bars), top, sum(profiles for _, profiles in days))


def round_up(number: int) -> int:
    """The next number of the form 1, 2 or 5 with noughts behind it; 10 at the least, so that a chart has a scale."""
    scale = 10
    while True:
        for factor in (1, 2, 5):
            if number <= factor * scale:
                return factor * scale
        scale *= 10
