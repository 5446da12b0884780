"""What the JSON API tells of connections, exports and runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from admin.export_list import ListedExport
from exporters.history import RunSummary
from exporters.problem_codes import ProblemCode
from exporters.runs import BatchState, Counts, Run, Status, Trigger
from exporters.services import Services
from shared.models import (
    Connection,
    ConnectionState,
    Consent,
    ConstantContactAccount,
    Export,
    Name,
    Schedule,
    Sharing,
    SignInProblem,
)
from shared.snapshots import ReadOptions

ConnectionType = Literal["constant_contact"]


class ConnectionRecord(BaseModel):
    """An authorised Constant Contact account, without its tokens: they are in the Key Vault secret `secret_name`."""

    id: str
    display_name: Name
    type: ConnectionType = "constant_contact"
    sharing: Sharing
    state: ConnectionState
    sign_in_again: str | None = Field(description="why somebody has to sign in again")
    sign_in_problem: SignInProblem | None = Field(description="the same as a code")
    removal_begun_at: datetime | None = Field(description="when its removal was begun, as long as it is not finished")
    account: ConstantContactAccount | None = Field(description="where it is signed in, once it is")
    signed_in_at: datetime | None
    consent: Consent | None
    export_user: str | None = Field(description="who answers for what it sends")
    secret_name: str
    created_at: datetime
    created_by: str
    updated_at: datetime | None
    updated_by: str | None


def connection_record(connection: Connection) -> ConnectionRecord:
    """The record of a connection."""
    return ConnectionRecord(**connection.model_dump(), state=connection.state)


class SharedConnection(BaseModel):
    """What contributors know of a connection that is shared with them."""

    model_config = ConfigDict(extra="forbid")

    id: str
    display_name: Name
    type: ConnectionType = "constant_contact"


def shared_connection(connection: Connection) -> SharedConnection:
    """The record of a connection for a contributor."""
    return SharedConnection(id=connection.id, display_name=connection.display_name)


class RunSummaryRecord(BaseModel):
    """A run in a list: who, when, what became of it, and how many profiles went where."""

    run_id: str
    export_id: str
    export_name: str
    status: Status
    trigger: Trigger
    started_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    list_id: str
    list_name: str | None
    counts: Counts
    problem: ProblemCode | None = Field(description="why it failed, as a code")
    error: str | None = Field(description="the same for people, in English")


def run_summary_record(run: RunSummary) -> RunSummaryRecord:
    """The record of a run in a list. Through which connection it went is not for everybody, and left out."""
    return RunSummaryRecord(**run.model_dump(include=set(RunSummaryRecord.model_fields)))


class ExportReference(BaseModel):
    """Which export is meant."""

    id: str
    name: str


class ExportWarning(BaseModel):
    """What is allowed and probably not meant. `same_target`: `exports` send one of the segments to the same list."""

    code: str
    message: str
    exports: list[ExportReference]


class ExportRecord(BaseModel):
    """What goes where: segments of profiles, through a connection, to one list, column by column."""

    id: str
    name: str
    detached: bool = Field(description="it has no connection, and does not run until it has one")
    connection_id: str | None = Field(description="null: it has none, or the caller may not know which")
    connection_name: str | None
    list_id: str
    list_name: str | None
    segments: tuple[str, ...]
    mapping: dict[str, str]
    reading: ReadOptions
    schedule: Schedule
    next_start: datetime | None = Field(description="when a schedule of its own starts it next")
    last_run: RunSummaryRecord | None
    may_edit: bool = Field(description="whether the caller may change, schedule, detach and remove it")
    may_run: bool
    created_at: datetime
    created_by: str
    updated_at: datetime | None
    updated_by: str | None


class SavedExport(ExportRecord):
    """An export as it was saved, with what to think about."""

    warnings: list[ExportWarning]


def export_record(listed: ListedExport) -> ExportRecord:
    """The record of an export."""
    return ExportRecord(**_facts_of_export(listed))


def saved_export(listed: ListedExport, same: Iterable[Export]) -> SavedExport:
    """The record of an export that was saved; `same` are others that send one of its segments to its list."""
    others = [ExportReference(id=one.id, name=one.name) for one in same]
    names = ", ".join(f"“{one.name}”" for one in others)
    message = f"Other exports send one of these segments to the same list: {names}."
    warnings = [ExportWarning(code="same_target", message=message, exports=others)] if others else []
    return SavedExport(**_facts_of_export(listed), warnings=warnings)


def _facts_of_export(listed: ListedExport) -> dict[str, object]:
    facts: dict[str, object] = {
        name: value for name, value in listed.export if name in ExportRecord.model_fields and name != "connection_id"
    }
    return facts | {
        "detached": listed.export.connection_id is None,
        "connection_id": listed.connection.id if listed.connection else None,
        "connection_name": listed.connection.display_name if listed.connection else None,
        "next_start": listed.next_start,
        "last_run": run_summary_record(listed.last) if listed.last else None,
        "may_edit": listed.may_edit,
        "may_run": listed.may_run,
    }


class BatchRecord(BaseModel):
    """One upload of a run."""

    number: int
    part: str
    state: BatchState
    contacts: int
    activity_id: str | None
    percent_done: int
    rejected: int
    not_added: int
    error: str | None


class RunRecord(BaseModel):
    """One execution of an export: who, when, what became of it, and where every profile went."""

    run_id: str
    export_id: str
    export_name: str
    status: Status
    trigger: Trigger
    started_by: str
    canceled_by: str | None
    created_at: datetime
    schedule_due: datetime | None = Field(description="the time of its schedule that it was started for")
    started_at: datetime | None
    prepared_at: datetime | None = Field(description="when all of its batches were there")
    uploaded_at: datetime | None = Field(description="when the last of its batches was sent")
    ended_at: datetime | None
    problem: ProblemCode | None = Field(description="why it failed, as a code")
    error: str | None = Field(description="the same for people, in English")
    waiting: str | None
    warnings: tuple[str, ...]
    notice: str | None
    profiles_expected: int | None = Field(description="about how many profiles its snapshots hold")
    counts: Counts
    requests: int
    list_id: str
    list_name: str | None
    segments: tuple[str, ...]
    snapshots: dict[str, str]
    batches: list[BatchRecord]


def run_record(services: Services, run: Run) -> RunRecord:
    """The record of a run with its batches as they are now."""
    waits = run.waiting_until is not None and services.now() < run.waiting_until and not run.ended
    facts = run.model_dump(include=set(RunRecord.model_fields) - {"batches", "waiting", "error"})
    return RunRecord(
        **facts,
        waiting=run.waiting if waits else None,
        error=run.error or run.stop,
        batches=[
            BatchRecord(**stored.value.model_dump(include=set(BatchRecord.model_fields)))
            for stored in services.runs.batches(run.run_id)
        ],
    )
