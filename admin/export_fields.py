"""What people give of an export, checked: by form or as JSON, for a new one or as a change."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from exporters.contacts import Mapping
from shared.models import Name, Schedule
from shared.snapshots import ReadOptions

_LIST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOST_COLUMNS = 100


def list_id_in(given: str) -> str:
    """The id of a list, given as such or within the web address of its page; raises ValueError."""
    found = _LIST_ID.search(given)
    if not found:
        raise ValueError("is neither the id of a Constant Contact list nor the web address of one")
    return found[0].lower()


def _mapping(given: dict[str, str]) -> dict[str, str]:
    try:
        return Mapping(fields=given).fields
    except ValidationError as error:
        said = [str(one["msg"]).removeprefix("Value error, ") for one in error.errors(include_url=False)]
        raise ValueError("; ".join(dict.fromkeys(said))) from None


def _all_different(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("names a segment twice")
    return given


SegmentName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
Segments = Annotated[
    tuple[SegmentName, ...], Field(min_length=1, max_length=100, fail_fast=True), AfterValidator(_all_different)
]
ConnectionId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ListId = Annotated[
    str,
    StringConstraints(max_length=500),
    AfterValidator(list_id_in),
    Field(description="the id of a list, or the web address of its page"),
]
ListName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    Field(description="what the list is called, for people"),
]
Columns = Annotated[
    dict[str, str],
    Field(max_length=_MOST_COLUMNS, description="import column → snapshot column; `email` is required"),
    AfterValidator(_mapping),
]


class NewExport(BaseModel):
    """An export to be made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    connection_id: ConnectionId
    list_id: ListId
    list_name: ListName | None = None
    segments: Segments
    mapping: Columns
    reading: ReadOptions = ReadOptions()
    schedule: Schedule = Schedule()


class ExportChange(BaseModel):
    """What to change of an export; what is left out, or null, stays. The schedule is set apart from the rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name | None = None
    connection_id: ConnectionId | None = None
    list_id: ListId | None = None
    list_name: ListName | None = None
    segments: Segments | None = None
    mapping: Columns | None = None
    reading: ReadOptions | None = None

    def given(self) -> dict[str, Any]:
        """The fields to change, by name."""
        return {name: value for name, value in self if value is not None}
