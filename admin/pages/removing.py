"""The panel in which a connection is removed, and the two ways out while exports still use it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from admin import connections
from admin.pages.connections import listing
from admin.pages.forms import see_other
from admin.pages.notices import telling
from admin.pages.parameters import Administrator
from admin.pages.rendering import render
from admin.pages.words import DONE, message, plural_message
from admin.usage import runs_through, used_by
from exporters.services import Services
from shared.people import Person

# The exports that the panel showed: what came meanwhile, nobody has decided about.
_Shown = Annotated[tuple[str, ...], Form(alias="export", default_factory=tuple)]

_DETACHED = plural_message("%(count)s export was detached.", "%(count)s exports were detached.")
_REMOVED = plural_message("%(count)s export was removed.", "%(count)s exports were removed.")
_STILL_USED = message("Exports use this connection, so it was not removed. Choose what happens to them first.")
_RUNS_GO_ON = message("Runs still go through this connection, so it was not removed. Wait until they have ended.")
_MORE_BY_NOW = message(
    "Other exports use the connection by now, so nothing was removed. All are listed below; decide again."
)
_RUNNING = message(
    "One of the exports is running, so nothing was removed. Wait until its run has ended, or detach the exports."
)


def removing_router(services: Callable[[], Services]) -> APIRouter:
    """GET and POST /connections/{id}/remove, POST …/detach, POST …/remove-exports."""
    router = APIRouter()

    def panel(
        request: Request,
        person: Person,
        connection_id: str,
        problem: str | None = None,
    ) -> HTMLResponse:
        known = services()
        connection = known.connections.get(connection_id)
        return render(
            request,
            "remove.html",
            status=HTTPStatus.CONFLICT if problem else HTTPStatus.OK,
            **listing(known, person, selected=connection.id),
            connection=connection,
            exports=used_by(known, connection.id),
            runs=runs_through(known, connection.id),
            problems={"remove": problem} if problem else {},
        )

    @router.get("/connections/{connection_id}/remove", response_class=HTMLResponse)
    def ask(request: Request, connection_id: str, person: Administrator) -> HTMLResponse:
        return panel(request, person, connection_id)

    @router.post("/connections/{connection_id}/remove", response_class=HTMLResponse)
    def remove(request: Request, connection_id: str, person: Administrator) -> Response:
        known = services()
        name = known.connections.get(connection_id).display_name
        try:
            connections.remove(known, person, connection_id)
        except connections.InUse:
            return panel(request, person, connection_id, _STILL_USED)
        except connections.RunsGoOn:
            return panel(request, person, connection_id, _RUNS_GO_ON)
        return telling(request, see_other("/connections"), DONE["removed"], name=name)

    @router.post("/connections/{connection_id}/detach", response_class=HTMLResponse)
    def detach(request: Request, connection_id: str, person: Administrator, shown: _Shown) -> Response:
        detached = connections.detach(services(), person, connection_id, shown)
        answer = see_other(f"/connections/{connection_id}/remove")
        return telling(request, answer, *_DETACHED, count=len(detached))

    @router.post("/connections/{connection_id}/remove-exports", response_class=HTMLResponse)
    def remove_exports(request: Request, connection_id: str, person: Administrator, shown: _Shown) -> Response:
        try:
            removed = connections.remove_exports(services(), person, connection_id, shown)
        except connections.CameMeanwhile:
            return panel(request, person, connection_id, _MORE_BY_NOW)
        except connections.Running:
            return panel(request, person, connection_id, _RUNNING)
        answer = see_other(f"/connections/{connection_id}/remove")
        return telling(request, answer, *_REMOVED, count=len(removed))

    return router
