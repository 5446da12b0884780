"""The pages: what administrators and contributors see in a browser. They work without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends

from admin.pages.adding import adding_router
from admin.pages.audit import audit_router
from admin.pages.connections import connections_router
from admin.pages.errors import answer_errors
from admin.pages.export_panel import export_panel_router
from admin.pages.export_schedule import export_schedule_router
from admin.pages.exports import exports_router
from admin.pages.forms import readable_form
from admin.pages.help import help_router
from admin.pages.home import home_router
from admin.pages.language_choice import language_router
from admin.pages.removing import removing_router
from admin.pages.runs import runs_router
from admin.pages.static_files import static_router
from exporters.services import Services

__all__ = ["answer_errors", "pages_router"]


def pages_router(services: Callable[[], Services]) -> APIRouter:
    """Every page; `services` is asked on each request. The application also needs `answer_errors`."""
    router = APIRouter(dependencies=[Depends(readable_form)])
    # Adding comes before the page of one connection: `/connections/add` is no connection's id.
    for part in (
        static_router(),
        language_router(services),
        help_router(),
        home_router(services),
        runs_router(services),
        adding_router(services),
        connections_router(services),
        removing_router(services),
        # The list with `/exports/run-all` comes before the page of one export.
        exports_router(services),
        export_panel_router(services),
        export_schedule_router(services),
        audit_router(services),
    ):
        router.include_router(part)
    return router
