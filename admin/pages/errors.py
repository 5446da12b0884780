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
from admin.pages.rendering import address_to_come_back_to, render
from admin.pages.words import message
from shared.errors import Conflict, ExportError, NotFound, Unavailable
from shared.secrets import KeyVaultRefused

log = logging.getLogger(__name__)

_SIGN_IN = "/.auth/login/aad?post_login_redirect_uri="

_TITLES = {
    HTTPStatus.BAD_REQUEST: message("This cannot be read"),
    HTTPStatus.NOT_FOUND: message("There is nothing at this address"),
    HTTPStatus.METHOD_NOT_ALLOWED: message("There is nothing at this address"),
    HTTPStatus.CONFLICT: message("Somebody else was faster"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: message("That is too much at once"),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: message("This form cannot be read"),
    HTTPStatus.FORBIDDEN: message("This was refused"),
    HTTPStatus.SERVICE_UNAVAILABLE: message("A service does not answer"),
}
_WHAT_TO_DO = {
    HTTPStatus.BAD_REQUEST: message("The address or the form has a value that no page of this site sends."),
    HTTPStatus.NOT_FOUND: message("It may have been removed, or the address may be mistyped."),
    HTTPStatus.METHOD_NOT_ALLOWED: message("It may have been removed, or the address may be mistyped."),
    HTTPStatus.CONFLICT: message(
        "What you wanted to change has been changed meanwhile. Look at it again, then decide."
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: message("No form of this site is that large."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: message(
        "It was sent without saying that it is a form, so nothing was done. Open the page again and do it there."
    ),
    HTTPStatus.FORBIDDEN: message(
        "It did not come from a page of this site, so nothing was done. Open the page again and do it there."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: message("Nothing is lost. Try again in a moment."),
}
_STALE_SIGN_IN = message("This sign-in cannot be used")
_BEGIN_AGAIN = message(
    "It was used already, was begun in another browser or by somebody else, or is too old. Nothing was changed. "
    "Go to the connections and begin again."
)
_VAULT_REFUSED = message("Key Vault does not allow this to the app")
_GIVE_THE_ROLE = message(
    "Give the app the role Key Vault Secrets Officer on the vault, and see that the secret is neither disabled nor "
    "deleted. Then go back and try again; nothing is lost."
)
_OTHER_TITLE = message("This did not work")
_OTHER_ADVICE = message("Go back and try again. If it happens again, the log of the app says what went wrong.")


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
            return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, _STALE_SIGN_IN, _BEGIN_AGAIN)
        if isinstance(error, Conflict):
            return error_page(request, HTTPStatus.CONFLICT)
        if isinstance(error, Unavailable):
            return error_page(request, HTTPStatus.SERVICE_UNAVAILABLE)
        log.error("a page could not do what was asked for: %s: %s", type(error).__name__, error)
        if isinstance(error, KeyVaultRefused):
            return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, _VAULT_REFUSED, _GIVE_THE_ROLE, str(error))
        return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, _OTHER_TITLE, _OTHER_ADVICE, str(error))

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
    return _page(request, status, _TITLES.get(status, _OTHER_TITLE), _WHAT_TO_DO.get(status, _OTHER_ADVICE))


def _page(request: Request, status: HTTPStatus, heading: str, advice: str, recorded: str | None = None) -> HTMLResponse:
    """A page with an error; `recorded` is what the system says of it, in English."""
    return render(request, "error.html", status=status, heading=heading, advice=advice, recorded=recorded)
