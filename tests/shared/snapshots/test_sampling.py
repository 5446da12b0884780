"""Specifies how many profiles a snapshot is said to have before it is read, and what that costs."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.snapshots import HeaderUnclear, ReadOptions, SnapshotChanged, UnreadableFile, sample
from shared.snapshots.partition_file import PartitionFile
from tests.shared.snapshots.conftest import Store

HEADER = "EMail,FirstName\n"


def people(count: int, *, first: int = 0) -> str:
    return "".join(f"person.{number}@example.com,Name {number}\n" for number in range(first, first + count))


def test_a_small_file_is_counted(store: Store) -> None:
    found = sample(store.container, store.snapshot(store.put("a.csv", HEADER + people(3))))
    assert (found.columns, found.profiles, found.exact) == (("EMail", "FirstName"), 3, True)


def test_a_file_without_a_header_has_one_profile_more(store: Store) -> None:
    snapshot = store.snapshot(store.put("a.csv", people(3)), columns=("EMail", "FirstName"))
    assert sample(store.container, snapshot).profiles == 3


def test_small_files_are_counted_together(store: Store) -> None:
    paths = [store.put(f"a_{number}.csv", HEADER + people(number)) for number in (1, 2, 3)]
    found = sample(store.container, store.snapshot(*paths))
    assert (found.profiles, found.exact) == (6, True)


def test_a_profile_on_several_lines_is_one(store: Store) -> None:
    content = HEADER + 'ana@example.com,"An\na"\n\nbo@example.com,Bo,more\n'
    assert sample(store.container, store.snapshot(store.put("a.csv", content))).profiles == 2


@pytest.mark.parametrize("count", [5_000, 100_000])
@pytest.mark.parametrize("packed", [False, True])
def test_a_large_file_is_judged_by_its_beginning(store: Store, count: int, packed: bool) -> None:
    content = (HEADER + people(count)).encode()
    path = store.put("a.csv.gz", gzip.compress(content)) if packed else store.put("a.csv", content)
    found = sample(store.container, store.snapshot(path))
    assert found.columns == ("EMail", "FirstName")
    assert found.profiles is not None
    # Numbers grow longer towards the end.
    assert 0.8 * count <= found.profiles <= 1.2 * count
    assert not found.exact or found.profiles == count


def test_one_request_is_enough_for_a_large_snapshot(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [store.put(f"a_{number}.csv", HEADER + people(5_000)) for number in range(10)]
    fetched = []
    fetch = PartitionFile.fetch

    def noted(file: PartitionFile, start: int, most: int) -> bytes:
        fetched.append(file)
        return fetch(file, start, most)

    monkeypatch.setattr(PartitionFile, "fetch", noted)
    found = sample(store.container, store.snapshot(*paths))
    assert len(fetched) == 1
    assert found.profiles is not None
    assert 45_000 <= found.profiles <= 55_000
    assert not found.exact


def test_of_many_small_files_the_first_twenty_are_counted(store: Store) -> None:
    paths = [store.put(f"a_{number:02}.csv", HEADER + people(10)) for number in range(30)]
    found = sample(store.container, store.snapshot(*paths))
    assert (found.profiles, found.exact) == (300, False)


def test_a_compressed_file_of_several_members_that_fits_is_counted(store: Store) -> None:
    content = gzip.compress((HEADER + people(3)).encode()) + gzip.compress(people(4, first=3).encode()) + b"\0" * 100
    found = sample(store.container, store.snapshot(store.put("a.csv.gz", content)))
    assert (found.profiles, found.exact) == (7, True)


def test_a_parquet_file_says_how_many_it_has(store: Store) -> None:
    written = io.BytesIO()
    pq.write_table(pa.table({"EMail": [f"p{n}@example.com" for n in range(50_000)]}), written)
    path = store.put("a.parquet", written.getvalue())
    found = sample(store.container, store.snapshot(path, store.put("b.parquet", written.getvalue())))
    assert (found.columns, found.profiles, found.exact) == (("EMail",), 100_000, True)


def test_a_cell_that_was_cut_is_no_fault_of_the_file(store: Store) -> None:
    row = '"ana@example.com","' + "long text\n" * 50 + '"\n'
    found = sample(store.container, store.snapshot(store.put("a.csv", HEADER + row * 1_000)))
    assert found.profiles is not None
    assert 900 <= found.profiles <= 1_100


def test_a_row_that_does_not_end_says_nothing(store: Store) -> None:
    snapshot = store.snapshot(store.put("a.csv", '"' + "x" * 100_000), columns=("EMail",))
    found = sample(store.container, snapshot)
    assert (found.profiles, found.exact) == (None, False)


def test_an_empty_file_has_none(store: Store) -> None:
    found = sample(store.container, store.snapshot(store.put("a.csv", ""), columns=("EMail",)))
    assert (found.profiles, found.exact) == (0, True)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.csv.gz", gzip.compress(people(5_000).encode())[:5_000], "ends too early"),
        ("a.csv.gz", b"\x1f\x8b" + b"no gzip" * 10, "damaged"),
        ("a.csv.gz", b"", "empty"),
        ("a.csv.gz", b"no gzip", "damaged"),
        ("a.csv", b'"open', "quote is not closed"),
        ("a.csv", "Jos\xe9\n".encode("latin-1"), "not encoded in utf-8"),
        ("a.parquet", b"no parquet", "no Parquet file"),
    ],
)
def test_what_cannot_be_read_is_named(store: Store, name: str, content: bytes, problem: str) -> None:
    with pytest.raises(UnreadableFile, match=problem):
        sample(store.container, store.snapshot(store.put(name, content), columns=("EMail",)))


def test_the_exports_options_are_used(store: Store) -> None:
    snapshot = store.snapshot(store.put("a.csv", "EMail;Name\njos\xe9@example.com;Jos\xe9\n".encode("latin-1")))
    found = sample(store.container, snapshot, ReadOptions(encoding="latin-1", delimiter=";"))
    assert (found.columns, found.profiles) == (("EMail", "Name"), 1)


def test_columns_that_nobody_names_are_not_guessed(store: Store) -> None:
    with pytest.raises(HeaderUnclear):
        sample(store.container, store.snapshot(store.put("a.csv", people(3))))


def test_a_file_that_was_written_again_is_not_counted(store: Store) -> None:
    snapshot = store.snapshot(store.put("a.csv", HEADER + people(3)))
    store.put("a.csv", HEADER + people(4))
    with pytest.raises(SnapshotChanged):
        sample(store.container, snapshot)
