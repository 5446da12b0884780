"""The help page: what the words of the site mean, and what happens when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from admin.access import viewer
from admin.pages.rendering import render
from shared.people import Person


def help_router() -> APIRouter:
    """GET /help: for everybody with a role."""
    router = APIRouter()

    @router.get("/help", response_class=HTMLResponse)
    def help_page(request: Request, _: Annotated[Person, Depends(viewer)]) -> HTMLResponse:
        return render(request, "help.html")

    return router
