"""Errors as problem details (RFC 9457): what happened, to which thing, and what to do."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel

from shared.errors import Conflict, ExportError, Invalid, NotFound

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """The body of an answer that is an error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem(status: HTTPStatus, detail: str) -> Problem:
    """A problem with the status's own title."""
    return Problem(title=status.phrase, status=status.value, detail=detail)


def problem_of(error: ExportError) -> Problem:
    """The problem that an error of the layers below is to a caller."""
    if isinstance(error, NotFound):
        return problem(HTTPStatus.NOT_FOUND, str(error))
    if isinstance(error, Conflict):
        return problem(HTTPStatus.CONFLICT, str(error))
    if isinstance(error, Invalid):
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
