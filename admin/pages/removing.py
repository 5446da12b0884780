"""The panel in which a connection is removed, and the two ways out while exports still use it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, Response

from admin import connections
from admin.access import administrator
from admin.pages.connections import listing
from admin.pages.forms import see_other
from admin.pages.rendering import render
from admin.pages.words import message
from admin.usage import used_by
from exporters.services import Services
from shared.people import Person

_Administrator = Annotated[Person, Depends(administrator)]

Done = Literal["detached", "removed"]

_STILL_USED = message("Exports use this connection, so it was not removed. Choose what happens to them first.")
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
        done: Done | None = None,
        count: int = 0,
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
            problems={"remove": problem} if problem else {},
            done=done,
            count=count,
        )

    @router.get("/connections/{connection_id}/remove", response_class=HTMLResponse)
    def ask(
        request: Request,
        connection_id: str,
        person: _Administrator,
        done: Done | None = None,
        count: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> HTMLResponse:
        return panel(request, person, connection_id, done=done, count=count)

    @router.post("/connections/{connection_id}/remove", response_class=HTMLResponse)
    def remove(request: Request, connection_id: str, person: _Administrator) -> Response:
        try:
            connections.remove(services(), person, connection_id)
        except connections.InUse:
            return panel(request, person, connection_id, _STILL_USED)
        return see_other("/connections?done=removed")

    @router.post("/connections/{connection_id}/detach", response_class=HTMLResponse)
    def detach(connection_id: str, person: _Administrator) -> Response:
        detached = connections.detach(services(), person, connection_id)
        return see_other(f"/connections/{connection_id}/remove?done=detached&count={len(detached)}")

    @router.post("/connections/{connection_id}/remove-exports", response_class=HTMLResponse)
    def remove_exports(request: Request, connection_id: str, person: _Administrator) -> Response:
        try:
            removed = connections.remove_exports(services(), person, connection_id)
        except connections.Running:
            return panel(request, person, connection_id, _RUNNING)
        return see_other(f"/connections/{connection_id}/remove?done=removed&count={len(removed)}")

    return router
