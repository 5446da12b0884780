"""Turning the pages of what is newest first and has no page numbers: to the next older one, back, and to the newest.

A table is read in one direction only, so the way back is the way that was come: the address remembers where each page
on it began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query

# So many pages can be gone back one by one; behind them "Newest" is left.
_REMEMBERED = 60
# Stands where more pages were passed than that.
_FORGOTTEN = "-"
_LONGEST = 4096

Passed = Annotated[str | None, Query(max_length=_LONGEST, pattern=r"^[0-9A-Za-z-]+(,[0-9A-Za-z-]+)*$")]
"""Where the pages between the newest and this one began, the newest first."""

Way = Mapping[str, str | None]
"""What changes in the address of a list for another page of it."""


def ways(after: str | None, passed: str | None, following: str | None) -> dict[str, Way]:
    """The pages that can be turned to, of `newest`, `newer` and `older`.

    Args:
        after: where this page begins; None for the newest.
        passed: where the pages between the newest and this one begin.
        following: where the next older page begins; None where this one is the last.
    """
    began = passed.split(",") if passed else []
    found: dict[str, Way] = {}
    if began:
        found["newest"] = {"after": None, "passed": None}
    if after and began != [_FORGOTTEN]:
        found["newer"] = {"after": began[-1] if began else None, "passed": ",".join(began[:-1]) or None}
    if following:
        on_the_way = [*began, after] if after else []
        if len(on_the_way) > _REMEMBERED:
            on_the_way = [_FORGOTTEN, *on_the_way[-_REMEMBERED:]]
        found["older"] = {"after": following, "passed": ",".join(on_the_way) or None}
    return found
