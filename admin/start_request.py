"""Who is named in a request that starts a run."""

from __future__ import annotations

import json

from admin.body_limit import MAX_BODY_BYTES

_LONGEST_NAME = 200


def started_by(body: bytes, *, otherwise: str) -> str:
    """The name in the optional body `{"started_by": "…"}`, else `otherwise`; raises ValueError, in words for people."""
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"The body of the request is larger than {MAX_BODY_BYTES // 1024**2} MiB.")
    if not body.strip():
        return otherwise
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("The body of the request is not JSON. Leave it out, or send {}.") from None
    name = given.get("started_by", otherwise) if isinstance(given, dict) else None
    # What cannot be printed may be half a character, which nothing can store.
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise ValueError("The body must be a JSON object; its started_by a text of up to 200 characters on one line.")
    return name
