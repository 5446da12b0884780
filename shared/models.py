"""The documents that people make: connections and exports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.snapshots.models import ReadOptions
from shared.time_zones import zone

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Sharing = Literal["administrators", "administrators_and_contributors"]
Recurrence = Literal["every_refresh", "daily", "weekly"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
ConnectionState = Literal["connected", "not_connected", "sign_in_again", "removal_begun"]
# Why a grant cannot be used any more: Constant Contact no longer takes it; it has no refresh token; Key Vault holds no
# tokens at all, or something else, or those of another account.
SignInProblem = Literal["refused", "no_refresh_token", "no_tokens", "not_tokens", "other_account"]


class Consent(BaseModel):
    """Who agreed to the transfer of personal data, when, and to which version of the text."""

    model_config = ConfigDict(frozen=True)

    version: str
    by: str
    by_id: str | None = None
    at: datetime


class ConstantContactAccount(BaseModel):
    """Which account a connection is signed in to; `id` stays the same for good (`encoded_account_id`)."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str


class Connection(BaseModel):
    """An authorised Constant Contact account. Its tokens are in Key Vault, in the secret `secret_name`.

    `account` is None until an administrator has signed in. `sign_in_again` says in words why somebody has to do so
    again, `sign_in_problem` as a code. `removal_begun_at` is there while it is being removed, and stays when that was
    cut short: then its tokens may be gone, until it is removed for good or somebody signs in again.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    display_name: Name
    sharing: Sharing = "administrators"
    consent: Consent | None = None
    export_user: str | None = None
    export_user_id: str | None = None
    secret_name: str
    account: ConstantContactAccount | None = None
    sign_in_again: str | None = None
    sign_in_problem: SignInProblem | None = None
    removal_begun_at: datetime | None = None
    signed_in_at: datetime | None = None
    created_at: datetime
    created_by: str
    created_by_id: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    updated_by_id: str | None = None

    @property
    def state(self) -> ConnectionState:
        """Whether exports can use it."""
        if self.being_removed:
            return "removal_begun"
        if self.sign_in_again is not None:
            return "sign_in_again"
        return "connected" if self.account is not None else "not_connected"

    @property
    def being_removed(self) -> bool:
        """Whether its removal has begun: no export may be given it any more."""
        return self.removal_begun_at is not None


def _in_order_of_the_week(days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    return tuple(day for day in WEEKDAYS if day in days)


def _known_zone(name: str) -> str:
    zone(name)
    return name


# On the five minutes: that is how often somebody looks whether a time has come.
_TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][05]$")]


class Schedule(BaseModel):
    """When an export starts by itself: with every refresh, or at times of its own. Off, it keeps the rest.

    `times` are local times of `time_zone`, up to four a day, on the five minutes; `days` are for a weekly schedule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    active: bool = True
    recurrence: Recurrence = "every_refresh"
    days: Annotated[tuple[Weekday, ...], Field(max_length=7), AfterValidator(_in_order_of_the_week)] = ()
    times: Annotated[
        tuple[_TimeOfDay, ...], Field(max_length=4), AfterValidator(lambda times: tuple(sorted(set(times))))
    ] = ()
    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_zone)] = "UTC"

    @model_validator(mode="after")
    def _has_what_its_recurrence_needs(self) -> Schedule:
        if bool(self.times) != (self.recurrence != "every_refresh"):
            raise ValueError("a daily or weekly schedule has one to four times, and one with every refresh has none")
        if bool(self.days) != (self.recurrence == "weekly"):
            raise ValueError("a weekly schedule has one day or more, and no other schedule has days")
        return self

    @property
    def with_refresh(self) -> bool:
        """Whether the refresh schedule and new snapshots start the export."""
        return self.active and self.recurrence == "every_refresh"

    @property
    def own(self) -> bool:
        """Whether it starts at times of its own."""
        return self.active and self.recurrence != "every_refresh"

    def as_text(self) -> str:
        """For the audit: `every_refresh`, `off`, `daily 06:00, 18:00 Europe/Rome`, `off: weekly monday 06:00 UTC`."""
        if self.recurrence == "every_refresh":
            return "every_refresh" if self.active else "off"
        when = " ".join((self.recurrence, ", ".join(self.days), ", ".join(self.times), self.time_zone))
        return ("" if self.active else "off: ") + " ".join(when.split())


class Export(BaseModel):
    """What goes where: segments of profiles, through a connection, to one list, column by column.

    Without a connection (it was detached) the export is kept but does not run. `list_name` is what the list was called
    when it was chosen. `schedule_set_at` is there once its schedule was changed.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: Name
    connection_id: str | None
    list_id: str
    list_name: str | None = None
    segments: tuple[str, ...]
    mapping: dict[str, str]
    reading: ReadOptions = ReadOptions()
    schedule: Schedule = Schedule()
    schedule_set_at: datetime | None = None
    created_at: datetime
    created_by: str
    created_by_id: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    updated_by_id: str | None = None

    @property
    def scheduled_since(self) -> datetime:
        """Since when its schedule is what it is: no time before that starts it."""
        return self.schedule_set_at or self.created_at
