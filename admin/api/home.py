"""What needs a person and what is under way, as JSON."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel, Field

from admin import home
from admin.api.callers import Viewer
from admin.records import RunSummaryRecord, run_summary_record
from exporters.services import Services
from shared.models import ConnectionState


class WaitingConnection(BaseModel):
    """A connection that waits for a sign-in."""

    id: str
    display_name: str
    state: ConnectionState


class Day(BaseModel):
    """How many profiles were sent by the runs that began on a day (UTC)."""

    date: datetime.date
    sent: int


class HomeRecord(BaseModel):
    """What there is to see at first sight."""

    connections_to_sign_in: list[WaitingConnection]
    failed: list[RunSummaryRecord] = Field(description="the last run of each export whose last run failed")
    under_way: list[RunSummaryRecord]
    calls_left_today: int
    calls_a_day: int
    exported_by_day: list[Day]


def home_router(services: Callable[[], Services]) -> APIRouter:
    """`/home`."""
    router = APIRouter(prefix="/home", tags=["home"])

    @router.get("", summary="What needs a person")
    def read_home(person: Viewer) -> HomeRecord:
        """Connections to sign in to, exports that failed last, runs under way, profiles sent in the last 30 days."""
        found = home.home(services(), person)
        return HomeRecord(
            connections_to_sign_in=[
                WaitingConnection(id=one.id, display_name=one.display_name, state=one.state) for one in found.to_sign_in
            ],
            failed=[run_summary_record(run) for run in found.failed],
            under_way=[run_summary_record(run) for run in found.under_way],
            calls_left_today=found.calls_left,
            calls_a_day=found.calls_a_day,
            exported_by_day=[Day(date=day, sent=sent) for day, sent in found.by_day],
        )

    return router
