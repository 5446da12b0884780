"""What the JSON API tells of connections and runs."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from exporters.runs import BatchState, Counts, Run, Status, Trigger
from exporters.services import Services
from shared.models import Connection, ConnectionState, Consent, ConstantContactAccount, Name, Sharing


class ConnectionRecord(BaseModel):
    """An authorised Constant Contact account, without its tokens: they are in the Key Vault secret `secret_name`."""

    id: str
    display_name: Name
    sharing: Sharing
    state: ConnectionState
    sign_in_again: str | None = Field(description="why somebody has to sign in again")
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
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    waiting: str | None
    warnings: tuple[str, ...]
    notice: str | None
    counts: Counts
    requests: int
    list_id: str
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
