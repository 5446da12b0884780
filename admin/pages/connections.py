"""The list of connections, and the panel in which one is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import HTMLResponse, Response

from admin import connections
from admin.access import administrator, contributor
from admin.pages.forms import ConnectionForm, PostedConnection, see_other
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
    """GET /, GET /connections, GET and POST /connections/{id}."""
    router = APIRouter()

    @router.get("/", response_class=Response)
    def home(_: Annotated[Person, Depends(contributor)]) -> Response:
        return see_other("/connections")

    @router.get("/connections", response_class=HTMLResponse)
    def all_connections(
        request: Request,
        person: Annotated[Person, Depends(contributor)],
        sort: Column = "name",
        order: Order = "ascending",
        selected: Annotated[str, Query(max_length=64)] = "",
        done: Annotated[str, Query(max_length=20)] = "",
    ) -> HTMLResponse:
        return render(
            request,
            "connections.html",
            **listing(services(), person, sort=sort, order=order, selected=selected, done=done),
        )

    @router.get("/connections/{connection_id}", response_class=HTMLResponse)
    def one_connection(
        request: Request, connection_id: str, person: Annotated[Person, Depends(administrator)]
    ) -> HTMLResponse:
        known = services()
        stored = known.connections.stored(connection_id)
        return _panel(request, known, person, stored, ConnectionForm.of(stored.value), {})

    @router.post("/connections/{connection_id}", response_class=HTMLResponse)
    def change_connection(
        request: Request,
        connection_id: str,
        person: Annotated[Person, Depends(administrator)],
        typed: PostedConnection,
        etag: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        known = services()
        problems = typed.problems(ask_consent=False)
        if problems or typed.sharing is None:
            stored = known.connections.stored(connection_id)
            return _panel(request, known, person, stored, typed, problems, etag=etag)
        try:
            connections.change(
                known, person, connection_id, display_name=typed.display_name, sharing=typed.sharing, etag=etag or None
            )
        except Changed:
            stored = known.connections.stored(connection_id)
            return _panel(request, known, person, stored, typed, {"etag": _CHANGED_MEANWHILE})
        return see_other(f"/connections?done=changed&selected={connection_id}")

    return router


def listing(
    services: Services,
    person: Person,
    *,
    sort: Column = "name",
    order: Order = "ascending",
    selected: str = "",
    done: str = "",
) -> dict[str, Any]:
    """What the list shows: the connections that the person may see, in order, and which one is selected."""
    seen = list(connections.for_role(person, services.connections.all()))
    if not person.may("Administrator") and sort not in _SHOWN_TO_ALL:
        # The order would tell of columns that are not shown.
        sort = "name"
    seen.sort(key=_SORTED_BY["name"])
    seen.sort(key=_SORTED_BY[sort], reverse=order == "descending")
    chosen = next((one for one in seen if one.id == selected), None)
    # A notice that needs the name of a connection is left out when there is no such connection (any more).
    notice = DONE.get(done)
    if notice is not None and "%(name)s" in notice and chosen is None:
        notice = None
    return {
        "connections": seen,
        "sort": sort,
        "order": order,
        "selected": chosen,
        "notice": notice,
        "now": services.now(),
    }


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
