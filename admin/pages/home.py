"""The first page: what needs a person, what is under way, how much was sent, and the first steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from babel.dates import format_date
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from admin.home import home as home_of
from admin.pages import run_words
from admin.pages.chart import chart_of
from admin.pages.languages import language_of
from admin.pages.parameters import Viewer
from admin.pages.rendering import render
from admin.pages.words import message
from exporters.services import Services
from shared.models import Connection, Export
from shared.people import Person

_MOST_LISTED = 10
# By Constant Contact's documentation, for one client id. The app itself stays below that (`API.a_day`).
_ALLOWED_A_DAY = 10_000


@dataclass(frozen=True)
class Step:
    """One of the first steps: done or not, and where it is done.

    Without an address it is somebody else's, or another one comes first.
    """

    done: bool
    text: str
    hint: str
    address: str | None


def home_router(services: Callable[[], Services]) -> APIRouter:
    """GET /."""
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse)
    def home(request: Request, person: Viewer) -> HTMLResponse:
        known = services()
        facts = home_of(known, person)
        spoken = language_of(request.headers, request.cookies)

        def day_name(day: date) -> str:
            return format_date(day, "d MMM", locale=spoken.locale)

        return render(
            request,
            "home.html",
            waiting=facts.to_sign_in,
            failed=facts.failed[:_MOST_LISTED],
            failed_count=len(facts.failed),
            running=facts.under_way[:_MOST_LISTED],
            running_count=len(facts.under_way),
            exports=facts.exports,
            calls_left=facts.calls_left,
            calls_a_day=facts.calls_a_day,
            calls_allowed=_ALLOWED_A_DAY,
            chart=chart_of(facts.by_day),
            day_name=day_name,
            steps=first_steps(person, facts.connections, facts.exports, has_run=facts.has_run),
            has_run=facts.has_run,
            most=_MOST_LISTED,
            run_words=run_words,
            now=known.now(),
        )

    return router


def first_steps(
    person: Person, connections: list[Connection], exports: Mapping[str, Export], *, has_run: bool
) -> tuple[Step, ...]:
    """The steps to the first contacts at Constant Contact; none once all of them are done."""
    steps = (
        Step(
            any(one.state == "connected" for one in connections),
            message("Connect an account"),
            message("An administrator signs in to Constant Contact once. Exports then use this connection."),
            "/connections/add" if person.may("Administrator") else None,
        ),
        Step(
            bool(exports),
            message("Make an export"),
            message(
                "Choose segments, a list, and the column that holds the e-mail address. Saving does not send anything."
            ),
            "/exports/add" if person.may("Contributor") else None,
        ),
        Step(
            has_run,
            message("Run it"),
            message("The first contacts arrive at Constant Contact, and you see what became of every profile."),
            "/exports" if person.may("Contributor") else None,
        ),
    )
    to_do = next((step for step in steps if not step.done), None)
    return tuple(step if step is to_do else replace(step, address=None) for step in steps) if to_do else ()
