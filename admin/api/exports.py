"""Exports as JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from admin.access import caller
from admin.api.errors import message_of, problems
from admin.changes import record
from exporters.contacts import Mapping
from exporters.services import Services
from shared.documents import new_id
from shared.errors import Invalid, NotFound
from shared.models import Export, Name, Schedule
from shared.people import Person
from shared.snapshots import ReadOptions

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
        raise ValueError("; ".join(message_of(one) for one in error.errors(include_url=False))) from None


def _all_different(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("names a segment twice")
    return given


SegmentName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


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


class ExportPage(BaseModel):
    """All exports, by name."""

    exports: list[Export]


def exports_router(services: Callable[[], Services]) -> APIRouter:
    """`/exports`."""
    router = APIRouter(prefix="/exports", tags=["exports"])

    @router.get("", summary="List the exports")
    def list_exports() -> ExportPage:
        """Every export. One whose `connection_id` is null was detached, and does not run."""
        return ExportPage(exports=services().exports.all())

    @router.post("", status_code=HTTPStatus.CREATED, summary="Make an export")
    def add_export(new: NewExport, person: Annotated[Person, Depends(caller)], response: Response) -> Export:
        """This starts no run: the next refresh does, or `POST …/runs`."""
        known = services()
        try:
            connection = known.connections.get(new.connection_id)
        except NotFound as error:
            raise Invalid(f"The export cannot be made: {error}") from None
        export = Export(id=new_id(), created_at=known.now(), created_by=person.name, **dict(new))
        known.exports.add(export)
        record(known, person, "added", None, export, connections={connection.id: connection.display_name})
        response.headers["Location"] = f"/api/exports/{export.id}"
        return export

    @router.get("/{export_id}", summary="Read an export", responses=problems(404))
    def read_export(export_id: str) -> Export:
        """One export."""
        return services().exports.get(export_id)

    return router
