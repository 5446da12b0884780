"""Runs and their batches: what they are."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from exporters.problem_codes import ProblemCode
from shared.documents import is_id
from shared.errors import Invalid
from shared.queues import Message
from shared.snapshots.models import ReadOptions
from shared.tables import Key

Trigger = Literal["timer", "http", "event"]
Status = Literal[
    "queued",
    "preparing",
    "uploading",
    "finishing",
    "successful",
    "completed_with_warnings",
    "failed",
    "canceled",
    "timed_out",
    "up_to_date",
]
ENDED: frozenset[Status] = frozenset(
    {"successful", "completed_with_warnings", "failed", "canceled", "timed_out", "up_to_date"}
)
GOOD: frozenset[Status] = frozenset({"successful", "completed_with_warnings"})

BatchState = Literal["pending", "sending", "uploaded", "completed", "failed", "split"]

# Row keys sort upwards and the newest run is wanted first, so the row key counts down from here (milliseconds).
_FAR_FUTURE = 9_999_999_999_999


class Counts(BaseModel):
    """Where every profile of a run went.

    `read = sent + duplicates + rejected + not_sent` once a run has ended; `not_sent` is 0 where it went through.
    """

    model_config = ConfigDict(frozen=True)

    read: int = Field(default=0, description="profiles in the snapshots")
    sent: int = Field(default=0, description="taken by Constant Contact, `not_added` among them")
    duplicates: int = Field(default=0, description="profiles whose address an earlier profile has")
    rejected: int = Field(default=0, description="rejected by us or by Constant Contact")
    not_sent: int = Field(default=0, description="prepared, but not delivered when the run ended")
    rejected_by_us: int = Field(default=0, description="cannot be a contact; named with place and reason")
    rejected_by_constant_contact: int = Field(default=0, description="refused by Constant Contact row by row")
    not_added: int = Field(default=0, description="sent, but not put on the list: they have unsubscribed")
    prepared: int = Field(default=0, description="contacts in the batches")
    shortened: int = Field(default=0, description="values cut to the length that Constant Contact takes")
    left_out: int = Field(default=0, description="values that could not be read (dates), left out of a contact")

    @property
    def adds_up(self) -> bool:
        """Whether every profile is in exactly one place."""
        return self.read == self.sent + self.duplicates + self.rejected + self.not_sent


class Run(BaseModel):
    """One execution of one export, as that was when the run was started: whoever changes it changes the next run."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    export_id: str
    export_name: str
    trigger: Trigger
    started_by: str
    started_by_id: str | None = None
    status: Status = "queued"
    created_at: datetime
    schedule_due: datetime | None = Field(default=None, description="the time of its schedule that it was started for")
    sent_again_at: datetime | None = Field(default=None, description="when it got another message, if one was late")
    started_at: datetime | None = Field(default=None, description="when its snapshots began to be read")
    prepared_at: datetime | None = Field(default=None, description="when all of its batches were there")
    uploaded_at: datetime | None = Field(default=None, description="when the last of its batches was sent")
    ended_at: datetime | None = None
    error: str | None = Field(default=None, description="why the run failed, or what to look at")
    problem: ProblemCode | None = Field(default=None, description="why it failed, or is about to, as a code")
    waiting: str | None = Field(default=None, description="what the run is waiting for, or was until `waiting_until`")
    waiting_until: datetime | None = None
    next_look_at: datetime | None = Field(default=None, description="when Constant Contact is asked next what it did")
    stop: str | None = Field(default=None, description="why no further batch is to be uploaded")
    timed_out: bool = Field(default=False, description="it was stopped because it took longer than it may")
    cancel_asked_at: datetime | None = Field(default=None, description="when somebody stopped it")
    canceled_by: str | None = None
    canceled_by_id: str | None = None
    profiles_expected: int | None = Field(default=None, description="about how many profiles its snapshots hold")
    counts: Counts = Counts()
    batches: int = 0
    requests: int = Field(default=0, description="requests to Constant Contact")
    list_id: str
    list_name: str | None = None
    mapping: dict[str, str] = Field(default_factory=dict, description="import column → snapshot column")
    reading: ReadOptions = ReadOptions()
    segments: tuple[str, ...]
    connection_id: str
    connection_name: str | None = None
    account_id: str | None = Field(default=None, description="the account of its connection when it was started")
    trace: str | None = Field(default=None, description="the span that it was started in (W3C traceparent)")
    snapshots: dict[str, str] = Field(default_factory=dict, description="segment → the snapshot that was read")
    versions: dict[str, str] = Field(default_factory=dict, description="segment → its newest version at that time")
    recipe: str | None = Field(default=None, description="stands for where it sends what, and how it is read")
    warnings: tuple[str, ...] = ()
    notice: str | None = Field(default=None, description="what to know about the course it will take")

    @property
    def ended(self) -> bool:
        """Whether its status is final."""
        return self.status in ENDED

    @property
    def to_be_prepared(self) -> bool:
        """Whether its batches are still to be made."""
        return self.status in ("queued", "preparing")

    @property
    def prepared(self) -> bool:
        """Whether all of its batches are there."""
        return self.status in ("uploading", "finishing")

    @property
    def key(self) -> Key:
        """Its row."""
        return Key(self.export_id, row_of(self.run_id))

    def message(self, batch: str | None = None) -> Message:
        """What a step is told: which run, and for an upload the name of the batch."""
        return Message(export_id=self.export_id, run_id=self.run_id, batch=batch, trace=self.trace)


