"""What a chosen partition is known to be: pinned, with the format that its name and model.json state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.snapshots import Partition
from shared.snapshots.completeness import Evidence, judge, partition_of
from shared.snapshots.folders import StoredFile
from shared.snapshots.model_file import NamedPartition

WRITTEN = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
FOLDER = "r/T/2026/11/22/0130"


def stored(name: str, changed_at: datetime = WRITTEN) -> StoredFile:
    return StoredFile(f"{FOLDER}/{name}", '"7"', 42, changed_at)


def test_a_file_is_pinned_by_its_etag_and_size() -> None:
    partition = partition_of(stored("T_1.csv"))
    assert partition == Partition(path=f"{FOLDER}/T_1.csv", etag='"7"', size=42)
    assert (partition.kind, partition.gzip, partition.header) == ("csv", False, "auto")
    assert (partition.delimiter, partition.encoding, partition.quoting) == (None, None, "csv")


@pytest.mark.parametrize(
    ("name", "kind", "is_gzip"),
    [("T.csv", "csv", False), ("T.csv.gz", "csv", True), ("T.GZ", "csv", True), ("T.parquet", "parquet", False)],
)
def test_a_name_says_how_a_file_is_read(name: str, kind: str, is_gzip: bool) -> None:
    partition = partition_of(stored(name))
    assert (partition.kind, partition.gzip) == (kind, is_gzip)


@pytest.mark.parametrize(("plain_quotes", "quoting"), [(True, "none"), (False, "csv")])
def test_what_model_json_states_is_kept(plain_quotes: bool, quoting: str) -> None:
    named = NamedPartition(f"{FOLDER}/T_1.csv", "yes", ";", "latin-1", plain_quotes)
    partition = partition_of(stored("T_1.csv"), named)
    assert (partition.header, partition.delimiter, partition.encoding) == ("yes", ";", "latin-1")
    assert partition.quoting == quoting


def test_one_partition_that_is_younger_than_the_model_leaves_the_snapshot_open() -> None:
    named = tuple(NamedPartition(f"{FOLDER}/T_{n}.csv", "no", None, None, plain_quotes=False) for n in (1, 2))
    files = [stored("T_1.csv"), stored("T_2.csv", WRITTEN + timedelta(seconds=1))]
    soon, quiet = WRITTEN + timedelta(seconds=2), timedelta(minutes=10)
    assert not isinstance(judge(Evidence("T", FOLDER, files, named, WRITTEN), soon, quiet), tuple)
    assert isinstance(judge(Evidence("T", FOLDER, files[:1], named[:1], WRITTEN), soon, quiet), tuple)
