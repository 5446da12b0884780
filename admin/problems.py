"""Errors as problem details (RFC 9457): what happened, to which thing, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exporters import problem_codes
from exporters.constant_contact.errors import ConstantContactError
from shared.errors import Changed, Conflict, ExportError, Invalid, NotFound, Unavailable
from shared.secrets import KeyVaultRefused
from shared.snapshots import SnapshotError, SnapshotsRefused

MEDIA_TYPE = "application/problem+json"
Answer = Callable[[Request, HTTPStatus, str], Response]
"""Makes the answer that tells of an error: to programs as a problem, to people as a page."""


ABOUT: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "unreadable",
    HTTPStatus.UNAUTHORIZED: "signed_out",
    HTTPStatus.FORBIDDEN: "not_allowed",
    HTTPStatus.NOT_FOUND: "not_there",
    HTTPStatus.METHOD_NOT_ALLOWED: "not_there",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.GONE: "deleted",
    HTTPStatus.PRECONDITION_FAILED: "changed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "no_form",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid",
    HTTPStatus.PRECONDITION_REQUIRED: "no_version",
    HTTPStatus.INTERNAL_SERVER_ERROR: "unexpected",
    HTTPStatus.BAD_GATEWAY: "bad_answer",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
"""The section of the help page that says what an answer of this status means and what to do."""


# Of these the status says as much: what the help page has under them is about runs.
_OF_RUNS_ALONE = ("unknown", "constant_contact", "refused")


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

    type: str = Field(default="about:blank", description="where the help page of this site says what to do")
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = Field(default=None, description="what is wrong with the input, field by field")

    def document(self) -> dict[str, object]:
        """The body itself."""
        return self.model_dump(exclude_none=True)


def problem(status: HTTPStatus, detail: str) -> Problem:
    """A problem with the status's own title. Its type is an address of this site, without the host."""
    about = _address(ABOUT[status]) if status in ABOUT else "about:blank"
    return Problem(type=about, title=status.phrase, status=status.value, detail=detail)


def section_of(error: ExportError) -> str | None:
    """The section of the help page on this very error; None where it has none but that of the answer's status."""
    if isinstance(error, NotFound | Conflict | InvalidFields):
        return None
    if isinstance(error, KeyVaultRefused):
        return "vault_refused"
    code = problem_codes.problem_of(error)
    return None if code in _OF_RUNS_ALONE else code


def about(error: ExportError) -> str:
    """The section of the help page that a page leads to which shows this error."""
    if section := section_of(error):
        return section
    kinds: tuple[tuple[type[ExportError], str], ...] = (
        (NotFound, "not_there"),
        (Conflict, "conflict"),
        (Unavailable, "unavailable"),
        (ConstantContactError, "bad_answer"),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), "unexpected")


def problem_of(error: ExportError) -> Problem:
    """The problem that an error of the layers below is to a caller."""
    found, section = _by_kind(error), section_of(error)
    return found.model_copy(update={"type": _address(section)}) if section else found


def _address(section: str) -> str:
    return f"/help#{section}"


def _by_kind(error: ExportError) -> Problem:
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
    if isinstance(error, SnapshotError):
        # The app works: whoever owns the segment's files, or chose the segment, has to act.
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    if isinstance(error, ConstantContactError):
        return problem(HTTPStatus.BAD_GATEWAY, str(error))
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


def answer_as_problem(_: Request, status: HTTPStatus, detail: str) -> JSONResponse:
    """An Answer for programs."""
    return JSONResponse(problem(status, detail).document(), status_code=status, media_type=MEDIA_TYPE)
