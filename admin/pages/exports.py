"""The list of exports, and what is done with them from there: run, run all, detach, remove."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from admin import exports
from admin.access import NotAllowed
from admin.connections import Running
from admin.export_list import ExportList, ListedExport, Order, Sort, everything
from admin.pages import export_words, run_words
from admin.pages.export_words import schedule_in_words
from admin.pages.forms import see_other
from admin.pages.languages import language_of
from admin.pages.notices import telling
from admin.pages.parameters import Contributor, Search, Selected, Viewer
from admin.pages.rendering import render
from admin.pages.words import message
from exporters.services import Services
from exporters.start import AlreadyRunning
from shared.errors import NotFound
from shared.people import Person

_SIZE = 50
# The script of the forms takes the panel alone from the answer: the list behind it need not be read.
_PANEL_ONLY = "X-Panel-Only"


_DETACHED = message("The connection was detached from “%(name)s”. The export is kept and does not run.")
_REMOVED = message("The export “%(name)s” was removed. Its past runs stay.")
_RUNNING = message("A run of this export is under way, so it was not removed. Wait until it has ended, or cancel it.")


def exports_router(services: Callable[[], Services]) -> APIRouter:
    """GET /exports, POST /exports/{id}/run, GET and POST /exports/run-all, …/{id}/detach, …/{id}/remove."""
    router = APIRouter()

    @router.get("/exports", response_class=HTMLResponse)
    def all_exports(
        request: Request,
        person: Viewer,
        search: Search = "",
        sort: Sort = "name",
        order: Order = "ascending",
        page: Annotated[int, Query(ge=1, le=10_000)] = 1,
        selected: Selected = "",
    ) -> HTMLResponse:
        shown = listing(
            services(), person, search=search, sort=sort, order=order, page=page, selected=selected, request=request
        )
        return render(request, "exports.html", **shown)

    # --- Running ------------------------------------------------------------------------------------------------------

    @router.post("/exports/{export_id}/run", response_class=Response)
    def run(export_id: str, person: Contributor) -> Response:
        return see_other(run_address(services(), person, export_id))

    @router.get("/exports/run-all", response_class=HTMLResponse)
    def ask_run_all(request: Request, person: Contributor) -> HTMLResponse:
        known = services()
        mine = [one for one in everything(known, person) if one.may_run]
        return render(
            request,
            "export_run_all.html",
            **listing(known, person, request=request),
            starting=[one for one in mine if one.schedule.active and not one.running],
            running=[one for one in mine if one.schedule.active and one.running],
            switched_off=sum(not one.schedule.active for one in mine),
            answer=None,
        )

    @router.post("/exports/run-all", response_class=HTMLResponse)
    def run_all(request: Request, person: Contributor) -> HTMLResponse:
        known = services()
        answer = exports.run_all(known, person)
        return render(request, "export_run_all.html", **listing(known, person, request=request), answer=answer)

    # --- Letting go ---------------------------------------------------------------------------------------------------

    def panel(
        request: Request, template: str, person: Person, export_id: str, problems: dict[str, str] | None = None
    ) -> HTMLResponse:
        known = services()
        one = may_edit(known, person, export_id)
        return render(
            request,
            template,
            status=HTTPStatus.CONFLICT if problems else HTTPStatus.OK,
            **listing(known, person, request=request, chosen=one),
            one=one,
            problems=problems or {},
        )

    @router.get("/exports/{export_id}/detach", response_class=HTMLResponse)
    def ask_detach(request: Request, export_id: str, person: Contributor) -> HTMLResponse:
        return panel(request, "export_detach.html", person, export_id)

    @router.post("/exports/{export_id}/detach", response_class=Response)
    def detach(request: Request, export_id: str, person: Contributor) -> Response:
        detached = exports.detach(services(), person, export_id).value
        return telling(request, see_other(f"/exports?selected={export_id}"), _DETACHED, name=detached.name)

    @router.get("/exports/{export_id}/remove", response_class=HTMLResponse)
    def ask_remove(request: Request, export_id: str, person: Contributor) -> HTMLResponse:
        return panel(request, "export_remove.html", person, export_id)

    @router.post("/exports/{export_id}/remove", response_class=HTMLResponse)
    def remove(request: Request, export_id: str, person: Contributor) -> Response:
        known = services()
        export = known.exports.get(export_id)
        try:
            exports.remove(known, person, export_id)
        except Running:
            return panel(request, "export_remove.html", person, export_id, {"remove": _RUNNING})
        return telling(request, see_other("/exports"), _REMOVED, name=export.name)

    return router


def run_address(services: Services, person: Person, export_id: str) -> str:
    """Start a run and give the address of its page; of the run that is under way, where there is one."""
    try:
        run = exports.run(services, person, export_id)
    except AlreadyRunning as error:
        return f"/exports/{export_id}/runs/{error.run.run_id}"
    return f"/exports/{export_id}/runs/{run.run_id}"


def may_edit(services: Services, person: Person, export_id: str) -> ListedExport:
    """The export, for somebody who may change it; raises NotFound or NotAllowed."""
    one = exports.one(services, person, export_id)
    if not one.may_edit:
        raise NotAllowed(person, "Administrator" if person.may("Contributor") else "Contributor")
    return one


def listing(
    services: Services,
    person: Person,
    *,
    request: Request,
    search: str = "",
    sort: Sort = "name",
    order: Order = "ascending",
    page: int = 1,
    selected: str = "",
    chosen: ListedExport | None = None,
) -> dict[str, Any]:
    """What the list shows, also behind a panel: a page of the exports, in order, and which one is selected.

    It is selected by its id, or is the one that the caller has read already.
    """
    if request.headers.get(_PANEL_ONLY):
        found, selected = ExportList([], 0, 1, 1), ""
    else:
        found = exports.listed(services, person, search=search, sort=sort, order=order, page=page, size=_SIZE)
    spoken = language_of(request.headers, request.cookies)
    return {
        "exports": found,
        "size": _SIZE,
        "search": search,
        "sort": sort,
        "order": order,
        "selected": chosen or _selected(services, person, found.items, selected),
        "has_connection": bool(found.total) or bool(exports.allowed_connections(services, person)),
        "schedule_words": lambda schedule: schedule_in_words(schedule, spoken),
        "export_words": export_words,
        "run_words": run_words,
        "now": services.now(),
    }


def _selected(services: Services, person: Person, shown: list[ListedExport], selected: str) -> ListedExport | None:
    """The selected export, also from another page of the list; None when there is none of this id (any more)."""
    if not selected:
        return None
    on_page = next((one for one in shown if one.export.id == selected), None)
    if on_page is not None:
        return on_page
    try:
        return exports.one(services, person, selected)
    except NotFound:
        return None
