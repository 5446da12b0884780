"""The panel in which it is said when an export runs by itself; it is saved apart from the export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from admin import exports
from admin.export_list import ListedExport
from admin.pages.export_words import CHANGED_MEANWHILE, RECURRENCES, day_names, start_in_words
from admin.pages.exports import listing, may_edit
from admin.pages.forms import see_other
from admin.pages.languages import language_of
from admin.pages.notices import telling
from admin.pages.parameters import Contributor, Text
from admin.pages.rendering import render
from admin.pages.words import message
from exporters.schedules import next_start
from exporters.services import Services
from shared.errors import Changed
from shared.models import WEEKDAYS, Schedule
from shared.people import Person
from shared.time_zones import zone_names

MOST_TIMES = 4
_USUAL_TIME = "06:00"

_SAVED = message("The schedule of “%(name)s” was saved.")
_NO_TIME = message("Give at least one time.")
_ODD_TIME = message("Give each time on the five minutes, such as 06:00 or 18:25.")
_NO_DAY = message("Choose at least one day.")
_NO_ZONE = message("Choose one of the time zones, such as Europe/Rome.")
_NO_RECURRENCE = message("Choose how often it runs.")


@dataclass(frozen=True)
class ScheduleForm:
    """A schedule as it was chosen; nothing is checked yet. `times` may hold empty ones, which count for nothing."""

    active: bool
    recurrence: str
    days: tuple[str, ...]
    times: tuple[str, ...]
    time_zone: str
    etag: str = ""

    @classmethod
    def of(cls, schedule: Schedule, etag: str) -> ScheduleForm:
        """The schedule as it is kept, with a time to begin with where it has none."""
        return cls(
            schedule.active,
            schedule.recurrence,
            schedule.days,
            schedule.times or (_USUAL_TIME,),
            schedule.time_zone,
            etag,
        )

    @property
    def schedule(self) -> Schedule | None:
        """What was chosen, or None while something is wrong with it."""
        own = self.recurrence != "every_refresh"
        try:
            return Schedule.model_validate(
                {
                    "active": self.active,
                    "recurrence": self.recurrence,
                    "days": self.days if self.recurrence == "weekly" else (),
                    "times": tuple(filter(None, self.times)) if own else (),
                    "time_zone": self.time_zone if own else "UTC",
                }
            )
        except ValidationError:
            return None

    def problems(self) -> dict[str, str]:
        """What is wrong, by field, in the order of the fields."""
        if self.schedule:
            return {}
        if self.recurrence not in RECURRENCES:
            return {"recurrence": _NO_RECURRENCE}
        found = {}
        if self.recurrence == "weekly" and not set(self.days) & set(WEEKDAYS):
            found["days"] = _NO_DAY
        if not any(self.times):
            found["times"] = _NO_TIME
        if self.time_zone not in zone_names():
            found["time_zone"] = _NO_ZONE
        return found or {"times": _ODD_TIME}


def _schedule_form(
    active: Text = "",
    recurrence: Text = "",
    days: Annotated[list[str], Form()] = [],  # noqa: B006 (FastAPI copies it)
    times: Annotated[list[str], Form()] = [],  # noqa: B006
    time_zone: Text = "",
    etag: Text = "",
) -> ScheduleForm:
    # Some browsers send seconds with a time.
    short = tuple(one.strip()[:5] for one in times[:MOST_TIMES])
    return ScheduleForm(active == "yes", recurrence, tuple(days), short or ("",), time_zone.strip(), etag)


PostedSchedule = Annotated[ScheduleForm, Depends(_schedule_form)]


def export_schedule_router(services: Callable[[], Services]) -> APIRouter:
    """GET and POST /exports/{id}/schedule."""
    router = APIRouter()

    def panel(
        request: Request,
        person: Person,
        known: ListedExport,
        typed: ScheduleForm,
        problems: dict[str, str],
        reached: str = "",
    ) -> HTMLResponse:
        its = services()
        spoken = language_of(request.headers, request.cookies)
        schedule = typed.schedule
        following = next_start(schedule, its.now()) if schedule else None
        statuses = {True: HTTPStatus.CONFLICT, False: HTTPStatus.UNPROCESSABLE_ENTITY}
        return render(
            request,
            "export_schedule.html",
            status=statuses["etag" in problems] if problems else HTTPStatus.OK,
            **listing(its, person, request=request, chosen=known),
            known=known,
            typed=typed,
            problems=problems,
            reached=reached,
            most_times=MOST_TIMES,
            days=day_names(spoken),
            zones=zone_names(),
            following=following,
            starts=start_in_words(following, schedule.time_zone, spoken) if schedule and following else "",
            never_set=known.schedule.recurrence == "every_refresh",
        )

    @router.get("/exports/{export_id}/schedule", response_class=HTMLResponse)
    def show(request: Request, export_id: str, person: Contributor) -> HTMLResponse:
        known = may_edit(services(), person, export_id)
        return panel(request, person, known, ScheduleForm.of(known.schedule, known.etag or ""), {})

    @router.post("/exports/{export_id}/schedule", response_class=HTMLResponse)
    def act(
        request: Request, export_id: str, person: Contributor, typed: PostedSchedule, do: Text = "update"
    ) -> Response:
        its = services()
        known = may_edit(its, person, export_id)
        if do != "save":
            changed, reached = press(typed, do)
            return panel(request, person, known, changed, {}, reached)
        problems = typed.problems()
        schedule = typed.schedule
        if schedule is None:
            return panel(request, person, known, typed, problems)
        try:
            exports.set_schedule(its, person, export_id, schedule, etag=typed.etag or None)
        except Changed:
            known = may_edit(its, person, export_id)
            kept = replace(typed, etag=known.etag or "")
            return panel(request, person, known, kept, {"etag": CHANGED_MEANWHILE})
        answer = see_other(f"/exports?selected={export_id}")
        return telling(request, answer, _SAVED, name=known.export.name)

    return router


def press(typed: ScheduleForm, do: str) -> tuple[ScheduleForm, str]:
    """What a button that saves nothing does, and the id of what it leads to."""
    if do == "add-time" and len(typed.times) < MOST_TIMES:
        return replace(typed, times=(*typed.times, "")), f"time-{len(typed.times)}"
    if do.startswith("remove-time:"):
        gone = do.removeprefix("remove-time:")
        left = tuple(one for at, one in enumerate(typed.times) if str(at) != gone)
        return replace(typed, times=left or ("",)), "add-time"
    return typed, ""
