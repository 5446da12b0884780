"""What people type into the forms: read from the post, checked, and shown again when something is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, get_args

from fastapi import Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse

from admin.pages.words import message
from shared.models import Connection, Sharing

LONGEST_NAME = 100

_NO_NAME = message("Give the connection a display name.")
_LONG_NAME = message("Shorten the display name to at most 100 characters.")
_ODD_NAME = message("Use only characters that can be printed, on one line.")
_NO_SHARING = message("Choose who can use this connection.")
_NO_CONSENT = message("Agree to data privacy and compliance; without it no data may leave.")


@dataclass(frozen=True)
class ConnectionForm:
    """The fields of a connection as they were typed; nothing is checked yet."""

    display_name: str = ""
    sharing: Sharing | None = "administrators"
    consent: bool = False

    @classmethod
    def of(cls, connection: Connection) -> ConnectionForm:
        """The fields of a connection as it is kept."""
        return cls(connection.display_name, connection.sharing, connection.consent is not None)

    def problems(self, *, ask_consent: bool) -> dict[str, str]:
        """What is wrong, by field, in the order of the fields."""
        found = {}
        name = self.display_name
        if not name:
            found["display_name"] = _NO_NAME
        elif len(name) > LONGEST_NAME:
            found["display_name"] = _LONG_NAME
        elif not name.isprintable():
            found["display_name"] = _ODD_NAME
        if self.sharing is None:
            found["sharing"] = _NO_SHARING
        if ask_consent and not self.consent:
            found["consent"] = _NO_CONSENT
        return found


def _connection_form(
    display_name: Annotated[str, Form()] = "",
    sharing: Annotated[str, Form()] = "",
    consent: Annotated[str, Form()] = "",
) -> ConnectionForm:
    chosen: Sharing | None = next((one for one in get_args(Sharing) if one == sharing), None)
    return ConnectionForm(display_name.strip(), chosen, consent == "yes")


PostedConnection = Annotated[ConnectionForm, Depends(_connection_form)]


_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def readable_form(request: Request) -> None:
    """Dependency of every page: what is posted is a form, else 415. Otherwise it would be read as one left empty."""
    headers = request.headers
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and has_body and kind not in _FORMS:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def see_other(address: str) -> RedirectResponse:
    """After a post: the page that shows what it did, so that loading again repeats nothing."""
    return RedirectResponse(address, 303)
