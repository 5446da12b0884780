"""Specifies when a snapshot is complete, still being written, or broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.snapshots import Partition, StillWriting
from shared.snapshots.completeness import Broken, Evidence, judge
from shared.snapshots.folders import StoredFile
from shared.snapshots.model_file import NamedPartition

WRITTEN = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
QUIET = timedelta(minutes=10)
SOON = WRITTEN + timedelta(minutes=1)
LATER = WRITTEN + QUIET


def stored(name: str, changed_at: datetime = WRITTEN) -> StoredFile:
    return StoredFile(f"r/T/2026/11/22/0130/{name}", '"1"', 10, changed_at)


def named(name: str) -> NamedPartition:
    return NamedPartition(f"r/T/2026/11/22/0130/{name}", "no", None, None, plain_quotes=False)


def decide(
    now: datetime, files: list[StoredFile], parts: tuple[NamedPartition, ...] = (), model_at: datetime | None = None
) -> list[str] | StillWriting | Broken:
    verdict = judge(Evidence("T", "r/T/2026/11/22/0130", files, parts, model_at), now, QUIET)
    return [name(partition) for partition in verdict] if isinstance(verdict, tuple) else verdict


def name(partition: Partition) -> str:
    return partition.path.rpartition("/")[2]


def test_a_model_written_after_all_of_its_partitions_makes_a_snapshot_complete_at_once() -> None:
    files = [stored("T_10.csv"), stored("T_2.csv"), stored("left_over.csv")]
    assert decide(SOON, files, (named("T_10.csv"), named("T_2.csv")), WRITTEN) == ["T_2.csv", "T_10.csv"]


def test_a_model_older_than_a_partition_says_nothing_until_the_quiet_time_is_over() -> None:
    files = [stored("T_1.csv")]
    older = WRITTEN - timedelta(seconds=1)
    verdict = decide(SOON, files, (named("T_1.csv"),), older)
    assert isinstance(verdict, StillWriting)
    assert verdict.settles_at == LATER
    assert decide(LATER, files, (named("T_1.csv"),), older) == ["T_1.csv"]


def test_without_a_model_the_quiet_time_counts_from_the_last_change_of_any_file() -> None:
    files = [stored("T_1.csv"), stored("_SUCCESS", SOON)]
    verdict = decide(LATER, files)
    assert isinstance(verdict, StillWriting)
    assert verdict.settles_at == SOON + QUIET
    assert decide(SOON + QUIET, files) == ["T_1.csv"]


def test_without_a_model_every_data_file_is_a_partition_and_nothing_else() -> None:
    files = [stored("T_2.csv"), stored("T_1.csv.gz"), stored("_SUCCESS"), stored("_temporary/T_3.csv"), stored("0")]
    assert decide(LATER, files) == ["T_1.csv.gz", "T_2.csv"]


def test_a_named_partition_that_is_missing_is_waited_for_and_then_breaks_the_snapshot() -> None:
    waiting = decide(SOON, [stored("T_1.csv")], (named("T_1.csv"), named("T_2.csv")), WRITTEN)
    assert isinstance(waiting, StillWriting)
    assert "T_2.csv" in waiting.reason
    broken = decide(LATER, [stored("T_1.csv")], (named("T_1.csv"), named("T_2.csv")), WRITTEN)
    assert isinstance(broken, Broken)
    assert "T_2.csv" in broken.problem


def test_a_missing_partition_is_waited_for_from_the_time_that_the_model_was_written() -> None:
    verdict = decide(LATER, [stored("T_1.csv")], (named("T_1.csv"), named("T_2.csv")), SOON)
    assert isinstance(verdict, StillWriting)
    assert verdict.settles_at == SOON + QUIET


def test_a_folder_without_data_files_is_broken_after_the_quiet_time() -> None:
    verdict = decide(LATER, [stored("_SUCCESS")])
    assert isinstance(verdict, Broken)
    assert "r/T/2026/11/22/0130" in verdict.problem
