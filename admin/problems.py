"""Errors as problem details (RFC 9457): what happened, to which thing, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exporters.constant_contact.errors import ConstantContactError
from shared.errors import Changed, Conflict, ExportError, Invalid, NotFound, Unavailable
from shared.snapshots import SnapshotsRefused

MEDIA_TYPE = "application/problem+json"
Answer = Callable[[Request, HTTPStatus, str], Response]
"""Makes the answer that tells of an error: to programs as a problem, to people as a page."""


class InvalidFields(Invalid):
    """Fields of what was given are wrong; `fields` says what is wrong with each."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(fields.values()))
        self.fields = dict(fields)


class FieldError(BaseModel):
    """What is wrong with one field of the input."""

    field: str = Field(description="its path, e.g. `mapping` or `schedule.times`")
    message: str


class Problem(BaseModel):
    """The body of an answer that is an error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = Field(default=None, description="what is wrong with the input, field by field")

    def document(self) -> dict[str, object]:
        """The body itself."""
        return self.model_dump(exclude_none=True)


def problem(status: HTTPStatus, detail: str) -> Problem:
    """A problem with the status's own title."""
    return Problem(title=status.phrase, status=status.value, detail=detail)


def problem_of(error: ExportError) -> Problem:
    """The problem that an error of the layers below is to a caller."""
    if isinstance(error, NotFound):
        return problem(HTTPStatus.NOT_FOUND, str(error))
    if isinstance(error, Changed):
        return problem(HTTPStatus.PRECONDITION_FAILED, str(error))
    if isinstance(error, Conflict):
        return problem(HTTPStatus.CONFLICT, str(error))
    if isinstance(error, InvalidFields):
        errors = [FieldError(field=field, message=message) for field, message in error.fields.items()]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)).model_copy(update={"errors": errors})
    if isinstance(error, Invalid):
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    if isinstance(error, Unavailable | SnapshotsRefused):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    if isinstance(error, ConstantContactError):
        return problem(HTTPStatus.BAD_GATEWAY, str(error))
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


def answer_as_problem(_: Request, status: HTTPStatus, detail: str) -> JSONResponse:
    """An Answer for programs."""
    return JSONResponse(problem(status, detail).document(), status_code=status, media_type=MEDIA_TYPE)
