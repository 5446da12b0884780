"""Runs as JSON: started on demand, read, listed, canceled, with every rejected row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from http import HTTPStatus
from itertools import chain, islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from admin import exports
from admin.access import FUNCTION_KEY, calling_contributor
from admin.api.callers import Contributor, Viewer
from admin.api.errors import problems
from admin.api.paging import After, Limit
from admin.pages.rejected import as_csv
from admin.records import RunRecord, RunSummaryRecord, run_record, run_summary_record
from admin.start_request import started_by
from exporters.files import RejectedRow, RunFiles
from exporters.runs import Status
from exporters.services import Services

# Rows are short, and there may be hundreds of thousands.
_MOST_REJECTED_ROWS = 10_000
# More rows than a run can have, and few enough to count to.
_FURTHEST_ROW = 1_000_000_000
_CSV = "text/csv; charset=utf-8"
_COLUMNS = ("segment", "partition", "line", "code", "reason")


class StartedRun(BaseModel):
    """A run that has just been started; the header `Location` says where to ask for it."""

    run_id: str
    status: Status


class RunPage(BaseModel):
    """Some runs of an export, the newest first; `next` is the `after` of the page that follows, null on the last."""

    runs: list[RunRecord]
    next: str | None


class RunSummaryPage(BaseModel):
    """Some runs of all exports, the newest first; `next` is the `after` of the page that follows, null on the last."""

    runs: list[RunSummaryRecord]
    next: str | None


class RejectedRowRecord(BaseModel):
    """A profile that is not a contact, with its place and the reason."""

    segment: str
    partition: str
    line: int | None
    code: str
    reason: str


class RejectedRowPage(BaseModel):
    """Some rejected rows of a run; `next` is the `after` of those that follow, null when there are no more."""

    rejected_rows: list[RejectedRowRecord]
    next: int | None = Field(description="how many rows there are up to here")


def runs_router(services: Callable[[], Services]) -> APIRouter:
    """`/runs`: those of all exports."""
    router = APIRouter(prefix="/runs", tags=["runs"])

    @router.get("", summary="List the runs of all exports")
    def list_all_runs(
        _: Viewer,
        status: Annotated[
            list[Status] | None, Query(max_length=20, description="only runs in one of these; may be given repeatedly")
        ] = None,
        limit: Limit = 50,
        after: After = None,
    ) -> RunSummaryPage:
        """The newest first, each with how many profiles went where."""
        page = services().history.page(statuses=frozenset(status) if status else None, after=after, limit=limit)
        return RunSummaryPage(runs=[run_summary_record(run) for run in page.runs], next=page.next)

    return router


def runs_of_export_router(services: Callable[[], Services]) -> APIRouter:
    """`/exports/{export_id}/runs`."""
    router = APIRouter(prefix="/exports/{export_id}/runs", tags=["runs"], responses=problems(404))

    @router.get("", summary="List the runs of an export")
    def list_runs(export_id: str, _: Viewer, limit: Limit = 20, after: After = None) -> RunPage:
        """The newest first, each with its batches and with where every profile went."""
        known = services()
        runs, following = known.runs.page(export_id, after=after, limit=limit)
        if not runs:
            known.exports.get(export_id)  # Runs outlive their export; where there are none, it has to be there.
        return RunPage(runs=[run_record(known, run) for run in runs], next=following)

    @router.post("", status_code=HTTPStatus.ACCEPTED, responses=problems(409, 413), summary="Start a run now")
    def start_run(
        export_id: str,
        person: Contributor,
        by: Annotated[str, Depends(_named_in_the_body)],
        response: Response,
    ) -> StartedRun:
        """Whatever was exported before. Where nobody is signed in, the body may name who: `{"started_by": "…"}`."""
        run = exports.run(services(), person, export_id, started_by=by)
        response.headers["Location"] = f"/api/exports/{run.export_id}/runs/{run.run_id}"
        return StartedRun(run_id=run.run_id, status=run.status)

    @router.get("/{run_id}", summary="Read a run")
    def read_run(export_id: str, run_id: str, _: Viewer) -> RunRecord:
        """What has become of it, with each batch and with where every profile went."""
        known = services()
        return run_record(known, known.runs.get(export_id, run_id))

    @router.post("/{run_id}/cancel", status_code=HTTPStatus.ACCEPTED, responses=problems(409), summary="Cancel a run")
    def cancel_run(export_id: str, run_id: str, person: Contributor) -> RunRecord:
        """No further batch is sent; what is under way is followed to its end. A run that has ended stays (409)."""
        known = services()
        return run_record(known, exports.cancel(known, person, export_id, run_id))

    @router.get("/{run_id}/rejected-rows", responses=problems(410), summary="List the rejected rows of a run")
    def list_rejected_rows(
        export_id: str,
        run_id: str,
        _: Viewer,
        after: Annotated[int, Query(ge=0, le=_FURTHEST_ROW, description="`next` of the page before")] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_REJECTED_ROWS)] = _MOST_REJECTED_ROWS,
    ) -> RejectedRowPage:
        """Until their retention time is over (then 410): they hold personal data."""
        page = list(islice(_rejected_rows(export_id, run_id), after, after + limit + 1))
        return RejectedRowPage(
            rejected_rows=[RejectedRowRecord(**asdict(row)) for row in page[:limit]],
            next=after + limit if len(page) > limit else None,
        )

    @router.get(
        "/{run_id}/rejected-rows.csv",
        summary="Download the rejected rows of a run",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "the file"},
            **problems(410),
        },
    )
    def download_rejected_rows(export_id: str, run_id: str, _: Viewer) -> StreamingResponse:
        """All as CSV, or 410 when their time is over. What a spreadsheet takes for a formula follows an apostrophe."""
        rows = _rejected_rows(export_id, run_id)
        name = f"rejected-rows-{run_id}.csv"
        return StreamingResponse(
            as_csv(rows, _COLUMNS, lambda row: row.reason),
            media_type=_CSV,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _rejected_rows(export_id: str, run_id: str) -> Iterator[RejectedRow]:
        """All of them; where the run had some and their time is over, 410."""
        known = services()
        run = known.runs.get(export_id, run_id)
        rows = RunFiles(known.files, run.run_id).rejected_rows()
        first = next(rows, None)
        days = known.settings.file_retention_days
        if first is None and run.counts.rejected and known.now() > run.created_at + timedelta(days=days):
            raise HTTPException(
                HTTPStatus.GONE,
                f"The rejected rows of this run were deleted after {days} days, because they tell of persons. "
                "The run still says how many there were.",
            )
        return rows if first is None else chain([first], rows)

    return router


async def _named_in_the_body(request: Request) -> str:
    """Who starts a run: whoever is signed in; for the holder of a function key alone, who is named in the body."""
    caller = calling_contributor(request)
    try:
        named = started_by(await request.body(), otherwise=caller.name)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from None
    return named if caller is FUNCTION_KEY else caller.name