class Batch(BaseModel):
    """One upload of a run, and what is known of it.

    A batch that was refused is `split`: its parts are batches of their own, with the same number and one digit more
    in `part`. They hold the rows of the batch file from `first` on.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    number: int
    part: str = ""
    first: int = 0
    state: BatchState = "pending"
    contacts: int
    claimed_until: datetime | None = Field(default=None, description="until then one worker alone may send it")
    unclear_until: datetime | None = Field(default=None, description="until then it may still turn up as an activity")
    unclear_sends: int = Field(default=0, description="how often it was sent without a clear answer")
    crashes: int = Field(default=0, description="how often the worker that had claimed it was not heard of again")
    activity_id: str | None = None
    percent_done: int = 0
    rejected: int = 0
    not_added: int = 0
    dropped: int = Field(default=0, description="rows that Constant Contact did not count at all")
    error: str | None = None

    @property
    def key(self) -> Key:
        """Its row."""
        return Key(self.run_id, self.name)

    @property
    def name(self) -> str:
        """What tells it from the other batches of its run: `0003`, or `0003.12` for a part of a part."""
        return _name_of(self.number, self.part)

    @property
    def part_of(self) -> str | None:
        """The name of the batch that it takes the place of, together with another part; None for a whole one."""
        return _name_of(self.number, self.part[:-1]) if self.part else None

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.number} (part {self.part})" if self.part else str(self.number)

    @property
    def file_name(self) -> str:
        """The name under which it is uploaded; Constant Contact gives it back as `source_file_name`."""
        return f"{self.run_id}-{self.name}.csv"

    @property
    def to_be_sent(self) -> bool:
        """Whether Constant Contact is still to get it."""
        return self.state in ("pending", "sending")

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("completed", "failed", "split")

    def parts(self, first_part: int) -> tuple[Batch, Batch]:
        """The two batches that take its place when it is split: its first so many contacts, and the others."""
        return (
            Batch(run_id=self.run_id, number=self.number, part=f"{self.part}1", first=self.first, contacts=first_part),
            Batch(
                run_id=self.run_id,
                number=self.number,
                part=f"{self.part}2",
                first=self.first + first_part,
                contacts=self.contacts - first_part,
            ),
        )


def _name_of(number: int, part: str) -> str:
    return f"{number:04d}.{part}" if part else f"{number:04d}"


class Slot(BaseModel):
    """What an export remembers between its runs, and the place that one run at a time can hold.

    A version names a segment's newest snapshot and its files as they are (`SegmentCatalog.newest_versions`).
    """

    model_config = ConfigDict(frozen=True)

    run_id: str | None = Field(default=None, description="the run that holds the slot")
    start_again: bool = Field(default=False, description="a snapshot arrived while a run was under way")
    seen: dict[str, str] = Field(default_factory=dict, description="segment → version that a run has taken up")
    exported: dict[str, str] = Field(default_factory=dict, description="segment → version that went through")
    recipe: str | None = Field(default=None, description="the recipe of the run by which it did")
    due_until: datetime | None = Field(default=None, description="the last time of its schedule that was seen to")
    told_of: str | None = Field(default=None, description="the last run that notifications told of")
    failing: bool = Field(default=False, description="what they told was a failure")


def new_run_id(now: datetime) -> str:
    """A run id: UTC time to the millisecond and six random hexadecimal digits, e.g. `20261122T013005123-4f2a9c`."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{secrets.token_hex(3)}"


def time_of(run_id: str) -> datetime | None:
    """When the run of this id was made, or None for what is no run id."""
    try:
        return datetime.strptime(run_id[:18] + "000", "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def row_of(run_id: str) -> str:
    """The row key of a run: the newest sorts first.

    Raises:
        Invalid: it is no run id.
    """
    moment = time_of(run_id) if is_id(run_id) else None
    if moment is None:
        raise Invalid(f"“{run_id[:60]}” is not the id of a run.")
    return f"{row_at(moment)}-{run_id[19:]}"


def row_at(moment: datetime) -> str:
    """What the row key of a run begins with that was made at this moment."""
    return f"{_FAR_FUTURE - round(moment.timestamp() * 1000):013d}"
