"""What an export can be made from, as JSON: an account's lists and fields, segments, a suggested mapping, a preview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from admin import exports
from admin.api.callers import Contributor
from admin.api.errors import problems
from admin.api.paging import After, Limit, page_of
from admin.export_fields import Columns, ConnectionId, Segments
from exporters import account_data, matching, preview, segments
from exporters.account_data import ListChoice
from exporters.segments import SegmentFacts, SegmentWarning
from exporters.services import Services
from shared.models import Connection
from shared.people import Person
from shared.snapshots import ReadOptions

Fresh = Annotated[bool, Query(description="ask Constant Contact again instead of remembering for a minute")]


class ListRecord(BaseModel):
    """A list of the account."""

    id: str
    name: str
    members: int | None = Field(description="null where Constant Contact does not say")


class ListPage(BaseModel):
    """Some lists, by name, as they were at `read_at`; `next` is the `after` of the page that follows."""

    lists: list[ListRecord]
    read_at: datetime
    next: str | None


class NewList(BaseModel):
    """A list to be made in the account."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class CustomFieldRecord(BaseModel):
    """A field of the account's own; in a mapping it is called `cf:<name>`."""

    name: str
    label: str
    type: str


class CustomFields(BaseModel):
    """The account's custom fields, by label."""

    custom_fields: list[CustomFieldRecord]
    next: str | None


class SegmentRecord(BaseModel):
    """A segment and its newest complete snapshot; an export names it by `name`."""

    name: str = Field(description="what an export calls it")
    path: str
    taken_at: datetime | None
    profiles: int | None = Field(description="unless `exact`, an estimate; null where nothing is known")
    exact: bool
    size_bytes: int
    columns: tuple[str, ...] | None
    warnings: tuple[SegmentWarning, ...]
    problem: str | None


class SegmentPage(BaseModel):
    """Some segments, by name; `next` is the `after` of the page that follows, null on the last."""

    segments: list[SegmentRecord]
    next: str | None


class _Look(BaseModel):
    """Segments to look at, for an account or for none."""

    model_config = ConfigDict(extra="forbid")

    segments: Segments
    reading: ReadOptions = ReadOptions()
    connection_id: ConnectionId | None = None

    def connection_for(self, known: Services, person: Person) -> Connection | None:
        """The account, as far as this person may choose it; NotFound otherwise."""
        return exports.connection_for(known, person, self.connection_id) if self.connection_id else None


class PreviewRequest(_Look):
    """What to look at. Without a connection the calls that are left today are not told."""

    mapping: Columns


class ReasonRecord(BaseModel):
    """How many profiles cannot be contacts for one reason."""

    code: str
    sentence: str
    count: int


class PreviewRecord(BaseModel):
    """What would happen to the profiles: `read` = `to_send` + `duplicates` + `rejected`."""

    columns: tuple[str, ...]
    contacts: list[dict[str, str]] = Field(description="the first ones, as they would be sent")
    read: int
    to_send: int
    duplicates: int
    rejected: int
    shortened: int
    left_out: int
    reasons: list[ReasonRecord]
    counted_all: bool = Field(description="false: only the first `read` profiles were looked at")
    profiles_expected: int | None
    batches: int
    calls: int = Field(description="to Constant Contact, about")
    calls_left_today: int | None
    warnings: tuple[str, ...]
    problem: str | None = Field(description="why the export cannot run as it stands")


class SuggestionRequest(_Look):
    """What is to be matched. With a connection, to the custom fields of its account too."""


class SuggestionRecord(BaseModel):
    """A mapping for a person to check, from the names of the columns and what their first rows hold."""

    columns: tuple[str, ...] = Field(description="those that all of the segments have")
    mapping: dict[str, str] = Field(description="import column → the column that is likely meant for it")
    problem: str | None = Field(description="why there are no columns")


