"""The help page: what the words of the site mean, and what happens when."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from admin.pages import error_words, export_words, help_words, run_words
from admin.pages.parameters import Viewer
from admin.pages.rendering import render
from admin.problems import ABOUT

_STATUSES = {code: [status.value for status, about in ABOUT.items() if about == code] for code in error_words.ERRORS}
# No page answers with these: they are about versions and fields as programs send them.
_ONLY_PROGRAMS = ("changed", "no_version", "invalid")


def help_router() -> APIRouter:
    """GET /help: for everybody with a role."""
    router = APIRouter()

    @router.get("/help", response_class=HTMLResponse)
    def help_page(request: Request, _: Viewer) -> HTMLResponse:
        return render(
            request,
            "help.html",
            run_words=run_words,
            help_words=help_words,
            error_words=error_words,
            export_words=export_words,
            statuses=_STATUSES,
            only_programs=_ONLY_PROGRAMS,
        )

    return router
