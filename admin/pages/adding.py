"""The panel in which a connection is set up or signed in again, and the way to Constant Contact and back."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, TypedDict

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from admin import connecting
from admin.connecting import CONSENT_VERSION, Draft, Incomplete, SignInStart
from admin.pages.connections import listing
from admin.pages.forms import ConnectionForm, PostedConnection, see_other
from admin.pages.notices import cookie_name, is_https, telling
from admin.pages.parameters import Administrator
from admin.pages.rendering import render
from admin.pages.words import DONE, message
from admin.saving import AccountChanged
from exporters.constant_contact.sign_in import CALLBACK_PATH
from exporters.services import Services
from shared.errors import Conflict, NotFound, Unavailable
from shared.models import Connection, Sharing
from shared.people import Person

_WANTING = {
    "sign_in": message("Connect to Constant Contact first."),
    "export_user": message("Add yourself as export user first."),
}
_RUNNING = message(
    "This is another account, and an export of this connection is running. Save again when its run has ended."
)
_OTHER_BY_NOW = message("Somebody else has signed in to another account meanwhile. Save again to replace it.")
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
        again = _connection(known, draft) if draft else None
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

    def gone(request: Request, draft_id: str) -> Response:
        """The way on when a draft or its connection is gone: to what was made of it, or a page that says so."""
        try:
            made = services().connections.get(draft_id)
        except NotFound:
            return render(request, "draft_gone.html", status=HTTPStatus.NOT_FOUND)
        return see_other(f"/connections/{made.id}")

    @router.get("/connections/add", response_class=HTMLResponse)
    def add(request: Request, person: Administrator) -> HTMLResponse:
        return panel(request, person, ConnectionForm(), {})

    @router.post("/connections/add", response_class=HTMLResponse)
    def connect(request: Request, person: Administrator, typed: PostedConnection) -> Response:
        problems = typed.problems(ask_consent=True)
        if problems or typed.sharing is None:
            return panel(request, person, typed, problems)
        known = services()
        start = connecting.begin(
            known, person, display_name=typed.display_name, sharing=typed.sharing, consent=typed.consent
        )
        return _to_constant_contact(request, start)

    @router.post("/connections/{connection_id}/sign-in", response_class=Response)
    def sign_in_again(request: Request, connection_id: str, person: Administrator) -> Response:
        return _to_constant_contact(request, connecting.begin_again(services(), person, connection_id))

    @router.get(CALLBACK_PATH, response_class=Response)
    def come_back(
        request: Request,
        person: Administrator,
        state: Annotated[str, Query(max_length=_LONGEST_STATE)] = "",
        code: Annotated[str | None, Query(max_length=_LONGEST_CODE)] = None,
        error: Annotated[str | None, Query(max_length=_LONGEST_CODE)] = None,
    ) -> Response:
        known = services()
        cookie_state = request.cookies.get(_cookie(request, state.partition(".")[0]), "")
        draft = connecting.come_back(known, person, state=state, cookie_state=cookie_state, code=code, error=error)
        return _without_cookie(request, see_other(f"/connections/drafts/{draft.id}"), draft.id)

    @router.get("/connections/drafts/{draft_id}", response_class=HTMLResponse)
    def one_draft(request: Request, draft_id: str, person: Administrator) -> Response:
        try:
            draft = connecting.get(services(), person, draft_id)
            return panel(request, person, _kept(draft), {}, draft)
        except NotFound:
            return gone(request, draft_id)

    @router.post("/connections/drafts/{draft_id}", response_class=HTMLResponse)
    def go_on(
        request: Request,
        draft_id: str,
        person: Administrator,
        typed: PostedConnection,
        do: Annotated[str, Form()] = "save",
    ) -> Response:
        try:
            return press(request, draft_id, person, typed, do)
        except NotFound:
            return gone(request, draft_id)

    def press(request: Request, draft_id: str, person: Person, typed: ConnectionForm, do: str) -> Response:
        known = services()
        if do == "cancel":
            nothing_left = connecting.abandon(known, person, draft_id)
            answer = _without_cookie(request, see_other("/connections"), draft_id)
            return telling(request, answer, DONE["canceled" if nothing_left else "canceled, deleted later"])
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
            return _to_constant_contact(request, start)
        before = _connection(known, draft)
        was_signed_in = before is not None and before.state != "not_connected"
        try:
            saved = connecting.save(known, person, draft_id, **entered)
        except Incomplete as incomplete:
            wanting = {code: _WANTING[code] for code in incomplete.missing if code in _WANTING}
            return panel(request, person, typed, wanting, connecting.get(known, person, draft_id))
        except AccountChanged:
            warned = connecting.get(known, person, draft_id)
            return panel(request, person, typed, {"save": _OTHER_BY_NOW}, warned, HTTPStatus.CONFLICT)
        except Conflict:
            return panel(request, person, typed, {"save": _RUNNING}, draft, HTTPStatus.CONFLICT)
        except Unavailable:
            return panel(request, person, typed, {"save": _NOT_NOW}, draft, HTTPStatus.SERVICE_UNAVAILABLE)
        done = "added" if not draft.connection_id else "signed in again" if was_signed_in else "signed in"
        answer = see_other(f"/connections?selected={saved.id}")
        return telling(request, answer, DONE[done], name=saved.display_name)

    return router


class _Entered(TypedDict):
    """The fields of the form once nothing is wrong with them."""

    display_name: str
    sharing: Sharing
    consent: bool


def _connection(services: Services, draft: Draft) -> Connection | None:
    """The connection that is signed in to with this draft; None when it makes a new one. Raises NotFound."""
    return services.connections.get(draft.connection_id) if draft.connection_id else None


def _kept(draft: Draft) -> ConnectionForm:
    return ConnectionForm(
        draft.display_name, draft.sharing, _has_agreed(draft) or draft.consented_version == CONSENT_VERSION
    )


def _has_agreed(draft: Draft) -> bool:
    """Whether somebody has agreed before, for the connection that is signed in to again."""
    return draft.connection_id is not None and draft.consented_version is not None


def _to_constant_contact(request: Request, start: SignInStart) -> RedirectResponse:
    """Send the browser to Constant Contact, with the state in a cookie: only this browser may come back with it."""
    answer = see_other(start.address)
    answer.set_cookie(
        _cookie(request, start.draft_id),
        start.state,
        max_age=_SECONDS_TO_SIGN_IN,
        path="/",
        secure=is_https(request),
        httponly=True,
        # Strict would keep it from the way back, which begins on Constant Contact's page.
        samesite="lax",
    )
    return answer


def _without_cookie(request: Request, answer: RedirectResponse, draft_id: str) -> RedirectResponse:
    """The state was used up, or is for nothing any more."""
    name = _cookie(request, draft_id)
    answer.delete_cookie(name, path="/", secure=is_https(request), httponly=True, samesite="lax")
    return answer


def _cookie(request: Request, draft_id: str) -> str:
    """One for each draft, so that sign-ins in several tabs do not disturb each other."""
    return cookie_name(request, f"sign-in-{draft_id}")
