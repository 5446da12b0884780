"""Runs and their batches: what they are, and how they are kept.

A run, and the slot that lets an export have one run at a time, share a table partition, so that starting and ending a
run are single transactions.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict, Field

from shared.documents import is_id
from shared.errors import Conflict, NotFound
from shared.tables import DocumentTable, Key, Stored, entity, together

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
]
ENDED: frozenset[Status] = frozenset({"successful", "completed_with_warnings", "failed", "canceled", "timed_out"})
GOOD: frozenset[Status] = frozenset({"successful", "completed_with_warnings"})

BatchState = Literal["pending", "sending", "uploaded", "completed", "failed", "split"]

# Row keys sort upwards and the newest run is wanted first, so the row key counts down from here (milliseconds).
_FAR_FUTURE = 9_999_999_999_999
_SLOT_ROW = "slot"


class Counts(BaseModel):
    """Where every profile of a run went.

    `read = sent + duplicates + rejected + not_sent` once a run has ended; `not_sent` is 0 unless it failed.
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
    """One execution of one export."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    export_id: str
    export_name: str
    trigger: Trigger
    started_by: str
    status: Status = "queued"
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = Field(default=None, description="why the run failed, or what to look at")
    waiting: str | None = Field(default=None, description="what the run is waiting for, or was until `waiting_until`")
    waiting_until: datetime | None = None
    stop: str | None = Field(default=None, description="why no further batch is to be uploaded")
    timed_out: bool = Field(default=False, description="it was stopped because it took longer than it may")
    counts: Counts = Counts()
    batches: int = 0
    requests: int = Field(default=0, description="requests to Constant Contact")
    list_id: str
    segments: tuple[str, ...]
    connection_id: str
    snapshots: dict[str, str] = Field(default_factory=dict, description="segment → the snapshot that was read")
    versions: dict[str, str] = Field(default_factory=dict, description="segment → its newest version at that time")
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
        return _run_key(self.export_id, self.run_id)


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
        return f"{self.number:04d}.{self.part}" if self.part else f"{self.number:04d}"

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.number} (part {self.part})" if self.part else str(self.number)

    @property
    def file_name(self) -> str:
        """The name under which it is uploaded; Constant Contact gives it back as `source_file_name`."""
        return f"{self.run_id}-{self.name}.csv"

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


class Slot(BaseModel):
    """What an export remembers between its runs, and the place that one run at a time can hold.

    A version names a segment's newest snapshot and its files as they are (`SegmentCatalog.newest_versions`).
    """

    model_config = ConfigDict(frozen=True)

    run_id: str | None = Field(default=None, description="the run that holds the slot")
    start_again: bool = Field(default=False, description="a snapshot arrived while a run was under way")
    seen: dict[str, str] = Field(default_factory=dict, description="segment → version that a run has taken up")
    exported: dict[str, str] = Field(default_factory=dict, description="segment → version that went through")


def new_run_id(now: datetime) -> str:
    """A run id: UTC time to the millisecond and six random hexadecimal digits, e.g. `20261122T013005123-4f2a9c`."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{secrets.token_hex(3)}"


