"""The ASGI application: a small JSON API over connections, exports and runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.exceptions import HTTPException

from admin.body_limit import BodyLimit
from admin.problems import MEDIA_TYPE, Problem, problem, problem_of
from admin.records import RunRecord, run_record
from admin.unexpected import UnexpectedErrors
from exporters.constant_contact.errors import without_addresses
from exporters.contacts import Mapping
from exporters.files import RunFiles
from exporters.services import Services
from shared.documents import new_id
from shared.errors import ExportError, Invalid, NotFound
from shared.models import Connection, Consent, Export, Name, Schedule, Sharing
from shared.snapshots import ReadOptions

# Raised whenever the text that people agree to changes in meaning.
CONSENT_VERSION = "1"
# Until people sign in, all that is known of a caller is that they hold a function key.
_CALLER = "function key"
_MOST_REJECTED_ROWS = 10_000
# More rows than a run can have, and few enough to count to.
_FURTHEST_ROW = 1_000_000_000
_MOST_PROBLEMS = 10
_LIST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _list_id(given: str) -> str:
    found = _LIST_ID.search(given)
    if not found:
        raise ValueError("is neither the id of a Constant Contact list nor the web address of one")
    return found[0].lower()


def _mapping(given: dict[str, str]) -> dict[str, str]:
    try:
        return Mapping(fields=given).fields
    except ValidationError as error:
        raise ValueError("; ".join(_message(problem) for problem in error.errors(include_url=False))) from None


def _all_different(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("names a segment twice")
    return given


SegmentName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class NewConnection(BaseModel):
    """A connection to be made. Its tokens go into the Key Vault secret that the answer names."""

    model_config = ConfigDict(extra="forbid")

    display_name: Name
    sharing: Sharing = "administrators"
    consent: bool = Field(default=False, description="the caller agrees to data privacy and compliance")
    export_user: str | None = Field(default=None, max_length=200)


class NewExport(BaseModel):
    """An export to be made. `mapping` is import column → snapshot column; `email` is required."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    connection_id: Annotated[str, StringConstraints(max_length=64)]
    list_id: Annotated[str, StringConstraints(max_length=500), AfterValidator(_list_id)]
    segments: Annotated[
        tuple[SegmentName, ...], Field(min_length=1, max_length=100, fail_fast=True), AfterValidator(_all_different)
    ]
    mapping: Annotated[dict[str, str], AfterValidator(_mapping)]
    reading: ReadOptions = ReadOptions()
    schedule: Schedule = "every_refresh"


class ConnectionPage(BaseModel):
    """All connections."""

    connections: list[Connection]


class ExportPage(BaseModel):
    """All exports."""

    exports: list[Export]


class RunPage(BaseModel):
    """The last runs of an export, the newest first."""

    runs: list[RunRecord]


class RejectedRowRecord(BaseModel):
    """A profile that is not a contact, with its place and the reason."""

    segment: str
    partition: str
    line: int | None
    code: str
    reason: str


class RejectedRowPage(BaseModel):
    """Some rejected rows of a run; `next` is the offset of those that follow, if any do."""

    rejected_rows: list[RejectedRowRecord]
    next: int | None


def make_site(services: Callable[[], Services]) -> FastAPI:
    """The application; `services` is asked on each request, so that nothing is connected before it is needed."""
    site = FastAPI(
        title="Segment exports to Constant Contact",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # A redirect would lead to the host that the caller names.
        redirect_slashes=False,
    )
    _answer_errors(site)
    site.add_middleware(BodyLimit)
    site.add_middleware(UnexpectedErrors)

    @site.post("/api/connections", status_code=HTTPStatus.CREATED)
    def add_connection(new: NewConnection) -> Connection:
        known, connection_id = services(), new_id()
        now = known.now()
        connection = Connection(
            id=connection_id,
            display_name=new.display_name,
            sharing=new.sharing,
            consent=Consent(version=CONSENT_VERSION, by=_CALLER, at=now) if new.consent else None,
            export_user=new.export_user,
            secret_name=f"connection-{connection_id}",
            created_at=now,
            created_by=_CALLER,
        )
        known.connections.add(connection)
        return connection

    @site.get("/api/connections")
    def list_connections() -> ConnectionPage:
        return ConnectionPage(connections=services().connections.all())

    @site.get("/api/connections/{connection_id}")
    def read_connection(connection_id: str) -> Connection:
        return services().connections.get(connection_id)

    @site.post("/api/exports", status_code=HTTPStatus.CREATED)
    def add_export(new: NewExport) -> Export:
        known = services()
        try:
            known.connections.get(new.connection_id)
        except NotFound as error:
            raise Invalid(f"The export cannot be made: {error}") from None
        export = Export(id=new_id(), created_at=known.now(), created_by=_CALLER, **dict(new))
        known.exports.add(export)
        return export

    @site.get("/api/exports")
    def list_exports() -> ExportPage:
        return ExportPage(exports=services().exports.all())

    @site.get("/api/exports/{export_id}")
    def read_export(export_id: str) -> Export:
        return services().exports.get(export_id)

    @site.get("/api/exports/{export_id}/runs")
    def list_runs(export_id: str, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> RunPage:
        known = services()
        known.exports.get(export_id)
        return RunPage(runs=[run_record(known, run) for run in known.runs.newest(export_id, limit)])

    @site.get("/api/exports/{export_id}/runs/{run_id}/rejected-rows")
    def list_rejected_rows(
        export_id: str,
        run_id: str,
        offset: Annotated[int, Query(ge=0, le=_FURTHEST_ROW)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_REJECTED_ROWS)] = _MOST_REJECTED_ROWS,
    ) -> RejectedRowPage:
        known = services()
        run = known.runs.get(export_id, run_id)
        rows = RunFiles(known.files, run.run_id).rejected_rows()
        page = list(islice(rows, offset, offset + limit + 1))
        return RejectedRowPage(
            rejected_rows=[RejectedRowRecord(**asdict(row)) for row in page[:limit]],
            next=offset + limit if len(page) > limit else None,
        )

    return site


def _answer_errors(site: FastAPI) -> None:
    @site.exception_handler(ExportError)
    def export_error(_: Request, error: ExportError) -> JSONResponse:
        return _answer(problem_of(error))

    @site.exception_handler(HTTPException)
    def http_error(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        detail = "There is nothing at this address." if status == HTTPStatus.NOT_FOUND else str(error.detail)
        return _answer(problem(status, detail))

    @site.exception_handler(RequestValidationError)
    def wrong_input(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = error.errors()
        if any(one["type"] == "json_invalid" for one in problems):
            return _answer(problem(HTTPStatus.BAD_REQUEST, "The body of the request is not JSON."))
        said = [without_addresses(_message(one)) for one in problems[:_MOST_PROBLEMS]]
        more = [f"and {len(problems) - _MOST_PROBLEMS} more"] if len(problems) > _MOST_PROBLEMS else []
        return _answer(problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(said + more)))


def _message(problem: Any) -> str:
    """One problem of the input: where and what, never the value."""
    where = ".".join(str(part) for part in problem["loc"] if part not in ("body", "query", "fields"))
    what = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _answer(problem: Problem) -> JSONResponse:
    return JSONResponse(problem.model_dump(), status_code=problem.status, media_type=MEDIA_TYPE)