def account_router(services: Callable[[], Services]) -> APIRouter:
    """`/connections/{connection_id}/lists` and `…/custom-fields`: for whoever may use the connection."""
    router = APIRouter(prefix="/connections/{connection_id}", tags=["connections"], responses=problems(404, 409, 502))

    @router.get("/lists", summary="List the lists of an account")
    def list_lists(
        connection_id: str, person: Contributor, fresh: Fresh = False, limit: Limit = 50, after: After = None
    ) -> ListPage:
        """By name, each with the number of its members."""
        known = services()
        found = account_data.lists(known, exports.connection_for(known, person, connection_id), fresh=fresh)
        page, following = page_of(found.lists, _by_name, after=after, limit=limit)
        return ListPage(lists=[_list(one) for one in page], read_at=found.read_at, next=following)

    @router.post("/lists", status_code=HTTPStatus.CREATED, summary="Make a list")
    def create_list(connection_id: str, new: NewList, person: Contributor) -> ListRecord:
        """In the account. Where there is one of this name, the answer is 409."""
        known = services()
        return _list(account_data.create_list(known, exports.connection_for(known, person, connection_id), new.name))

    @router.get("/custom-fields", summary="List the custom fields of an account")
    def list_custom_fields(
        connection_id: str, person: Contributor, fresh: Fresh = False, limit: Limit = 50, after: After = None
    ) -> CustomFields:
        """By label."""
        known = services()
        found = account_data.custom_fields(known, exports.connection_for(known, person, connection_id), fresh=fresh)
        page, following = page_of(found, lambda one: (one.label.casefold(), one.name), after=after, limit=limit)
        return CustomFields(custom_fields=[CustomFieldRecord(**asdict(one)) for one in page], next=following)

    return router


def segments_router(services: Callable[[], Services]) -> APIRouter:
    """`/segments`."""
    router = APIRouter(prefix="/segments", tags=["segments"])

    @router.get("", summary="List the segments")
    def list_segments(_: Contributor, limit: Limit = 50, after: After = None) -> SegmentPage:
        """By name, each with the age and size of its newest snapshot and what is wrong with it."""
        found = segments.segment_facts(services())
        page, following = page_of(found, lambda one: (one.name.casefold(), one.path), after=after, limit=limit)
        return SegmentPage(segments=[_segment(one) for one in page], next=following)

    return router


def previews_router(services: Callable[[], Services]) -> APIRouter:
    """`/previews`."""
    router = APIRouter(prefix="/previews", tags=["exports"])

    @router.post("", summary="Preview an export", responses=problems(404, 502))
    def make_preview(wanted: PreviewRequest, person: Contributor) -> PreviewRecord:
        """Reads the segments as a run would, for some seconds at most, and sends nothing."""
        known = services()
        connection = wanted.connection_for(known, person)
        found = preview.preview(
            known, segments=wanted.segments, mapping=wanted.mapping, reading=wanted.reading, connection=connection
        )
        return PreviewRecord.model_validate(found, from_attributes=True)

    return router


def suggestions_router(services: Callable[[], Services]) -> APIRouter:
    """`/suggestions`."""
    router = APIRouter(prefix="/suggestions", tags=["exports"])

    @router.post("", summary="Suggest a mapping", responses=problems(404, 409, 502))
    def suggest_mapping(wanted: SuggestionRequest, person: Contributor) -> SuggestionRecord:
        """The `mapping` for an export of these segments: look it over before it is used."""
        known = services()
        connection = wanted.connection_for(known, person)
        seen = segments.sample(known, wanted.segments, wanted.reading)
        custom = account_data.custom_fields(known, connection) if connection else ()
        mapping = matching.suggest(seen.columns, seen.rows, custom)
        return SuggestionRecord(columns=seen.columns, mapping=mapping, problem=seen.problem)

    return router


def _by_name(one: ListChoice) -> tuple[str, str]:
    return one.name.casefold(), one.id


def _list(one: ListChoice) -> ListRecord:
    return ListRecord(**asdict(one))


def _segment(one: SegmentFacts) -> SegmentRecord:
    facts = {name: value for name, value in asdict(one).items() if name in SegmentRecord.model_fields}
    return SegmentRecord(**facts | {"name": one.chosen_as})
