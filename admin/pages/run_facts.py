"""What a page shows of a run, worked out from the run and its batches: how far it is, and where the profiles went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from exporters.ending import counts_of
from exporters.files import Plan
from exporters.runs import Batch, Counts, Run
from shared.snapshots.paths import date_folder, flat_file

StageName = Literal["prepare", "upload", "constant_contact", "done"]
StageState = Literal["to_come", "now", "done", "stopped", "not_reached"]
Place = Literal["sent", "not_added", "duplicate", "rejected_by_us", "rejected_by_them", "not_sent"]

BAR_WIDTH = 1000
"""The units of a bar of the whole width."""

# How much of the bar of progress each stage fills. Sending is quick; reading and Constant Contact's own work are not.
_PREPARE, _UPLOAD, _CONSTANT_CONTACT = 300, 200, 500
# With these a run has nothing to upload, also where all its profiles were read.
_FOUND_BY_PREPARING = ("all_rejected", "too_many", "empty_segment")
# A part of the bar is never narrower than can be seen.
_NARROWEST = 6


@dataclass(frozen=True)
class Stage:
    """One of the four steps of a run; `done` of `of` (both None where there is nothing to count)."""

    name: StageName
    state: StageState
    began: datetime | None = None
    ended: datetime | None = None
    done: int | None = None
    of: int | None = None


@dataclass(frozen=True)
class Part:
    """Some of a run's profiles: what became of them, and their part of a bar of `BAR_WIDTH`."""

    place: Place
    profiles: int
    percent: float
    at: int = 0
    width: int = 0


@dataclass(frozen=True)
class RunFacts:
    """All of it."""

    counts: Counts
    stages: tuple[Stage, ...]
    parts: tuple[Part, ...]
    progress: int | None
    """Of `BAR_WIDTH`; None while nobody can know."""

    @property
    def sum(self) -> int:
        """All places together."""
        return sum(part.profiles for part in self.parts)


def facts_of(run: Run, batches: Sequence[Batch]) -> RunFacts:
    """The facts of a run and its batches as they are now."""
    counts = counts_of(run, list(batches))
    whole = [batch for batch in batches if batch.state != "split"]
    stages = _stages(run, whole)
    return RunFacts(counts, stages, parts_of(counts), _progress(run, whole))


def parts_of(counts: Counts) -> tuple[Part, ...]:
    """Where the profiles went: every one is in exactly one part."""
    places: dict[Place, int] = {
        "sent": counts.sent - counts.not_added,
        "not_added": counts.not_added,
        "duplicate": counts.duplicates,
        "rejected_by_us": counts.rejected_by_us,
        "rejected_by_them": counts.rejected_by_constant_contact,
        "not_sent": counts.not_sent,
    }
    widths = _widths(list(places.values()))
    parts, at = [], 0
    for (place, profiles), width in zip(places.items(), widths, strict=True):
        percent = 100 * profiles / counts.read if counts.read else 0.0
        parts.append(Part(place, profiles, percent, at, width))
        at += width
    return tuple(parts)


def _widths(numbers: Sequence[int]) -> list[int]:
    """The whole bar shared out among the numbers; what is there at all can be seen."""
    total = sum(numbers)
    if not total:
        return [0] * len(numbers)
    widths = [max(_NARROWEST, BAR_WIDTH * number // total) if number else 0 for number in numbers]
    widest = widths.index(max(widths))
    widths[widest] += BAR_WIDTH - sum(widths)
    return widths


def _stages(run: Run, batches: Sequence[Batch]) -> tuple[Stage, ...]:
    uploaded = sum(batch.state in ("uploaded", "completed") for batch in batches)
    completed = sum(batch.state == "completed" for batch in batches)
    total = len(batches) or None
    prepare, upload, constant_contact, done = _states(run, some_uploaded=uploaded > 0)
    expected = run.profiles_expected if run.prepared_at is None else run.counts.read
    return (
        Stage(
            "prepare", prepare, run.started_at, run.prepared_at, run.counts.read if run.started_at else None, expected
        ),
        Stage("upload", upload, run.prepared_at, run.uploaded_at, uploaded if total else None, total),
        Stage(
            "constant_contact",
            constant_contact,
            # Its work began with the first batch, right after the run was prepared.
            run.prepared_at if uploaded else run.uploaded_at,
            run.ended_at if run.uploaded_at else None,
            completed if total else None,
            total,
        ),
        Stage("done", done, None, run.ended_at),
    )


def _states(run: Run, *, some_uploaded: bool) -> tuple[StageState, StageState, StageState, StageState]:
    """The states of the four stages."""
    if run.status in ("successful", "completed_with_warnings"):
        return "done", "done", "done", "done"
    if run.ended:
        if run.prepared_at is None or run.problem in _FOUND_BY_PREPARING:
            return "stopped", "not_reached", "not_reached", "not_reached"
        if run.uploaded_at is None:
            return "done", "stopped", "not_reached", "not_reached"
        return "done", "done", "stopped", "not_reached"
    if run.status == "queued":
        return "to_come", "to_come", "to_come", "to_come"
    if run.prepared_at is None:
        return "now", "to_come", "to_come", "to_come"
    if run.uploaded_at is None:
        # Constant Contact works on the first batches while the others are still being sent.
        return "done", "now", "now" if some_uploaded else "to_come", "to_come"
    return "done", "done", "now", "to_come"


def _progress(run: Run, batches: Sequence[Batch]) -> int | None:
    if run.ended:
        return BAR_WIDTH
    if run.to_be_prepared:
        if run.status == "queued":
            return 0
        return round(_PREPARE * min(1.0, run.counts.read / run.profiles_expected)) if run.profiles_expected else None
    contacts = sum(batch.contacts for batch in batches)
    if not contacts:
        return _PREPARE
    sent = sum(batch.contacts for batch in batches if not batch.to_be_sent)
    worked = sum(batch.contacts * _percent(batch) / 100 for batch in batches)
    return round(_PREPARE + _UPLOAD * sent / contacts + _CONSTANT_CONTACT * worked / contacts)


def _percent(batch: Batch) -> int:
    """How much of a batch is done with, of 100."""
    return 100 if batch.ended else min(99, batch.percent_done)


def seconds_between(begin: datetime | None, end: datetime | None) -> int | None:
    """Whole seconds, never less than 0: the clocks of two machines may differ."""
    return None if begin is None or end is None else max(0, round((end - begin).total_seconds()))


def duration(seconds: int | None) -> str:
    """`0:42`, `12:05`, `1:02:05`; a dash for what is not known. The same in every language."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True)
class UsedSnapshot:
    """What a run read of one segment; `taken_at` is None where that is not known any more."""

    segment: str
    id: str
    taken_at: datetime | None


def snapshots_of(run: Run, plan: Plan | None) -> tuple[UsedSnapshot, ...]:
    """The snapshots that a run read, or is about to. `plan` is what it had settled; it is deleted after a while."""
    if plan is not None:
        return tuple(UsedSnapshot(one.segment, one.id, one.taken_at) for one in plan.snapshots)
    return tuple(UsedSnapshot(segment, used, _time_in(used)) for segment, used in run.snapshots.items())


def _time_in(snapshot_id: str) -> datetime | None:
    """The time that the path of a snapshot says."""
    found = date_folder(snapshot_id) or flat_file(snapshot_id)
    return found.taken_at if found else None
