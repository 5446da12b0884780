"""The JSON API over connections, exports, runs and the audit log, for those who automate what the pages do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request

from admin.access import caller, calling_viewer
from admin.api.account import account_router, previews_router, segments_router, suggestions_router
from admin.api.audit import audit_router
from admin.api.connections import connections_router
from admin.api.errors import answer_errors, problem_schemas, problems
from admin.api.exports import exports_router
from admin.api.home import home_router
from admin.api.runs import runs_of_export_router, runs_router
from exporters.services import Services

__all__ = ["answer_errors", "api_router"]


def api_router(services: Callable[[], Services]) -> APIRouter:
    """Every route under `/api`; `services` is asked on each request. The application also needs `answer_errors`.

    Each route says who may call it; nobody without a role may call any.
    """
    # What a later route forgets to ask is asked here.
    known = [Depends(calling_viewer)]
    router = APIRouter(prefix="/api", dependencies=known, responses=problems(400, 401, 403, 413, 422, 503))
    router.include_router(audit_router(services), dependencies=[Depends(caller)])
    for part in (
        connections_router,
        account_router,
        segments_router,
        previews_router,
        suggestions_router,
        exports_router,
        runs_of_export_router,
        runs_router,
        home_router,
    ):
        router.include_router(part(services))

    @router.get("/openapi.json", summary="This description", response_model=None)
    def openapi(request: Request) -> dict[str, Any]:
        """All routes in the form of OpenAPI 3.1."""
        description: dict[str, Any] = request.app.openapi()
        description["components"]["schemas"].update(problem_schemas())
        return description

    return router
