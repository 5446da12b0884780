"""The runs of all exports in one place, newest first, so that pages need not look through one export after the other.

The run itself, in the table of runs, is the truth; here is what a list shows of it. An entry is made before its run
begins and completed after the run has ended; until then, whoever reads the entry is given the run as it is. So at
whatever line a process dies, the two agree, and the sweep completes what was left behind.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from exporters.problem_codes import ProblemCode
from exporters.run_store import RunStore
from exporters.runs import ENDED, Counts, Run, Status, Trigger, row_at, row_of, time_of
from shared.errors import Conflict, NotFound
from shared.tables import Column, DocumentTable, Key, Stored

_ALL, _LATEST, _DAYS = "all", "latest", "days"
_UNFINISHED = "final eq false"
# An entry whose run is not there yet belongs to a run that is about to begin. After so long it never will.
_NEVER_BEGAN = timedelta(hours=1)
# Runs that began just before midnight have an entry by then.
_DAY_IS_OVER = timedelta(hours=1)
# So many rows are read faster one by one than with all the others.
_FEW = 5
# Runs under way are read at the same time: there may be as many as exports.
_READ_AT_ONCE = 16


class RunSummary(BaseModel):
    """What lists show of a run."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    run_id: str
    export_id: str
    export_name: str
    connection_id: str
    connection_name: str | None = None
    list_id: str
    list_name: str | None = None
    trigger: Trigger
    started_by: str
    status: Status
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    counts: Counts
    problem: ProblemCode | None = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether its status is final."""
        return self.status in ENDED


class HistoryPage(NamedTuple):
    """Some runs, the newest first, and what to ask for to get those that follow (None: there are no more)."""

    runs: list[RunSummary]
    next: str | None


_Reading = Callable[[Stored[RunSummary]], RunSummary | None]


class _Total(BaseModel):
    """The profiles sent by the runs that began on a day that is over."""

    model_config = ConfigDict(frozen=True)

    day: date
    sent: int


class History:
    """The table `History`: every run, the latest run of every export, and the totals of days that are over."""

    def __init__(self, client: TableClient, runs: RunStore, *, now: Callable[[], datetime]) -> None:
        self._entries = DocumentTable(client, RunSummary, columns=_columns)
        self._totals = DocumentTable(client, _Total)
        self._runs = runs
        self._now = now

    def note(self, run: Run) -> None:
        """Keep what the run is now. To be called before it begins, and after it has ended; a repeat changes nothing.

        What is called late does no harm: an entry never goes back from its end, nor the latest run to an older one.
        """
        summary = RunSummary.model_validate(run)
        self._put(Key(_ALL, _row_in_all(summary)), summary)
        self._put(Key(_LATEST, _row_in_latest(summary)), summary)

    def forget(self, run: Run) -> None:
        """Take back what was kept of a run that has not begun and never will; of one that has, nothing."""
        try:
            self._runs.get(run.export_id, run.run_id)
        except NotFound:
            summary = RunSummary.model_validate(run)
            for key in (Key(_ALL, _row_in_all(summary)), Key(_LATEST, _row_in_latest(summary))):
                self._drop_if_of(summary, key)

    def latest(self, exports: Collection[str] | None = None) -> dict[str, RunSummary]:
        """The newest run of every export that ever ran, or of these `exports`, by the export's id."""
        found: Iterable[Stored[RunSummary] | None] = self._entries.partition(_LATEST)
        if exports is not None and len(exports) <= _FEW:
            found = [self._entries.get(Key(_LATEST, export_id)) for export_id in exports]
        wanted = [one for one in found if one and (exports is None or one.value.export_id in exports)]
        return {summary.export_id: summary for summary in self._as_they_are(wanted, self._latest_as_it_is)}

    def page(
        self, *, statuses: frozenset[Status] | None = None, after: str | None = None, limit: int = 50
    ) -> HistoryPage:
        """So many runs of all exports, from behind the run `after` on; with `statuses`, those in one of them.

        Raises:
            Invalid: `after` is no run id.
        """
        rows = self._entries.partition(
            _ALL,
            rows_above=None if after is None else row_of(after),
            only=None if statuses is None else _in_one_of(statuses),
            page=limit + 1,
        )
        found: list[RunSummary] = []
        while some := list(islice(rows, limit + 1)):
            runs = self._as_they_are(some, self._as_it_is)
            found += [run for run in runs if statuses is None or run.status in statuses]
            if len(found) > limit:
                return HistoryPage(found[:limit], found[limit - 1].run_id)
        return HistoryPage(found, None)

    def exported_by_day(self, days: int, now: datetime) -> list[tuple[date, int]]:
        """How many profiles were sent by the runs that began on each of the last so many days (UTC), today included.

        A day that is over is counted once, when all of its runs have ended, and kept.
        """
        today = now.astimezone(UTC).date()
        dates = [today - timedelta(days=ago) for ago in reversed(range(days))]
        before = (dates[0] - timedelta(days=1)).isoformat()
        sent = {one.value.day: one.value.sent for one in self._totals.partition(_DAYS, rows_above=before)}
        # Today is never among those that are kept.
        to_count = [day for day in dates if day not in sent]
        counted, under_way = self._count(to_count[0], to_count[-1])
        for day in to_count:
            sent[day] = counted[day]
            if day not in under_way and now >= _midnight(day) + timedelta(days=1) + _DAY_IS_OVER:
                self._totals.insert(Key(_DAYS, day.isoformat()), _Total(day=day, sent=sent[day]))
        return [(day, sent[day]) for day in dates]

    def up_to_date(self, *, since: datetime, until: datetime) -> Iterator[RunSummary]:
        """The runs made between these moments that found nothing new, without those that are their export's newest."""
        newest = {entry.value.run_id for entry in self._entries.partition(_LATEST)}
        rows = self._entries.partition(
            _ALL, rows_above=row_at(until), rows_below=row_at(since), only="status eq 'up_to_date'"
        )
        return (entry.value for entry in rows if entry.value.run_id not in newest)

    def ended_before(self, moment: datetime, exports: Collection[str]) -> Iterator[RunSummary]:
        """The ended runs that were made before then, the newest first, without the newest of each of these exports."""
        newest = {one.value.run_id for one in self._entries.partition(_LATEST) if one.value.export_id in exports}
        rows = self._entries.partition(_ALL, rows_above=row_at(moment), only="final eq true")
        return (entry.value for entry in rows if entry.value.run_id not in newest)

    def remove(self, summary: RunSummary) -> None:
        """Remove a run that has ended, and its entries."""
        # The run first: while its entry is there, it is found again, whoever dies in between.
        self._runs.remove(summary.export_id, summary.run_id)
        self._drop_if_of(summary, Key(_LATEST, _row_in_latest(summary)))
        self._drop_if_of(summary, Key(_ALL, _row_in_all(summary)))

    def unfinished(self) -> list[Run]:
        """The runs, as they are now, whose entries are not complete: they are under way, or who ended them has died.

        The entries of runs that never began are dropped.
        """
        found: dict[str, Run] = {}
        for partition, row_key in ((_ALL, _row_in_all), (_LATEST, _row_in_latest)):
            for entry in list(self._entries.partition(partition, only=_UNFINISHED)):
                try:
                    run = self._runs.get(entry.value.export_id, entry.value.run_id)
                except NotFound:
                    if self._now() > entry.value.created_at + _NEVER_BEGAN:
                        self._drop(Key(partition, row_key(entry.value)), entry)
                else:
                    found[run.run_id] = run
        return list(found.values())

    def _put(self, key: Key, summary: RunSummary) -> None:
        while True:
            stored = self._entries.get(key)
            if stored is None:
                if self._entries.insert(key, summary):
                    return
            elif not _is_later(summary, stored.value):
                return
            else:
                try:
                    self._entries.replace(key, summary, stored.etag)
                except Conflict:
                    continue
                return

    def _as_they_are(self, entries: Iterable[Stored[RunSummary]], read: _Reading) -> list[RunSummary]:
        """The entries in their order, those of runs under way as their runs are now, without those that never began."""
        found = list(entries)
        unfinished = [entry for entry in found if not entry.value.ended]
        if not unfinished:
            return [entry.value for entry in found]
        with ThreadPoolExecutor(min(_READ_AT_ONCE, len(unfinished))) as pool:
            now = dict(zip((entry.value.run_id for entry in unfinished), pool.map(read, unfinished), strict=True))
        as_they_are = (now.get(entry.value.run_id, entry.value) for entry in found)
        return [summary for summary in as_they_are if summary is not None]

    def _as_it_is(self, entry: Stored[RunSummary]) -> RunSummary | None:
        """What the entry's run is now; None while there is no such run."""
        try:
            return RunSummary.model_validate(self._runs.get(entry.value.export_id, entry.value.run_id))
        except NotFound:
            return None

    def _latest_as_it_is(self, entry: Stored[RunSummary]) -> RunSummary | None:
        """What the entry's run is now; if that never began, the newest of its export that did."""
        if found := self._as_it_is(entry):
            return found
        newest = self._runs.newest(entry.value.export_id, 1)
        return RunSummary.model_validate(newest[0]) if newest else None

    def _drop_if_of(self, summary: RunSummary, key: Key) -> None:
        entry = self._entries.get(key)
        if entry is not None and entry.value.run_id == summary.run_id:
            self._drop(key, entry)

    def _drop(self, key: Key, entry: Stored[RunSummary]) -> None:
        before = self._runs.newest(entry.value.export_id, 1) if key.partition == _LATEST else []
        # Whoever changed it meanwhile knew better.
        with contextlib.suppress(Conflict):
            if before:
                self._entries.replace(key, RunSummary.model_validate(before[0]), entry.etag)
            else:
                self._entries.remove(key, entry.etag)

    def _count(self, first: date, last: date) -> tuple[dict[date, int], set[date]]:
        """The profiles sent by the runs that began on each of these days, and the days that have runs under way."""
        millisecond = timedelta(milliseconds=1)
        rows = self._entries.partition(
            _ALL,
            rows_above=row_at(_midnight(last) + timedelta(days=1) - millisecond),
            rows_below=row_at(_midnight(first) - millisecond),
            only=f"sent gt 0 or {_UNFINISHED}",
        )
        sent: defaultdict[date, int] = defaultdict(int)
        under_way: set[date] = set()
        for run in self._as_they_are(rows, self._as_it_is):
            began = time_of(run.run_id) or run.created_at
            sent[began.date()] += run.counts.sent
            if not run.ended:
                under_way.add(began.date())
        return sent, under_way


def _columns(summary: RunSummary) -> dict[str, Column]:
    return {
        "status": summary.status,
        "final": summary.ended,
        "sent": summary.counts.sent,
    }


def _row_in_all(summary: RunSummary) -> str:
    return row_of(summary.run_id)


def _row_in_latest(summary: RunSummary) -> str:
    return summary.export_id


def _in_one_of(statuses: frozenset[Status]) -> str:
    """The condition for entries that are, or may have come to be, in one of these statuses."""
    return " or ".join([_UNFINISHED, *(f"status eq '{status}'" for status in sorted(statuses & ENDED))])


def _is_later(new: RunSummary, kept: RunSummary) -> bool:
    """Whether `new` is to stand in the place of `kept`: the end of the same run, or a newer run."""
    if new.run_id == kept.run_id:
        return new.ended and not kept.ended
    return row_of(new.run_id) < row_of(kept.run_id)


def _midnight(day: date) -> datetime:
    """When the day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
