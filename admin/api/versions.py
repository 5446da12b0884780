"""Which version of a document a caller has read: the headers ETag and If-Match (RFC 9110), so that nobody overwrites
what they have not seen."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header
from starlette.exceptions import HTTPException

from shared.errors import Changed
from shared.tables import Stored

_LONGEST = 1_000

IfMatch = Annotated[
    str | None,
    Header(max_length=_LONGEST, description="the ETag of the version that was read; `*` for whichever there is"),
]


def tag_of(stored: Stored[Any]) -> str:
    """The ETag of a document; a strong one, which the storage's own are not, because If-Match asks for it."""
    return tag(stored.etag)


def tag(etag: str) -> str:
    """The ETag for callers of the version that the storage calls `etag`."""
    return f'"{hashlib.sha256(etag.encode()).hexdigest()[:32]}"'


def expect(stored: Stored[Any], if_match: str | None) -> str:
    """The storage's ETag of the document that was found, when it is the version that the caller has read.

    Raises:
        HTTPException: 428, the caller did not say which version they have read.
        Changed: it is another one (412).
    """
    if if_match is None:
        raise HTTPException(
            HTTPStatus.PRECONDITION_REQUIRED,
            "Send the header If-Match with the ETag of the version that you have read, so that nothing is overwritten "
            "unseen.",
        )
    given = [one.strip() for one in if_match.split(",")]
    if "*" not in given and tag_of(stored) not in given:
        raise Changed("It has been changed since that version. Read it again, then decide anew.")
    return stored.etag
