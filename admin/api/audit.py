"""The audit log as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from admin.api.paging import Limit
from exporters.services import Services
from shared.audit import ROW, AuditEntry, month_of

_AFTER = "`next` of the page before; left out for the first page"
_MONTH = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"


class AuditPage(BaseModel):
    """Some changes of a month, the newest first; `next` is the `after` of the page that follows, null on the last."""

    month: str
    entries: list[AuditEntry]
    next: str | None


def audit_router(services: Callable[[], Services]) -> APIRouter:
    """`/audit`."""
    router = APIRouter(prefix="/audit", tags=["audit"])

    @router.get("", summary="Read the audit log of a month")
    def read_audit(
        month: Annotated[str | None, Query(pattern=_MONTH, description="e.g. 2026-11; default: this month")] = None,
        limit: Limit = 100,
        after: Annotated[str | None, Query(pattern=ROW, description=_AFTER)] = None,
    ) -> AuditPage:
        """Every change of a connection or an export: who, when, before and after."""
        known = services()
        wanted = month or month_of(known.now())
        page, following = known.audit.page(wanted, after=after, limit=limit)
        return AuditPage(month=wanted, entries=page, next=following)

    return router
