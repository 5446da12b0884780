"""What has just happened, told once on the page that follows a form.

It rides in a cookie that only this site can write and no script can read, and is gone when it was shown: no address,
wherever it comes from, can make a page say that something was done.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

_NAME = "notice"
_SECONDS = 60
_LONGEST = 3000

Answer = TypeVar("Answer", bound=Response)


@dataclass(frozen=True)
class Notice:
    """A message (`admin.pages.words.message`) with its values; with `plural` it is chosen by the value `count`."""

    text: str
    plural: str | None = None
    values: dict[str, str | int] = field(default_factory=dict)


_NOTICE = TypeAdapter(Notice)


def telling(request: Request, answer: Answer, text: str, plural: str | None = None, /, **values: str | int) -> Answer:
    """The answer to a form; the page that it leads to says `text`, with the values filled in."""
    said = json.dumps({"text": text, "plural": plural, "values": values})
    # Without the padding: a value with a “=” would have to be quoted, and not every host takes the quotes off again.
    kept = base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
    if len(kept) <= _LONGEST:
        answer.set_cookie(
            cookie_name(request, _NAME),
            kept,
            max_age=_SECONDS,
            path="/",
            secure=is_https(request),
            httponly=True,
            samesite="lax",
        )
    return answer


def told(request: Request) -> Notice | None:
    """What is to be said on this page, or None."""
    kept = request.cookies.get(cookie_name(request, _NAME))
    if not kept:
        return None
    try:
        notice = _NOTICE.validate_json(base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4)))
        return notice if _fits(notice) else None
    except (ValueError, ValidationError):
        return None


def _fits(notice: Notice) -> bool:
    """Whether the text has a place for each value, and a number to be chosen by."""
    if notice.plural is not None and not isinstance(notice.values.get("count"), int):
        return False
    try:
        return not notice.values or all(text % notice.values for text in (notice.text, notice.plural or "-"))
    except (KeyError, TypeError, ValueError):
        return False


def forget(request: Request, answer: Response) -> None:
    """It was shown: the next page says nothing."""
    name = cookie_name(request, _NAME)
    if name in request.cookies:
        answer.delete_cookie(name, path="/", secure=is_https(request), httponly=True, samesite="lax")


def cookie_name(request: Request, name: str) -> str:
    """A browser takes a name with this prefix only over https and for this host alone; plain http has no such names."""
    return f"__Host-{name}" if is_https(request) else name


def is_https(request: Request) -> bool:
    """Whether browsers reach the site over https, so that cookies can be for https alone."""
    address: str = request.app.state.settings().site_address
    return address.startswith("https://")
