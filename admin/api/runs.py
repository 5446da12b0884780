"""Runs as JSON: started on demand, read, listed, with every rejected row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from admin.access import caller
from admin.api.errors import problems
from admin.records import RunRecord, run_record
from admin.start_request import started_by
from exporters import start
from exporters.files import RunFiles
from exporters.runs import Status
from exporters.services import Services

_MOST_REJECTED_ROWS = 10_000
# More rows than a run can have, and few enough to count to.
_FURTHEST_ROW = 1_000_000_000


class StartedRun(BaseModel):
    """A run that has just been started; the header `Location` says where to ask for it."""

    run_id: str
    status: Status


class RunPage(BaseModel):
    """The last runs of an export, the newest first."""

    runs: list[RunRecord]


class RejectedRowRecord(BaseModel):
    """A profile that is not a contact, with its place and the reason."""

    segment: str
    partition: str
    line: int | None
    code: str
    reason: str


class RejectedRowPage(BaseModel):
    """Some rejected rows of a run; `next` is the offset of those that follow, if any do."""

    rejected_rows: list[RejectedRowRecord]
    next: int | None


def runs_router(services: Callable[[], Services]) -> APIRouter:
    """`/exports/{export_id}/runs`."""
    router = APIRouter(prefix="/exports/{export_id}/runs", tags=["runs"], responses=problems(404))

    @router.get("", summary="List the runs of an export")
    def list_runs(export_id: str, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> RunPage:
        """The newest first, each with its batches and with where every profile went."""
        known = services()
        known.exports.get(export_id)
        return RunPage(runs=[run_record(known, run) for run in known.runs.newest(export_id, limit)])

    @router.post("", status_code=HTTPStatus.ACCEPTED, responses=problems(409), summary="Start a run now")
    def start_run(export_id: str, by: Annotated[str, Depends(_named_in_the_body)], response: Response) -> StartedRun:
        """Whatever was exported before. The body may name who starts it: `{"started_by": "…"}`."""
        run = start.start_on_demand(services(), export_id, by)
        response.headers["Location"] = f"/api/exports/{run.export_id}/runs/{run.run_id}"
        return StartedRun(run_id=run.run_id, status=run.status)

    @router.get("/{run_id}", summary="Read a run")
    def read_run(export_id: str, run_id: str) -> RunRecord:
        """What has become of it, with each batch and with where every profile went."""
        known = services()
        return run_record(known, known.runs.get(export_id, run_id))

    @router.get("/{run_id}/rejected-rows", summary="List the rejected rows of a run")
    def list_rejected_rows(
        export_id: str,
        run_id: str,
        offset: Annotated[int, Query(ge=0, le=_FURTHEST_ROW)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_REJECTED_ROWS)] = _MOST_REJECTED_ROWS,
    ) -> RejectedRowPage:
        """Until their retention time is over: they hold personal data."""
        known = services()
        run = known.runs.get(export_id, run_id)
        rows = RunFiles(known.files, run.run_id).rejected_rows()
        page = list(islice(rows, offset, offset + limit + 1))
        return RejectedRowPage(
            rejected_rows=[RejectedRowRecord(**asdict(row)) for row in page[:limit]],
            next=offset + limit if len(page) > limit else None,
        )

    return router


async def _named_in_the_body(request: Request) -> str:
    """Who starts a run: named in the body, else whoever calls."""
    try:
        return started_by(await request.body(), otherwise=caller(request).name)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from None
