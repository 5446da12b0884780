"""The page of the audit: every change of a month, the newest first, of connections or exports alone if wanted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from admin.pages.parameters import Administrator
from admin.pages.rendering import render
from admin.pages.turning import Passed, ways
from exporters.services import Services
from shared.audit import ROW, month_of

PAGE_SIZE = 100

_MONTH = r"^20\d\d-(0[1-9]|1[0-2])$"


def audit_router(services: Callable[[], Services]) -> APIRouter:
    """GET /audit?month=2026-11&subject=export&after=…"""
    router = APIRouter()

    @router.get("/audit", response_class=HTMLResponse)
    def audit(
        request: Request,
        _: Administrator,
        month: Annotated[str | None, Query(pattern=_MONTH)] = None,
        subject: Literal["", "connection", "export"] = "",
        after: Annotated[str | None, Query(pattern=ROW)] = None,
        passed: Passed = None,
    ) -> HTMLResponse:
        known = services()
        now = known.now()
        shown = month or month_of(now)
        first = date.fromisoformat(f"{shown}-01")
        following = f"{first + timedelta(days=31):%Y-%m}"
        entries, older = known.audit.page(shown, after=after, limit=PAGE_SIZE, subject=subject or None)
        return render(
            request,
            "audit.html",
            entries=entries,
            after=after,
            passed=passed,
            ways=ways(after, passed, older),
            subject=subject,
            month=first,
            previous=f"{first - timedelta(days=1):%Y-%m}",
            following=following if following <= month_of(now) else None,
            now=now,
        )

    return router