def time_of(run_id: str) -> datetime | None:
    """When the run of this id was made, or None for what is no run id."""
    try:
        return datetime.strptime(run_id[:18] + "000", "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def _run_key(export_id: str, run_id: str) -> Key:
    moment = time_of(run_id)
    if moment is None:
        raise ValueError("not a run id")
    return Key(export_id, f"{_FAR_FUTURE - round(moment.timestamp() * 1000):013d}-{run_id[19:]}")


class RunStore:
    """Runs, batches and slots in their tables."""

    def __init__(self, runs: TableClient, batches: TableClient) -> None:
        self._client = runs
        self._runs = DocumentTable(runs, Run)
        self._slots = DocumentTable(runs, Slot)
        self._batches = DocumentTable(batches, Batch)

    # runs

    def get(self, export_id: str, run_id: str) -> Run:
        """The run.

        Raises:
            NotFound: the export has no run of this id.
        """
        return self._read(export_id, run_id).value

    def newest(self, export_id: str, most: int) -> list[Run]:
        """The export's last runs, the newest first."""
        runs = self._runs.partition(export_id, rows_below=_SLOT_ROW)
        return [stored.value for stored in islice(runs, most)]

    def change(self, run: Run, change: Callable[[Run], Run | None]) -> Run:
        """Change a run as it is now, again if somebody else was quicker; `change` returns None to leave it alone.

        A run that has ended is never changed.
        """
        while True:
            stored = self._read(run.export_id, run.run_id)
            changed = None if stored.value.ended else change(stored.value)
            if changed is None or changed == stored.value:
                return stored.value
            try:
                self._runs.replace(run.key, changed, stored.etag)
            except Conflict:
                continue
            return changed

    def last_written(self, run: Run) -> datetime:
        """When the run or one of its batches was last written, by the storage service's clock."""
        rows = [self._read(run.export_id, run.run_id).written_at, *(b.written_at for b in self.batches(run.run_id))]
        return max(rows)

    def _read(self, export_id: str, run_id: str) -> Stored[Run]:
        try:
            key = _run_key(export_id, run_id) if is_id(export_id) and is_id(run_id) else None
        except ValueError:
            key = None
        stored = self._runs.get(key) if key else None
        if stored is None or stored.value.run_id != run_id:
            raise NotFound(f"The export has no run “{run_id}”.")
        return stored

    # the slot: one run at a time

    def slot(self, export_id: str) -> Stored[Slot]:
        """The export's slot."""
        return self._slots.get_or_insert(Key(export_id, _SLOT_ROW), Slot())

    def change_slot(self, export_id: str, **update: object) -> None:
        """Change some of the slot's fields, whatever the others are."""
        while True:
            stored = self.slot(export_id)
            changed = stored.value.model_copy(update=update)
            if changed == stored.value:
                return
            with contextlib.suppress(Conflict):
                self._slots.replace(Key(export_id, _SLOT_ROW), changed, stored.etag)
                return

    def begin(self, run: Run, slot: Stored[Slot], versions: dict[str, str]) -> None:
        """Add the run and give it the slot, both or neither; raises Conflict when the slot was taken in between."""
        taken = Slot(run_id=run.run_id, seen=versions, exported=slot.value.exported)
        together(
            self._client,
            insert=[entity(run.key, run)],
            replace=[(entity(Key(run.export_id, _SLOT_ROW), taken), slot.etag)],
        )

    def end(self, run: Run, change: Callable[[Run], Run | None]) -> Run:
        """End the run and free its slot, both or neither. A run that has ended stays as it ended.

        `change` returns None to leave the run, as it is by then, under way.
        """
        while True:
            stored, slot = self._read(run.export_id, run.run_id), self.slot(run.export_id)
            if stored.value.ended:
                return stored.value
            ended = change(stored.value)
            if ended is None:
                return stored.value
            update: dict[str, object] = {"run_id": None} if slot.value.run_id == run.run_id else {}
            if ended.status in GOOD:
                update["exported"] = ended.versions
            freed = slot.value.model_copy(update=update)
            try:
                together(
                    self._client,
                    insert=[],
                    replace=[
                        (entity(run.key, ended), stored.etag),
                        (entity(Key(run.export_id, _SLOT_ROW), freed), slot.etag),
                    ],
                )
            except Conflict:
                continue
            return ended

    # batches

    def add_batch(self, batch: Batch) -> None:
        """Keep a new batch; one that is there already keeps its state."""
        self._batches.insert(batch.key, batch)

    def batches(self, run_id: str) -> list[Stored[Batch]]:
        """The batches of a run in their order."""
        return list(self._batches.partition(run_id))

    def batch(self, run_id: str, name: str) -> Stored[Batch] | None:
        """One batch."""
        return self._batches.get(Key(run_id, name))

    def write_batch(self, batch: Batch, etag: str) -> Stored[Batch]:
        """Change a batch; raises Conflict when somebody else did since it was read with `etag`."""
        return self._batches.replace(batch.key, batch, etag)
