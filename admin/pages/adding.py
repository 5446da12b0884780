"""The panel in which a connection is set up or signed in again, and the way to Constant Contact and back."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, TypedDict

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from admin import connecting
from admin.access import administrator
from admin.connecting import CONSENT_VERSION, Draft, Incomplete, SignInStart
from admin.pages.connections import listing
from admin.pages.forms import ConnectionForm, PostedConnection, see_other
from admin.pages.rendering import render
from admin.pages.words import message
from exporters.constant_contact.sign_in import CALLBACK_PATH
from exporters.services import Services
from shared.errors import Unavailable
from shared.models import Sharing
from shared.people import Person

_Administrator = Annotated[Person, Depends(administrator)]

_WANTING = {
    "sign_in": message("Connect to Constant Contact first."),
    "export_user": message("Add yourself as export user first."),
}
_NOT_NOW = message("Key Vault did not answer, or a run is using this connection just now. Save again in a moment.")
_LONGEST_STATE = 500
_LONGEST_CODE = 4000
_SECONDS_TO_SIGN_IN = 3600


def adding_router(services: Callable[[], Services]) -> APIRouter:
    """GET and POST /connections/add, GET /connections/callback, the drafts, and POST /connections/{id}/sign-in."""
    router = APIRouter()

    def panel(
        request: Request,
        person: Person,
        typed: ConnectionForm,
        problems: dict[str, str],
        draft: Draft | None = None,
        status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
    ) -> HTMLResponse:
        known = services()
        again = known.connections.get(draft.connection_id) if draft and draft.connection_id else None
        return render(
            request,
            "set_up.html",
            status=status if problems else HTTPStatus.OK,
            **listing(known, person, selected=again.id if again else ""),
            typed=typed,
            problems=problems,
            draft=draft,
            again=again,
            has_agreed=draft is not None and _has_agreed(draft),
            missing=connecting.missing(draft) if draft else ("sign_in", "export_user"),
            consent_version=CONSENT_VERSION,
            redirect_address=known.sign_in.callback,
        )

    @router.get("/connections/add", response_class=HTMLResponse)
    def add(request: Request, person: _Administrator) -> HTMLResponse:
        return panel(request, person, ConnectionForm(), {})

    @router.post("/connections/add", response_class=HTMLResponse)
    def connect(request: Request, person: _Administrator, typed: PostedConnection) -> Response:
        problems = typed.problems(ask_consent=True)
        if problems or typed.sharing is None:
            return panel(request, person, typed, problems)
        known = services()
        start = connecting.begin(
            known, person, display_name=typed.display_name, sharing=typed.sharing, consent=typed.consent
        )
        return _to_constant_contact(known, start)

    @router.post("/connections/{connection_id}/sign-in", response_class=Response)
    def sign_in_again(connection_id: str, person: _Administrator) -> Response:
        known = services()
        return _to_constant_contact(known, connecting.begin_again(known, person, connection_id))

    @router.get(CALLBACK_PATH, response_class=Response)
    def come_back(
        request: Request,
        person: _Administrator,
        state: Annotated[str, Query(max_length=_LONGEST_STATE)] = "",
        code: Annotated[str | None, Query(max_length=_LONGEST_CODE)] = None,
        error: Annotated[str | None, Query(max_length=_LONGEST_CODE)] = None,
    ) -> Response:
        known = services()
        cookie = _cookie(known)
        draft = connecting.come_back(
            known, person, state=state, cookie_state=request.cookies.get(cookie, ""), code=code, error=error
        )
        answer = see_other(f"/connections/drafts/{draft.id}")
        answer.delete_cookie(cookie, path="/", secure=_secure(known), httponly=True, samesite="lax")
        return answer

    @router.get("/connections/drafts/{draft_id}", response_class=HTMLResponse)
    def one_draft(request: Request, draft_id: str, person: _Administrator) -> HTMLResponse:
        draft = connecting.get(services(), person, draft_id)
        return panel(request, person, _kept(draft), {}, draft)

    @router.post("/connections/drafts/{draft_id}", response_class=HTMLResponse)
    def go_on(
        request: Request,
        draft_id: str,
        person: _Administrator,
        typed: PostedConnection,
        do: Annotated[str, Form()] = "save",
    ) -> Response:
        known = services()
        if do == "cancel":
            connecting.abandon(known, person, draft_id)
            return see_other("/connections?done=canceled")
        draft = connecting.get(known, person, draft_id)
        if do == "export-user":
            draft = connecting.add_export_user(known, person, draft_id)
            # Shown at once instead of redirecting, so that what was typed and is not saved yet stays in the form.
            return panel(request, person, typed, {}, draft)
        problems = typed.problems(ask_consent=not _has_agreed(draft))
        if problems or typed.sharing is None:
            return panel(request, person, typed, problems, draft)
        entered = _Entered(display_name=typed.display_name, sharing=typed.sharing, consent=typed.consent)
        if do == "connect":
            start = connecting.connect_again(known, person, draft_id, **entered)
            return _to_constant_contact(known, start)
        try:
            saved = connecting.save(known, person, draft_id, **entered)
        except Incomplete as incomplete:
            wanting = {code: _WANTING[code] for code in incomplete.missing if code in _WANTING}
            return panel(request, person, typed, wanting, connecting.get(known, person, draft_id))
        except Unavailable:
            return panel(request, person, typed, {"save": _NOT_NOW}, draft, HTTPStatus.SERVICE_UNAVAILABLE)
        done = "signed-in" if draft.connection_id else "added"
        return see_other(f"/connections?done={done}&selected={saved.id}")

    return router


class _Entered(TypedDict):
    """The fields of the form once nothing is wrong with them."""

    display_name: str
    sharing: Sharing
    consent: bool


def _kept(draft: Draft) -> ConnectionForm:
    return ConnectionForm(
        draft.display_name, draft.sharing, _has_agreed(draft) or draft.consented_version == CONSENT_VERSION
    )


def _has_agreed(draft: Draft) -> bool:
    """Whether somebody has agreed before, for the connection that is signed in to again."""
    return draft.connection_id is not None and draft.consented_version is not None


def _to_constant_contact(services: Services, start: SignInStart) -> RedirectResponse:
    """Send the browser to Constant Contact, with the state in a cookie: only this browser may come back with it."""
    answer = see_other(start.address)
    answer.set_cookie(
        _cookie(services),
        start.state,
        max_age=_SECONDS_TO_SIGN_IN,
        path="/",
        secure=_secure(services),
        httponly=True,
        # Strict would keep it from the way back, which begins on Constant Contact's page.
        samesite="lax",
    )
    return answer


def _secure(services: Services) -> bool:
    return services.settings.site_address.startswith("https://")


def _cookie(services: Services) -> str:
    """A browser takes a name with this prefix only over https and for this host alone; plain http has no such names."""
    return "__Host-sign-in" if _secure(services) else "sign-in"
