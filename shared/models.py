"""The documents that people make: connections and exports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from shared.snapshots.models import ReadOptions

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Sharing = Literal["administrators", "administrators_and_contributors"]
Schedule = Literal["every_refresh", "off"]


class Consent(BaseModel):
    """Who agreed to the transfer of personal data, when, and to which version of the text."""

    model_config = ConfigDict(frozen=True)

    version: str
    by: str
    at: datetime


class Connection(BaseModel):
    """An authorised Constant Contact account. Its tokens are in Key Vault, in the secret `secret_name`."""

    model_config = ConfigDict(frozen=True)

    id: str
    display_name: Name
    sharing: Sharing = "administrators"
    consent: Consent | None = None
    export_user: str | None = None
    secret_name: str
    created_at: datetime
    created_by: str


class Export(BaseModel):
    """What goes where: segments of profiles, through a connection, to one list, column by column."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: Name
    connection_id: str
    list_id: str
    segments: tuple[str, ...]
    mapping: dict[str, str]
    reading: ReadOptions = ReadOptions()
    schedule: Schedule = "every_refresh"
    created_at: datetime
    created_by: str
