"""What is known of each segment before an export reads it: how old, how large, how many profiles, what is wrong.

A page asks for all segments at once. Their folders are listed side by side, the number of profiles of a version is
counted or estimated once for all instances (`exporters.known_counts`), and the answer is kept: to list the folders of
fifty segments takes a second, and a page must not. What is older than half a minute is found again beside the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from exporters.known_counts import KnownCount, count_of, path_of, version_of
from exporters.problem_codes import ProblemCode, problem_of
from exporters.profiles import MOST_CONTACTS
from exporters.services import Services
from shared import snapshots
from shared.snapshots import (
    Complete,
    Missing,
    NoProfiles,
    ReadOptions,
    SegmentCatalog,
    Snapshot,
    SnapshotChanged,
    SnapshotError,
    SnapshotsRefused,
    StillWriting,
)
from shared.snapshots.paths import name_of

SegmentWarning = Literal["stale", "still_writing", "broken", "empty", "too_large", "missing"]

# Segments are refreshed at least once a day where anybody relies on them: two refreshes were missed.
STALE_AFTER = timedelta(hours=48)
_KEPT = timedelta(seconds=30)
_LATE = timedelta(minutes=5)
# Listings are waited for, not worked on.
_SIDE_BY_SIDE = 8
_SAMPLE_ROWS = 50


@dataclass(frozen=True)
class SegmentFacts:
    """A segment and its newest complete snapshot.

    `chosen_as` is what an export keeps: the name, or the path where the name is not the only one. `profiles` is None
    where nothing is known; not `exact`, it is an estimate ("about"). `problem` is a sentence for people.
    """

    name: str
    path: str
    chosen_as: str
    taken_at: datetime | None = None
    profiles: int | None = None
    exact: bool = False
    size_bytes: int = 0
    columns: tuple[str, ...] | None = None
    warnings: tuple[SegmentWarning, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Sample:
    """The columns that all segments have, and the first rows of the first one, for a form; or why there are none."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    problem: str | None = None
    problem_code: ProblemCode | None = None


def segment_facts(services: Services, *, fresh: bool = False) -> list[SegmentFacts]:
    """Every segment that is found, by name; as it was at most five minutes ago unless it has to be `fresh`."""
    found, _ = services.memory.recall(
        "segments", lambda: _find_all(services), now=services.now(), most=_KEPT, late=_LATE, fresh=fresh
    )
    return list(found)


def facts_of(services: Services, names: Sequence[str]) -> list[SegmentFacts]:
    """The facts of these segments, in this order; one that is not found has the warning `missing`."""
    known = {one.chosen_as: one for one in segment_facts(services)}
    unknown = [name for name in names if name not in known]
    if unknown:
        # By another name than the list's: in other letters, or by the path where the name would do.
        catalog, counts = services.catalog(), services.counts.all()
        known |= {name: _facts(services, catalog, counts, name, name) for name in unknown}
    return [known[name] for name in names]


def sample(
    services: Services, names: Sequence[str], reading: ReadOptions | None = None, *, fresh: bool = False
) -> Sample:
    """What a form for these segments offers to map; as old as `segment_facts` may be."""
    found, _ = services.memory.recall(
        ("sample", tuple(names), reading),
        lambda: _sample(services, names, reading),
        now=services.now(),
        most=_KEPT,
        late=_LATE,
        fresh=fresh,
    )
    return found


def expected_profiles(services: Services, chosen: Sequence[Snapshot], reading: ReadOptions | None = None) -> int | None:
    """About how many profiles these snapshots have together; None where one of them does not tell."""
    numbers = [_count(services, services.counts.of(snapshot), snapshot, reading).profiles for snapshot in chosen]
    return None if None in numbers else sum(number for number in numbers if number is not None)


def is_usual(reading: ReadOptions | None) -> bool:
    """Whether files are read as they are for everybody, and not in a way that one export or one person asks for."""
    return reading in (None, ReadOptions())


