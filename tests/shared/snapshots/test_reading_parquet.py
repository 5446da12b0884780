"""Specifies how the rows of Parquet partitions are read, and what is refused."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.snapshots import Row, SchemaMismatch, SnapshotChanged, UnreadableFile, columns, read_rows
from tests.shared.snapshots.conftest import Store


def parquet(data: dict[str, Any], **options: Any) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table(data), written, **options)
    return written.getvalue()


def test_rows_are_numbered_across_row_groups_and_projected(store: Store) -> None:
    content = parquet({"Id": ["1", "2", "3"], "EMail": ["a", None, "c"], "X": [1, 2, 3]}, row_group_size=2)
    rows = store.read(content, ["EMail", "Id"], name="a.parquet")
    assert rows == [Row(0, 1, ("a", "1")), Row(0, 2, ("", "2")), Row(0, 3, ("c", "3"))]


def test_values_that_are_no_text_become_text(store: Store) -> None:
    at = dt.datetime(2020, 5, 6, 7, 8, tzinfo=dt.UTC)
    data = {"n": [7], "d": [dt.date(2020, 5, 6)], "t": [at], "b": [True], "s": pa.array(["x"]).dictionary_encode()}
    (row,) = store.read(parquet(data), ["n", "d", "t", "b", "s"], name="a.parquet")
    assert row == Row(0, 1, ("7", "2020-05-06", "2020-05-06 07:08:00.000000Z", "true", "x"))


def test_a_column_that_cannot_be_text_is_named(store: Store) -> None:
    with pytest.raises(UnreadableFile, match=r"'a\.parquet' of segment 'VIP'.*'tags' of type list"):
        store.read(parquet({"tags": [["x"]]}), ["tags"], name="a.parquet")


def test_column_names_come_from_the_schema(store: Store) -> None:
    snapshot = store.snapshot(store.put("a.parquet", parquet({"Id": ["1"], "a.b": ["2"]})))
    assert columns(store.container, snapshot) == ("Id", "a.b")
    assert list(read_rows(store.container, snapshot, ["a.b"])) == [Row(0, 1, ("2",))]


def test_partitions_with_different_schemas_are_refused(store: Store) -> None:
    first, second = store.put("a.parquet", parquet({"Id": ["1"]})), store.put("b.parquet", parquet({"Nr": ["1"]}))
    with pytest.raises(SchemaMismatch, match=r"'a\.parquet' and 'b\.parquet'"):
        list(read_rows(store.container, store.snapshot(first, second), ["Id"]))


@pytest.mark.parametrize("content", [b"no parquet at all", parquet({"Id": ["1"] * 100})[:-20]])
def test_a_file_that_is_no_parquet_is_refused_and_named(store: Store, content: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"'a\.parquet' of segment 'VIP'.*no Parquet file"):
        store.read(content, ["Id"], name="a.parquet")


def test_a_parquet_that_expands_too_much_is_refused(store: Store) -> None:
    content = parquet({"Id": ["x" * 100] * 9_000}, compression="zstd", use_dictionary=False)
    assert len(content) < 100_000
    with pytest.raises(UnreadableFile, match="more than 100,000 bytes"):
        store.read(content, ["Id"], name="a.parquet", max_bytes=100_000)


def test_a_parquet_that_changes_while_it_is_read_is_noticed(store: Store) -> None:
    content = parquet(
        {"Id": [f"{n:>100}" for n in range(60_000)]}, row_group_size=10_000, use_dictionary=False, compression="none"
    )
    snapshot = store.snapshot(store.put("a.parquet", content))
    rows = read_rows(store.container, snapshot, ["Id"])
    next(rows)
    store.put("a.parquet", content)
    with pytest.raises(SnapshotChanged, match=r"'a\.parquet'"):
        list(rows)


def test_reading_csv_does_not_import_pyarrow() -> None:
    program = "import sys, shared.snapshots; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def not_utf_8() -> pa.Array:
    """A column that says it is text and holds bytes that are none."""
    offsets, data = pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")
    return pa.StringArray.from_buffers(1, offsets, data)


@pytest.mark.parametrize("values", [[b"\xff\xfe"], not_utf_8()], ids=["bytes", "text that is not UTF-8"])
def test_a_column_of_bytes_that_are_no_text_is_named(store: Store, values: Any) -> None:
    with pytest.raises(UnreadableFile, match=r"'a\.parquet' of segment 'VIP'.*column 'EMail'"):
        store.read(parquet({"EMail": values}), ["EMail"], name="a.parquet")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz"])
def test_a_file_of_no_bytes_is_empty_and_no_damaged_one(store: Store, name: str) -> None:
    with pytest.raises(UnreadableFile, match="empty"):
        store.read(b"", ["EMail"], name=name)
    with pytest.raises(UnreadableFile, match=r"damaged|too early"):
        store.read(b"P", ["EMail"], name=name)
