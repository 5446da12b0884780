"""Pages of a collection: how many items, and the cursor that leads to the next page."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from local.constant_contact import errors

Query = Mapping[str, str]


def page_query(sent: Query, allowed: set[str]) -> tuple[Query, int]:
    """The filters of the first page and the position to go on from; a cursor carries both.

    Raises ApiError 400 for a cursor that is none, or for a parameter that the operation does not know.
    """
    if "cursor" in sent:
        try:
            carried = json.loads(base64.urlsafe_b64decode(sent["cursor"]))
            query, position = dict(carried["query"]), int(carried["position"])
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise errors.invalid("The cursor is invalid.") from None
        return query, position
    if unknown := set(sent) - allowed:
        raise errors.invalid(f"Unknown parameter: {', '.join(sorted(unknown))}.")
    return sent, 0


def page_limit(query: Query, maximum: int, default: int = 50) -> int:
    """The size of a page, or ApiError 400 when it is not between 1 and maximum."""
    text = query.get("limit", str(default))
    if not text.isdecimal() or not 1 <= int(text) <= maximum:
        raise errors.invalid(f"limit must be a number between 1 and {maximum}.")
    return int(text)


def next_link(path: str, query: Query, position: int | None) -> dict[str, Any]:
    """`_links.next.href`, a path without a host; nothing on the last page."""
    if position is None:
        return {}
    carried = json.dumps({"query": dict(query), "position": position})
    cursor = base64.urlsafe_b64encode(carried.encode()).decode()
    return {"_links": {"next": {"href": f"{path}?cursor={cursor}"}}}


def flag(query: Query, name: str) -> bool:
    """A parameter that is true, false or absent, or ApiError 400."""
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise errors.invalid(f"{name} must be true or false.")
    return value == "true"
