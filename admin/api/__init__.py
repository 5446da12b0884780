"""The JSON API over connections, exports, runs and the audit log, for those who automate what the pages do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request

from admin.access import caller
from admin.api.audit import audit_router
from admin.api.connections import connections_router
from admin.api.errors import answer_errors, problems
from admin.api.exports import exports_router
from admin.api.runs import runs_router
from exporters.services import Services

__all__ = ["answer_errors", "api_router"]


def api_router(services: Callable[[], Services]) -> APIRouter:
    """Every route under `/api`; `services` is asked on each request. The application also needs `answer_errors`."""
    router = APIRouter(prefix="/api", dependencies=[Depends(caller)], responses=problems(400, 401, 403, 422, 503))
    for part in (
        connections_router(services),
        exports_router(services),
        runs_router(services),
        audit_router(services),
    ):
        router.include_router(part)

    @router.get("/openapi.json", summary="This description", response_model=None)
    def openapi(request: Request) -> dict[str, Any]:
        """All routes in the form of OpenAPI 3.1."""
        description: dict[str, Any] = request.app.openapi()
        return description

    return router
