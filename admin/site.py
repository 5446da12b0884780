"""The two applications of the site: the pages for people, the JSON API for programs.

Each keeps the settings in its `state`, for the dependencies of `admin.access`. `services` is asked on each request, so
that nothing is connected before it is needed; an error page needs none.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from admin import api as json_api
from admin import pages as html_pages
from admin.access import SameSite, SecurityHeaders
from admin.body_limit import BodyLimit
from admin.pages.errors import error_page
from admin.problems import Answer, answer_as_problem
from admin.unexpected import UnexpectedErrors
from exporters.services import Services
from shared.settings import Settings


def make_pages(services: Callable[[], Services], settings: Settings) -> FastAPI:
    """The pages. Their function is open to everybody: each route asks for a role, and forms work only from here."""
    pages = _application(settings)
    html_pages.answer_errors(pages)
    pages.include_router(html_pages.pages_router(services))
    _protect(pages, settings, error_page, from_pages_only=True)
    return pages


def make_api(services: Callable[[], Services], settings: Settings) -> FastAPI:
    """The API. Its function is opened by a function key, which no other site's page has; every route asks who calls."""
    api = _application(settings)
    json_api.answer_errors(api)
    api.include_router(json_api.api_router(services))
    _protect(api, settings, answer_as_problem, from_pages_only=False)
    return api


def _application(settings: Settings) -> FastAPI:
    application = FastAPI(
        title="Segment exports to Constant Contact",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # A redirect would lead to the host that the caller names.
        redirect_slashes=False,
        # Its own would tell the whole address, with the codes of sign-ins, and what exceptions say.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    application.state.settings = lambda: settings
    return application


def _protect(application: FastAPI, settings: Settings, answer: Answer, *, from_pages_only: bool) -> None:
    """What stands around the routes, the innermost first: a body is not read before it is known to come from here."""
    application.add_middleware(BodyLimit, answer=answer)
    if from_pages_only:
        application.add_middleware(SameSite, settings=settings, answer=answer)
    application.add_middleware(UnexpectedErrors, answer=answer)
    application.add_middleware(SecurityHeaders, settings=settings)
