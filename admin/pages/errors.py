"""The pages for what cannot be shown or done: sign in first, not allowed, not there, changed meanwhile."""

from __future__ import annotations

import logging
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from admin.access import NotAllowed, SignedOut
from admin.connecting import Refused
from admin.pages.error_words import ERRORS
from admin.pages.rendering import address_to_come_back_to, render
from admin.pages.run_words import PROBLEMS
from admin.problems import ABOUT, about
from shared.errors import Conflict, ExportError, NotFound, Unavailable

log = logging.getLogger(__name__)

_SIGN_IN = "/.auth/login/aad?post_login_redirect_uri="
# To a page these mean something else than to a program: a form from another site, and a field that no form has.
_CODES = {HTTPStatus.FORBIDDEN: "not_from_here", HTTPStatus.UNPROCESSABLE_ENTITY: "unexpected"}
_WORDS: dict[str, tuple[str, str]] = {str(code): said for code, said in PROBLEMS.items()} | dict(ERRORS)


def answer_errors(site: FastAPI) -> None:
    """Let the application answer its errors as pages."""

    @site.exception_handler(SignedOut)
    def signed_out(request: Request, _: SignedOut) -> HTMLResponse:
        # A form that was posted is lost: only what can be opened again is worth coming back to.
        back = address_to_come_back_to(request)
        return render(
            request, "signed_out.html", status=HTTPStatus.UNAUTHORIZED, sign_in_address=_SIGN_IN + quote(back, safe="")
        )

    @site.exception_handler(NotAllowed)
    def not_allowed(request: Request, error: NotAllowed) -> HTMLResponse:
        return render(request, "not_allowed.html", status=HTTPStatus.FORBIDDEN, least=error.least)

    @site.exception_handler(ExportError)
    def export_error(request: Request, error: ExportError) -> HTMLResponse:
        if isinstance(error, NotFound):
            return error_page(request, HTTPStatus.NOT_FOUND)
        if isinstance(error, Refused):
            return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, "stale_sign_in")
        if isinstance(error, Conflict):
            return error_page(request, HTTPStatus.CONFLICT)
        if isinstance(error, Unavailable):
            return error_page(request, HTTPStatus.SERVICE_UNAVAILABLE)
        # Its words may repeat names that people gave.
        log.error("a page could not do what was asked for: %s", type(error).__name__)
        return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, about(error), str(error))

    @site.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> HTMLResponse:
        answer = error_page(request, HTTPStatus(error.status_code))
        answer.headers.update(error.headers or {})
        return answer

    @site.exception_handler(RequestValidationError)
    def wrong_input(request: Request, _: RequestValidationError) -> HTMLResponse:
        return error_page(request, HTTPStatus.BAD_REQUEST)


def error_page(request: Request, status: HTTPStatus, _: str = "") -> HTMLResponse:
    """The page for a status, in words of its own: those of programs are English (`admin.problems.Answer`)."""
    return _page(request, status, _CODES.get(status, ABOUT.get(status, "unexpected")))


def _page(request: Request, status: HTTPStatus, code: str, recorded: str | None = None) -> HTMLResponse:
    """A page with an error; `recorded` is what the system says of it, in English."""
    heading, advice = _WORDS[code]
    return render(request, "error.html", status=status, code=code, heading=heading, advice=advice, recorded=recorded)
