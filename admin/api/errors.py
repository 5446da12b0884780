"""Errors of the JSON API: every one is a problem document (RFC 9457) that says what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from admin.access import NotAllowed, SignedOut
from admin.connections import InUse
from admin.problems import MEDIA_TYPE, FieldError, Problem, problem, problem_of
from exporters.constant_contact.errors import without_addresses
from shared.errors import ExportError, Wait

_MOST_PROBLEMS = 10
_REFERENCE = "#/components/schemas/{model}"


def answer_errors(app: FastAPI) -> None:
    """Let the application answer its errors as problems."""

    @app.exception_handler(ExportError)
    def export_error(_: Request, error: ExportError) -> JSONResponse:
        if isinstance(error, InUse):
            exports = [{"id": one.id, "name": one.name} for one in error.exports]
            return _answer(problem_of(error), exports=exports)
        return _answer(problem_of(error))

    @app.exception_handler(Wait)
    def wait(_: Request, error: Wait) -> JSONResponse:
        answer = _answer(problem(HTTPStatus.SERVICE_UNAVAILABLE, f"This cannot be done now: {error.reason}."))
        answer.headers["Retry-After"] = str(max(1, round(error.seconds)))
        return answer

    @app.exception_handler(SignedOut)
    def signed_out(_: Request, __: SignedOut) -> JSONResponse:
        return _answer(problem(HTTPStatus.UNAUTHORIZED, "Who is signed in cannot be told from this request."))

    @app.exception_handler(NotAllowed)
    def not_allowed(_: Request, error: NotAllowed) -> JSONResponse:
        return _answer(problem(HTTPStatus.FORBIDDEN, f"This needs the role {error.least}."))

    @app.exception_handler(HTTPException)
    def http_error(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        detail = "There is nothing at this address." if status == HTTPStatus.NOT_FOUND else str(error.detail)
        return _answer(problem(status, detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def wrong_input(_: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(one["type"] == "json_invalid" for one in found):
            return _answer(problem(HTTPStatus.BAD_REQUEST, "The body of the request is not JSON."))
        errors = [_field_error(one) for one in found[:_MOST_PROBLEMS]]
        said = [f"{one.field}: {one.message}" if one.field else one.message for one in errors]
        more = [f"and {len(found) - _MOST_PROBLEMS} more"] if len(found) > _MOST_PROBLEMS else []
        wrong = problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(said + more))
        return _answer(wrong.model_copy(update={"errors": errors}))


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of these statuses, as the description of a route names them."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model=Problem.__name__)}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def problem_schemas() -> dict[str, Any]:
    """The schemas that `problems` refers to, by name."""
    schema = Problem.model_json_schema(ref_template=_REFERENCE)
    return {Problem.__name__: schema, **schema.pop("$defs", {})}


def _field_error(found: Any) -> FieldError:
    where = ".".join(str(part) for part in found["loc"] if part not in ("body", "query", "path", "header", "fields"))
    what = str(found["msg"]).removeprefix("Value error, ")
    return FieldError(field=without_addresses(where), message=without_addresses(what))


def _answer(problem: Problem, headers: Any = None, **more: object) -> JSONResponse:
    return JSONResponse(
        problem.document() | more, status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )
