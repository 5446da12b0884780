"""Which exports use a connection, which of these are running, and which runs go through it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from exporters.history import RunSummary
from exporters.services import Services
from shared.models import Export


def used_by(services: Services, connection_id: str) -> list[Export]:
    """The exports that use a connection, by name."""
    return [one for one in services.exports.all() if one.connection_id == connection_id]


def running(services: Services, exports: Iterable[Export]) -> list[Export]:
    """Those of the exports that have a run under way."""
    return [one for one in exports if services.runs.slot(one.id).value.run_id is not None]


def runs_through(services: Services, connection_id: str) -> list[RunSummary]:
    """The runs under way that go through a connection, by the name of their export.

    Not only those of the exports that use it: a run goes on when its export is detached, moved or removed. One that
    has taken longer than a run may counts no more: nothing may be left that could end it.
    """
    begun_after = services.now() - timedelta(hours=services.settings.run_time_limit_hours)
    found = [
        run
        for run in services.history.latest().values()
        if run.connection_id == connection_id and not run.ended and run.created_at > begun_after
    ]
    return sorted(found, key=lambda run: run.export_name.lower())
