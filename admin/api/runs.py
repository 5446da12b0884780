"""Runs as JSON. Starting and reading one run are functions of their own (`function_app.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from admin.api.errors import problems
from admin.records import RunRecord, run_record
from exporters.files import RunFiles
from exporters.services import Services

_MOST_REJECTED_ROWS = 10_000
# More rows than a run can have, and few enough to count to.
_FURTHEST_ROW = 1_000_000_000


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
