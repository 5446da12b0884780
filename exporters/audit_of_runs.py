"""Tells the audit log of runs: who or what started each, and who canceled it.

It is told when it happens and again by a later step of the run, so nothing is lost when a process dies in between: what
is told again is kept once.
"""

from __future__ import annotations

import logging
from datetime import datetime

from azure.core.exceptions import AzureError

from exporters.runs import Run
from exporters.services import Services
from shared.audit import Action, AuditEntry

log = logging.getLogger(__name__)


def tell(services: Services, run: Run) -> None:
    """Tell what is to be told of the run by now. Raises what a storage raises that is away."""
    if run.status == "up_to_date":
        return  # Nothing was started.
    _write(services, run, "started", run.created_at, run.started_by, run.started_by_id)
    if run.canceled_by is not None and run.cancel_asked_at is not None:
        _write(services, run, "canceled", run.cancel_asked_at, run.canceled_by, run.canceled_by_id)


def tell_if_possible(services: Services, run: Run) -> None:
    """Tell it now, or leave it to the run's next step: what was asked for is done, whether it is told or not."""
    try:
        tell(services, run)
    except AzureError as error:
        log.warning("run %s is told of in the audit log with its next step: %s", run.run_id, type(error).__name__)


def _write(services: Services, run: Run, action: Action, at: datetime, by: str, by_id: str | None) -> None:
    services.audit.write(
        AuditEntry(
            at=at,
            by=by,
            by_id=by_id,
            action=action,
            subject="export",
            subject_id=run.export_id,
            subject_name=run.export_name,
            after={"run": run.run_id},
        )
    )
