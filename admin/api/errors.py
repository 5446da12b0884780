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
from admin.problems import MEDIA_TYPE, Problem, problem, problem_of
from exporters.constant_contact.errors import without_addresses
from shared.errors import ExportError

_MOST_PROBLEMS = 10


def answer_errors(app: FastAPI) -> None:
    """Let the application answer its errors as problems."""

    @app.exception_handler(ExportError)
    def export_error(_: Request, error: ExportError) -> JSONResponse:
        if isinstance(error, InUse):
            exports = [{"id": one.id, "name": one.name} for one in error.exports]
            return _answer(problem_of(error), exports=exports)
        return _answer(problem_of(error))

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
        return _answer(problem(status, detail))

    @app.exception_handler(RequestValidationError)
    def wrong_input(_: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(one["type"] == "json_invalid" for one in found):
            return _answer(problem(HTTPStatus.BAD_REQUEST, "The body of the request is not JSON."))
        said = [without_addresses(message_of(one)) for one in found[:_MOST_PROBLEMS]]
        more = [f"and {len(found) - _MOST_PROBLEMS} more"] if len(found) > _MOST_PROBLEMS else []
        return _answer(problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(said + more)))


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of these statuses, as the description of a route names them."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def message_of(found: Any) -> str:
    """One problem of the input: where and what, never the value."""
    where = ".".join(str(part) for part in found["loc"] if part not in ("body", "query", "fields"))
    what = str(found["msg"]).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _answer(problem: Problem, **more: object) -> JSONResponse:
    return JSONResponse(problem.model_dump() | more, status_code=problem.status, media_type=MEDIA_TYPE)