def _sample(services: Services, names: Sequence[str], reading: ReadOptions | None) -> Sample:
    catalog = services.catalog()
    common: dict[str, None] = {}
    first: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    try:
        for number, name in enumerate(names):
            choice = catalog.choose(name, services.now())
            if not isinstance(choice, Complete):
                return Sample(problem=choice.reason, problem_code="no_snapshot")
            seen = snapshots.preview(services.snapshots, choice.snapshot, reading, rows=0 if number else _SAMPLE_ROWS)
            if number == 0:
                first, rows, common = seen.columns, seen.rows, dict.fromkeys(seen.columns)
            common = {column: None for column in common if column in seen.columns}
    except SnapshotError as error:
        return Sample(problem=str(error), problem_code=problem_of(error))
    if not common and names:
        return Sample(problem="These segments have no column in common.", problem_code="column_missing")
    picked = [first.index(column) for column in common]
    return Sample(tuple(common), tuple(tuple(row[index] for index in picked) for row in rows))


def _find_all(services: Services) -> tuple[SegmentFacts, ...]:
    catalog = services.catalog()
    paths = catalog.paths()
    names = Counter(name_of(path).casefold() for path in paths)
    counts = services.counts.all()

    def facts(path: str) -> SegmentFacts:
        name = name_of(path)
        return _facts(services, catalog, counts, path, name if names[name.casefold()] == 1 else path)

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
        found = list(threads.map(facts, paths))
    # A folder that only looks like a segment has no snapshot at all.
    found = [one for one in found if "missing" not in one.warnings]
    found += [
        SegmentFacts(name, name, name, profiles=0, exact=True, warnings=("empty",)) for name in catalog.empty_segments()
    ]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.path)))


def _facts(
    services: Services, catalog: SegmentCatalog, counts: dict[str, KnownCount], path: str, chosen_as: str
) -> SegmentFacts:
    facts = SegmentFacts(name_of(path), path, chosen_as)
    try:
        choice = catalog.choose(path, services.now())
    except NoProfiles as error:
        return replace(facts, profiles=0, exact=True, warnings=("empty",), problem=str(error))
    except SnapshotError as error:
        return replace(facts, warnings=("broken",), problem=str(error))
    if isinstance(choice, Missing):
        return replace(facts, warnings=("missing",), problem=choice.reason)
    if isinstance(choice, StillWriting):
        return replace(facts, warnings=("still_writing",), problem=choice.reason)
    snapshot = choice.snapshot
    known = counts.get(path_of(snapshot))
    count = _count(services, known if known and known.version == version_of(snapshot) else None, snapshot)
    return replace(
        facts,
        path=path_of(snapshot),
        taken_at=snapshot.taken_at,
        profiles=count.profiles,
        exact=count.exact,
        size_bytes=sum(partition.size for partition in snapshot.partitions),
        columns=snapshot.columns or count.columns,
        warnings=_warnings(snapshot, count, services.now()),
        problem=count.problem or next(iter(snapshot.warnings), None),
    )


def _count(
    services: Services, known: KnownCount | None, snapshot: Snapshot, reading: ReadOptions | None = None
) -> KnownCount:
    """What is known of this version; if nothing is, a look at its files."""
    usual = is_usual(reading)
    if known and (usual or not known.problem):
        return known
    try:
        seen = snapshots.sample(services.snapshots, snapshot, reading)
    except (SnapshotChanged, SnapshotsRefused) as error:
        # It says nothing of this version: another takes its place, or the app is let in again.
        return KnownCount(segment=path_of(snapshot), version="", profiles=None, problem=str(error))
    except SnapshotError as error:
        count = count_of(snapshot, None, exact=False, problem=str(error))
    else:
        count = count_of(snapshot, seen.profiles, exact=seen.exact, columns=seen.columns)
    # What one person's way of reading finds is nothing that others have to be told.
    return services.counts.note(count) if usual else count


def _warnings(snapshot: Snapshot, count: KnownCount, now: datetime) -> tuple[SegmentWarning, ...]:
    holds: dict[SegmentWarning, bool] = {
        "broken": count.problem is not None,
        "empty": count.exact and count.profiles == 0,
        "too_large": (count.profiles or 0) > MOST_CONTACTS,
        "stale": now - snapshot.taken_at > STALE_AFTER,
    }
    return tuple(warning for warning, is_so in holds.items() if is_so)
