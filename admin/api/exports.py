"""Exports as JSON."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from admin import exports
from admin.api.callers import Contributor, Viewer
from admin.api.errors import problems
from admin.api.paging import After, Limit, page_of
from admin.api.versions import IfMatch, expect, tag
from admin.export_fields import ExportChange, NewExport
from admin.export_list import found, with_last_runs
from admin.records import ExportRecord, ExportReference, SavedExport, export_record, saved_export
from exporters.runs import Run
from exporters.services import Services
from shared.models import Export, Schedule
from shared.people import Person


class ExportPage(BaseModel):
    """Some exports, by name; `next` is the `after` of the page that follows, null on the last."""

    exports: list[ExportRecord]
    next: str | None


class StartedExport(BaseModel):
    """A run and the export that it is of."""

    run_id: str
    export_id: str
    export_name: str


class NotStarted(ExportReference):
    """An export that could not be started, and why."""

    reason: str


class StartedAllRecord(BaseModel):
    """What became of the exports with an active schedule that the caller may run."""

    started: list[StartedExport]
    already_running: list[StartedExport]
    not_started: list[NotStarted]


def exports_router(services: Callable[[], Services]) -> APIRouter:
    """`/exports`."""
    router = APIRouter(prefix="/exports", tags=["exports"])

    def read(person: Person, export_id: str, response: Response) -> ExportRecord:
        listed = exports.one(services(), person, export_id)
        response.headers["ETag"] = tag(listed.etag or "")
        return export_record(listed)

    def saved(person: Person, export: Export, response: Response) -> SavedExport:
        known = services()
        listed = exports.one(known, person, export.id)
        response.headers["ETag"] = tag(listed.etag or "")
        same = exports.same_target(known, export.id, export.list_id, export.segments, export.connection_id)
        return saved_export(listed, same)

    def version(export_id: str, if_match: str | None) -> str:
        return expect(services().exports.stored(export_id), if_match)

    @router.get("", summary="List the exports")
    def list_exports(
        person: Viewer,
        search: Annotated[str, Query(max_length=100, description="words in name, connection, list or segments")] = "",
        limit: Limit = 50,
        after: After = None,
    ) -> ExportPage:
        """By name. One that is `detached` has no connection, and does not run."""
        all_found = found(services(), person, search)
        page, following = page_of(all_found, _place, after=after, limit=limit)
        return ExportPage(exports=[export_record(one) for one in with_last_runs(services(), page)], next=following)

    @router.post("", status_code=HTTPStatus.CREATED, summary="Make an export")
    def add_export(new: NewExport, person: Contributor, response: Response) -> SavedExport:
        """This starts no run: its schedule does, or `POST …/runs`."""
        export = exports.add(services(), person, new)
        response.headers["Location"] = f"/api/exports/{export.id}"
        return saved(person, export, response)

    @router.post("/run-all", status_code=HTTPStatus.ACCEPTED, summary="Start all exports")
    def run_all(person: Contributor) -> StartedAllRecord:
        """Those with an active schedule and a connection, of those that the caller may run."""
        answer = exports.run_all(services(), person)
        return StartedAllRecord(
            started=[_started(run) for run in answer.started],
            already_running=[_started(run) for run in answer.already_running],
            not_started=[NotStarted(id=one.id, name=one.name, reason=reason) for one, reason in answer.not_started],
        )

    @router.get("/{export_id}", summary="Read an export", responses=problems(404))
    def read_export(export_id: str, person: Viewer, response: Response) -> ExportRecord:
        """The header ETag names the version, which a change or a removal has to name."""
        return read(person, export_id, response)

    @router.patch("/{export_id}", summary="Change an export", responses=problems(404, 412, 428))
    def change_export(
        export_id: str, change: ExportChange, person: Contributor, response: Response, if_match: IfMatch = None
    ) -> SavedExport:
        """Also attaches it to a connection. A run that is under way goes on as it began."""
        etag = version(export_id, if_match)
        return saved(person, exports.change(services(), person, export_id, change, etag=etag).value, response)

    @router.delete(
        "/{export_id}",
        status_code=HTTPStatus.NO_CONTENT,
        summary="Remove an export",
        responses=problems(404, 409, 412, 428),
    )
    def remove_export(export_id: str, person: Contributor, if_match: IfMatch = None) -> None:
        """Not while a run is under way (409). Contacts stay on the list, runs until their retention time ends."""
        exports.remove(services(), person, export_id, etag=version(export_id, if_match))

    @router.put("/{export_id}/schedule", summary="Schedule an export", responses=problems(404, 412, 428))
    def set_schedule(
        export_id: str, schedule: Schedule, person: Contributor, response: Response, if_match: IfMatch = None
    ) -> ExportRecord:
        """`active: false` keeps the rest, and only people start it."""
        exports.set_schedule(services(), person, export_id, schedule, etag=version(export_id, if_match))
        return read(person, export_id, response)

    @router.post(
        "/{export_id}/duplicate",
        status_code=HTTPStatus.CREATED,
        summary="Duplicate an export",
        responses=problems(404),
    )
    def duplicate_export(export_id: str, person: Contributor, response: Response) -> SavedExport:
        """The same under another name, `… (copy)`, with its schedule off: nothing starts it before you say so."""
        export = exports.duplicate(services(), person, export_id)
        response.headers["Location"] = f"/api/exports/{export.id}"
        return saved(person, export, response)

    @router.post("/{export_id}/detach", summary="Detach an export from its connection", responses=problems(404, 412))
    def detach_export(
        export_id: str, person: Contributor, response: Response, if_match: IfMatch = None
    ) -> ExportRecord:
        """It is kept, and does not run until a change gives it a connection. The header If-Match may be left out."""
        etag = version(export_id, if_match) if if_match is not None else None
        exports.detach(services(), person, export_id, etag=etag)
        return read(person, export_id, response)

    return router


def _place(one: exports.ListedExport) -> tuple[str, str]:
    return one.export.name.casefold(), one.export.id


def _started(run: Run) -> StartedExport:
    return StartedExport(run_id=run.run_id, export_id=run.export_id, export_name=run.export_name)
