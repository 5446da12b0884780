"""The documents that people make: connections and exports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from shared.snapshots.models import ReadOptions

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Sharing = Literal["administrators", "administrators_and_contributors"]
Schedule = Literal["every_refresh", "off"]
ConnectionState = Literal["connected", "not_connected", "sign_in_again"]


class Consent(BaseModel):
    """Who agreed to the transfer of personal data, when, and to which version of the text."""

    model_config = ConfigDict(frozen=True)

    version: str
    by: str
    at: datetime


class ConstantContactAccount(BaseModel):
    """Which account a connection is signed in to; `id` stays the same for good (`encoded_account_id`)."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str


class Connection(BaseModel):
    """An authorised Constant Contact account. Its tokens are in Key Vault, in the secret `secret_name`.

    `account` is None until an administrator has signed in. `sign_in_again` says why somebody has to do so again.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    display_name: Name
    sharing: Sharing = "administrators"
    consent: Consent | None = None
    export_user: str | None = None
    secret_name: str
    account: ConstantContactAccount | None = None
    sign_in_again: str | None = None
    signed_in_at: datetime | None = None
    created_at: datetime
    created_by: str
    updated_at: datetime | None = None
    updated_by: str | None = None

    @property
    def state(self) -> ConnectionState:
        """Whether exports can use it."""
        if self.sign_in_again is not None:
            return "sign_in_again"
        return "connected" if self.account is not None else "not_connected"


class Export(BaseModel):
    """What goes where: segments of profiles, through a connection, to one list, column by column.

    Without a connection (it was detached) the export is kept but does not run.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: Name
    connection_id: str | None
    list_id: str
    segments: tuple[str, ...]
    mapping: dict[str, str]
    reading: ReadOptions = ReadOptions()
    schedule: Schedule = "every_refresh"
    created_at: datetime
    created_by: str
    updated_at: datetime | None = None
    updated_by: str | None = None
