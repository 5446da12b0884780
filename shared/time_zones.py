"""The time zones of the pinned package `tzdata`: the same names and the same rules on every machine."""

from __future__ import annotations

import functools
from importlib import resources
from zoneinfo import ZoneInfo

_PACKAGE = "tzdata"


@functools.cache
def zone_names() -> tuple[str, ...]:
    """The IANA names of all time zones, sorted: `Africa/Abidjan`, …, `Europe/Rome`, …, `UTC`, …"""
    text = (resources.files(_PACKAGE) / "zones").read_text("utf-8")
    return tuple(sorted(text.split()))


@functools.cache
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; raises ValueError for a name that there is not."""
    if name not in zone_names():
        raise ValueError("is not a time zone (an IANA name such as Europe/Rome)")
    with resources.files(_PACKAGE).joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
