"""The list of connections, and the panel in which one is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from admin import connections
from admin.pages.forms import ConnectionForm, PostedConnection, see_other
from admin.pages.notices import telling
from admin.pages.parameters import Administrator, Contributor, Search, Selected
from admin.pages.rendering import render
from admin.pages.words import DONE, STATES, message
from exporters.services import Services
from shared.errors import Changed
from shared.models import Connection
from shared.people import Person
from shared.tables import Stored

Column = Literal["name", "type", "state", "account", "sharing", "created", "by"]
Order = Literal["ascending", "descending"]

_CHANGED_MEANWHILE = message(
    "Somebody else has changed this connection meanwhile. Below is what you typed; save again to keep it."
)
_SORTED_BY: Mapping[Column, Callable[[Connection], Any]] = {
    "name": lambda one: one.display_name.casefold(),
    "type": lambda _: 0,
    "state": lambda one: list(STATES).index(one.state),
    "account": lambda one: one.account.name.casefold() if one.account else "",
    "sharing": lambda one: one.sharing,
    "created": lambda one: one.created_at,
    "by": lambda one: one.created_by.casefold(),
}


_SHOWN_TO_ALL = ("name", "type")


def connections_router(services: Callable[[], Services]) -> APIRouter:
    """GET /connections, GET and POST /connections/{id}."""
    router = APIRouter()

    @router.get("/connections", response_class=HTMLResponse)
    def all_connections(
        request: Request,
        person: Contributor,
        sort: Column = "name",
        order: Order = "ascending",
        selected: Selected = "",
        search: Search = "",
    ) -> HTMLResponse:
        return render(
            request,
            "connections.html",
            **listing(services(), person, sort=sort, order=order, selected=selected, search=search.strip()),
        )

    @router.get("/connections/{connection_id}", response_class=HTMLResponse)
    def one_connection(request: Request, connection_id: str, person: Administrator) -> HTMLResponse:
        known = services()
        stored = known.connections.stored(connection_id)
        return _panel(request, known, person, stored, ConnectionForm.of(stored.value), {})

    @router.post("/connections/{connection_id}", response_class=HTMLResponse)
    def change_connection(
        request: Request,
        connection_id: str,
        person: Administrator,
        typed: PostedConnection,
        etag: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        known = services()
        problems = typed.problems(ask_consent=False)
        if problems or typed.sharing is None:
            stored = known.connections.stored(connection_id)
            return _panel(request, known, person, stored, typed, problems, etag=etag)
        try:
            changed = connections.change(
                known, person, connection_id, display_name=typed.display_name, sharing=typed.sharing, etag=etag or None
            )
        except Changed:
            stored = known.connections.stored(connection_id)
            return _panel(request, known, person, stored, typed, {"etag": _CHANGED_MEANWHILE})
        answer = see_other(f"/connections?selected={connection_id}")
        return telling(request, answer, DONE["changed"], name=changed.value.display_name)

    return router


def listing(
    services: Services,
    person: Person,
    *,
    sort: Column = "name",
    order: Order = "ascending",
    selected: str = "",
    search: str = "",
) -> dict[str, Any]:
    """What the list shows: the connections that the person may see and looks for, in order, and which one is selected.

    Whoever may see name and type alone finds by the name alone: an answer would tell of what is not shown.
    """
    may_see_all = person.may("Administrator")
    if not may_see_all and sort not in _SHOWN_TO_ALL:
        # The order would tell of columns that are not shown.
        sort = "name"
    known = list(connections.for_role(person, services.connections.all()))
    seen = [one for one in known if search.casefold() in _found_by(one, may_see_all)]
    seen.sort(key=_SORTED_BY["name"])
    seen.sort(key=_SORTED_BY[sort], reverse=order == "descending")
    return {
        "connections": seen,
        "there_are_any": bool(known),
        "sort": sort,
        "order": order,
        "search": search,
        "selected": next((one for one in seen if one.id == selected), None),
        "now": services.now(),
    }


def _found_by(connection: Connection, may_see_all: bool) -> str:
    account = connection.account.name if may_see_all and connection.account else ""
    return f"{connection.display_name}\n{account}".casefold()


def _panel(
    request: Request,
    services: Services,
    person: Person,
    stored: Stored[Connection],
    typed: ConnectionForm,
    problems: dict[str, str],
    *,
    etag: str = "",
) -> HTMLResponse:
    statuses = {True: HTTPStatus.CONFLICT, False: HTTPStatus.UNPROCESSABLE_ENTITY}
    return render(
        request,
        "edit.html",
        status=statuses["etag" in problems] if problems else HTTPStatus.OK,
        **listing(services, person, selected=stored.value.id),
        connection=stored.value,
        etag=etag or stored.etag,
        typed=typed,
        problems=problems,
    )
