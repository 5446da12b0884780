"""What is remembered of a segment's profiles: of one version, and never less than was known of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exporters.known_counts import KnownCounts, count_of, path_of, version_of
from shared.snapshots import Partition, Snapshot
from tests.exporters.world import World

FOLDER = "Root/Loyal/2026/11/22/0130"


def snapshot(folder: str = FOLDER, *etags: str) -> Snapshot:
    partitions = [
        Partition(path=f"{folder}/Loyal_{n}.csv", etag=etag, size=9) for n, etag in enumerate(etags or ("a",))
    ]
    return Snapshot(segment="x", id=folder, taken_at=datetime(2026, 11, 22, tzinfo=UTC), partitions=tuple(partitions))


@pytest.fixture
def counts(world: World) -> KnownCounts:
    return world.services.counts


def test_a_count_is_known_by_the_segments_place_whatever_an_export_calls_it(counts: KnownCounts) -> None:
    counts.note(count_of(snapshot(), 7, exact=True, columns=("EMail",)))
    known = counts.of(snapshot().model_copy(update={"segment": "loyal"}))
    assert known is not None
    assert (known.segment, known.profiles, known.exact, known.columns) == ("Root/Loyal", 7, True, ("EMail",))
    assert counts.all() == {"Root/Loyal": known}


@pytest.mark.parametrize(
    "other",
    [
        snapshot("Root/Loyal/2026/11/22/0730"),
        snapshot(FOLDER, "b"),
        snapshot(FOLDER, "a", "b"),
        snapshot("Root/Other/2026/11/22/0130"),
    ],
)
def test_another_version_is_not_known(counts: KnownCounts, other: Snapshot) -> None:
    counts.note(count_of(snapshot(), 7, exact=True))
    assert counts.of(other) is None


def test_a_newer_version_takes_the_place_of_the_older_one(counts: KnownCounts) -> None:
    newer = snapshot("Root/Loyal/2026/11/23/0130")
    counts.note(count_of(snapshot(), 7, exact=True))
    counts.note(count_of(newer, 9, exact=False))
    assert counts.of(snapshot()) is None
    assert [(one.profiles, one.exact) for one in counts.all().values()] == [(9, False)]


def test_an_estimate_does_not_take_the_place_of_a_count(counts: KnownCounts) -> None:
    counts.note(count_of(snapshot(), 9, exact=False, columns=("EMail",)))
    counts.note(count_of(snapshot(), 7, exact=True))
    for profiles in (9, None):
        assert counts.note(count_of(snapshot(), profiles, exact=False)).profiles == 7
    known = counts.of(snapshot())
    assert known is not None
    assert (known.profiles, known.exact, known.columns) == (7, True, ("EMail",))


def test_what_was_a_problem_is_none_once_all_was_read(counts: KnownCounts) -> None:
    counts.note(count_of(snapshot(), None, exact=False, problem="its encoding is not known"))
    counts.note(count_of(snapshot(), 7, exact=True))
    known = counts.of(snapshot())
    assert known is not None
    assert known.problem is None


def test_too_many_columns_are_not_kept(counts: KnownCounts) -> None:
    counts.note(count_of(snapshot(), 7, exact=True, columns=tuple(f"{number:010}" for number in range(5_000))))
    known = counts.of(snapshot())
    assert known is not None
    assert (known.columns, known.profiles) == (None, 7)


def test_a_flat_file_belongs_to_its_stem() -> None:
    flat = snapshot("Root/Shop_Loyal_1763775000.csv")
    assert path_of(flat) == "Root/Shop_Loyal"
    assert path_of(snapshot("Shop_Loyal_1763775000.csv")) == "Shop_Loyal"
    assert version_of(flat) != version_of(snapshot("Root/Shop_Loyal_1763778600.csv"))
