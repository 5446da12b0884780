"""The pages of runs: all of them, those of one export, and one run, which is kept up to date while it is looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal

from babel.numbers import format_percent
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from admin import exports
from admin.export_rules import may_edit, may_know, may_run
from admin.pages import export_words, run_words
from admin.pages.forms import see_other
from admin.pages.languages import language_of
from admin.pages.parameters import Contributor, Viewer
from admin.pages.rejected import as_csv, rejected_page
from admin.pages.rendering import render
from admin.pages.run_facts import duration, facts_of, seconds_between, snapshots_of
from admin.pages.turning import Passed, ways
from exporters.files import RejectedRow, RunFiles
from exporters.history import RunSummary
from exporters.runs import Run
from exporters.services import Services
from shared.errors import Conflict, NotFound
from shared.models import Connection, Export
from shared.people import Person

_LISTED = 50
_BATCHES_SHOWN = 50
_HIGHEST_PAGE = 1_000_000

_After = Annotated[str | None, Query(max_length=64)]
_Page = Annotated[int, Query(ge=1, le=_HIGHEST_PAGE)]
Filter = Literal["", "running", "successful", "warnings", "failed", "canceled", "up_to_date"]


def runs_router(services: Callable[[], Services]) -> APIRouter:
    """GET /runs, GET /exports/{id}/runs; and of one run: the page, …/live, …/rejected.csv, POST …/cancel."""
    router = APIRouter()

    @router.get("/runs", response_class=HTMLResponse)
    def all_runs(
        request: Request, _: Viewer, status: Filter = "", after: _After = None, passed: Passed = None
    ) -> HTMLResponse:
        known = services()
        wanted = run_words.FILTERS[status][1] if status else None
        page = known.history.page(statuses=wanted, after=after, limit=_LISTED)
        shown = {"status": status, "after": after, "passed": passed}
        return _list(request, known, page.runs, page.next, path="/runs", shown=shown)

    @router.get("/exports/{export_id}/runs", response_class=HTMLResponse)
    def runs_of_export(
        request: Request, export_id: str, _: Viewer, after: _After = None, passed: Passed = None
    ) -> HTMLResponse:
        known = services()
        runs, following = known.runs.page(export_id, after=after, limit=_LISTED)
        try:
            export = known.exports.get(export_id)
        except NotFound:
            if not runs:
                raise
            export = None  # It was removed; its runs stay.
        of = {"name_of_export": export.name if export else runs[0].export_name, "export": export}
        path, shown = f"/exports/{export_id}/runs", {"status": "", "after": after, "passed": passed}
        return _list(request, known, runs, following, path=path, shown=shown, **of)

    @router.get("/exports/{export_id}/runs/{run_id}", response_class=HTMLResponse)
    def one_run(
        request: Request,
        export_id: str,
        run_id: str,
        person: Viewer,
        reason: Annotated[str, Query(max_length=40)] = "",
        page: _Page = 1,
        batches: _Page = 1,
        ask: Literal["", "cancel"] = "",
    ) -> HTMLResponse:
        known = services()
        run = known.runs.get(export_id, run_id)
        return _run_page(request, known, person, run, reason=reason, page=page, batch_page=batches, ask=ask)

    @router.get("/exports/{export_id}/runs/{run_id}/live", response_class=HTMLResponse)
    def live(request: Request, export_id: str, run_id: str, _: Viewer, batches: _Page = 1) -> Response:
        known = services()
        run = known.runs.get(export_id, run_id)
        shown = _live(request, known, run, batches)
        etag = _etag(request, shown)
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
        answer = render(request, "run_live.html", **shown)
        answer.headers["ETag"] = etag
        return answer

    @router.get("/exports/{export_id}/runs/{run_id}/rejected.csv", response_class=StreamingResponse)
    def rejected_rows(request: Request, export_id: str, run_id: str, _: Viewer) -> StreamingResponse:
        known = services()
        run = known.runs.get(export_id, run_id)
        spoken = language_of(request.headers, request.cookies)

        def reason(row: RejectedRow) -> str:
            return spoken.text(export_words.REASONS[row.code]) if row.code in export_words.REASONS else row.reason

        rows = RunFiles(known.files, run.run_id).rejected_rows()
        return StreamingResponse(
            as_csv(rows, tuple(spoken.text(name) for name in run_words.COLUMNS), reason),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="rejected-{run.run_id}.csv"'},
        )

    @router.post("/exports/{export_id}/runs/{run_id}/cancel", response_class=HTMLResponse)
    def cancel(request: Request, export_id: str, run_id: str, person: Contributor) -> Response:
        known = services()
        try:
            exports.cancel(known, person, export_id, run_id)
        except Conflict:
            run = known.runs.get(export_id, run_id)
            why = run_words.CANCELED_ALREADY if run.ended else run_words.CANCELED_TOO_LATE
            return _run_page(request, known, person, run, problem=why)
        return see_other(f"/exports/{export_id}/runs/{run_id}")

    return router


def _list(
    request: Request,
    services: Services,
    runs: Any,
    following: str | None,
    *,
    shown: dict[str, str | None],
    **values: Any,
) -> HTMLResponse:
    """A list of runs, the newest first; `following` is where the next older page begins."""
    now = services.now()

    def took(run: Run | RunSummary) -> str:
        return duration(seconds_between(run.started_at, run.ended_at or now))

    return render(
        request,
        "runs.html",
        runs=runs,
        shown=shown,
        ways=ways(shown["after"], shown["passed"], following),
        run_words=run_words,
        took=took,
        now=now,
        **({"export": None, "name_of_export": None} | values),
    )


def _run_page(
    request: Request,
    services: Services,
    person: Person,
    run: Run,
    *,
    reason: str = "",
    page: int = 1,
    batch_page: int = 1,
    ask: str = "",
    problem: str | None = None,
) -> HTMLResponse:
    export, connection = _export_of(services, run)
    shown = {"reason": reason, "page": page if page > 1 else None, "batches": batch_page if batch_page > 1 else None}
    return render(
        request,
        "run.html",
        status=HTTPStatus.CONFLICT if problem else HTTPStatus.OK,
        **_live(request, services, run, batch_page),
        **_rejected(services, run, reason, page),
        export=export,
        may_cancel=_can_be_canceled(run) and export is not None and may_edit(person, export, connection),
        may_run=run.ended and export is not None and may_run(person, export, connection),
        sees_connection=person.may("Administrator") or (connection is not None and may_know(person, connection)),
        snapshots=snapshots_of(run, RunFiles(services.files, run.run_id).plan()),
        path_of_run=f"/exports/{run.export_id}/runs/{run.run_id}",
        shown=shown,
        ask=ask,
        problem=problem,
    )


def _can_be_canceled(run: Run) -> bool:
    """Whether more of it may be sent."""
    return not (run.ended or run.stop or run.status == "finishing")


def _export_of(services: Services, run: Run) -> tuple[Export | None, Connection | None]:
    """The export of a run and the connection it has now; None for what has been removed."""
    try:
        export = services.exports.get(run.export_id)
    except NotFound:
        return None, None
    try:
        return export, services.connections.get(export.connection_id or "")
    except NotFound:
        return export, None


def _live(request: Request, services: Services, run: Run, batch_page: int) -> dict[str, Any]:
    """What changes while a run is under way."""
    batches = [stored.value for stored in services.runs.batches(run.run_id)]
    pages = max(1, -(-len(batches) // _BATCHES_SHOWN))
    shown = min(batch_page, pages)
    now = services.now()
    until = run.waiting_until if run.waiting else None
    if run.status == "finishing" and run.next_look_at and (until is None or until <= now):
        until = run.next_look_at
    spoken = language_of(request.headers, request.cookies)

    def percent(part: float) -> str:
        return format_percent(part / 100, "#,##0.#%", locale=spoken.locale)

    return {
        "run": run,
        "facts": facts_of(run, batches),
        "batches": batches[(shown - 1) * _BATCHES_SHOWN : shown * _BATCHES_SHOWN],
        "batch_count": len(batches),
        "batch_page": shown,
        "batch_pages": pages,
        "waits_until": until if until is not None and until > now and not run.ended else None,
        "elapsed": duration(seconds_between(run.started_at or run.created_at, run.ended_at or now)),
        "seconds_between": seconds_between,
        "duration": duration,
        "percent": percent,
        "run_words": run_words,
        "live_address": f"/exports/{run.export_id}/runs/{run.run_id}/live" + (f"?batches={shown}" if shown > 1 else ""),
        "now": now,
    }


def _etag(request: Request, shown: dict[str, Any]) -> str:
    """Changes with what is shown of a run, but not with the time: clocks go on in the browser by themselves."""
    facts = (shown["run"], shown["batches"], shown["batch_count"], shown["waits_until"])
    spoken = language_of(request.headers, request.cookies).code
    return f'"{hashlib.sha256(repr((spoken, facts)).encode()).hexdigest()[:32]}"'


def _rejected(services: Services, run: Run, reason: str, page: int) -> dict[str, Any]:
    """The rejected rows, once they are written: nothing while the run is being prepared, or has none."""
    if run.to_be_prepared or not run.counts.rejected:
        return {"rejected": None}
    return {
        "rejected": rejected_page(RunFiles(services.files, run.run_id), run.counts, reason=reason, page=page),
        "export_words": export_words,
    }
