"""Lists page by page: at most 100 at once, from behind what the caller has already."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from fastapi import Query

from admin.problems import InvalidFields

MOST = 100
_LONGEST = 4_000

Limit = Annotated[int, Query(ge=1, le=MOST, description="how many at most")]
After = Annotated[
    str | None, Query(max_length=_LONGEST, description="`next` of the page before; left out for the first page")
]

Item = TypeVar("Item")
Place = tuple[str, ...]


def page_of(
    items: Iterable[Item], place: Callable[[Item], Place], *, after: str | None, limit: int
) -> tuple[list[Item], str | None]:
    """The `limit` items behind `after`, by their places in the list, and what to ask for next.

    A place is the item's own, so that what comes and goes between two pages moves nothing else. Its last part has to
    tell it from all others.

    Raises:
        InvalidFields: `after` is nothing that this gave.
    """
    behind = _read(after) if after is not None else None
    rest = sorted((one for one in items if behind is None or place(one) > behind), key=place)
    return rest[:limit], _write(place(rest[limit - 1])) if len(rest) > limit else None


def _write(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read(text: str) -> Place:
    try:
        place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        place = None
    if not isinstance(place, list) or not all(isinstance(part, str) for part in place):
        raise InvalidFields({"after": "is not the `next` of a page; leave it out for the first page"})
    return tuple(place)
