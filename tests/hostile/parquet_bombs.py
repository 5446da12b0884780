"""Parquet files made to do harm; each function writes one, reads it back and says what came of it."""

from __future__ import annotations

import io
import random
import struct
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.snapshots import SnapshotError
from tests.hostile.bombs import MIB, MadeUp, read_all, snapshot


def written(table: pa.Table, times: int = 1, **options: Any) -> bytes:
    """The bytes of a Parquet file that holds this table so many times, each time as a row group."""
    out = io.BytesIO()
    with pq.ParquetWriter(out, table.schema, **{"compression": "zstd", **options}) as writer:
        for _ in range(times):
            writer.write_table(table, row_group_size=max(1, table.num_rows))
    return out.getvalue()


def read(content: bytes, *wanted: str) -> str:
    """Read it as a partition."""
    container = MadeUp(len(content), lambda offset, length: content[offset : offset + length])
    return read_all(container, snapshot("VIP_1.parquet", len(content), "1"), *wanted)


def many_rows() -> str:
    """Twenty million rows of nothing, in a small file."""
    content = written(pa.table({"EMail": pa.nulls(2 * MIB, pa.string())}), times=10)
    assert len(content) < 500_000
    return read(content, "EMail")


def one_text_again_and_again() -> str:
    """A million rows that share one text of 1 MB: a terabyte, in a file of a few KB."""
    indices = pa.array([0], pa.int32()).take(pa.array([0] * MIB))
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * MIB]))
    content = written(pa.table({"EMail": column}))
    assert len(content) < 100_000
    return read(content, "EMail")


def short_texts_again_and_again() -> str:
    """A million rows that share a few texts: what a column of countries is."""
    column = pa.array(["Italy", "Romania", "", None] * 50_000).dictionary_encode()
    return read(written(pa.table({"EMail": column})), "EMail")


def large_page() -> str:
    """A page of 300 MB, in a file of a few KB."""
    table = pa.table({"EMail": ["x" * MIB] * 300})
    content = written(table, use_dictionary=False, data_page_size=2**30, write_page_index=False)
    assert len(content) < 200_000
    return read(content, "EMail")


def many_columns() -> str:
    """More columns than anybody maps."""
    return read(written(pa.table({f"c{number}": ["1"] for number in range(6_000)})), "c1")


def deep_schema() -> str:
    """A column of lists of lists of lists …"""
    kind: pa.DataType = pa.string()
    for _ in range(90):
        kind = pa.list_(kind)
    return read(written(pa.table({"EMail": pa.array([None], kind)})), "EMail")


def text_that_is_none() -> str:
    """A column that says that it is UTF-8 and is not."""
    offsets, data = struct.pack("<2i", 0, 4), b"a\xff\xfe\xed"
    column = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))
    return read(written(pa.table({"EMail": column})), "EMail")


def broken_in_any_place(times: int = 1_000, seed: int = 7) -> str:
    """A good file of which a few bytes are others, so many times: how each reading ended."""
    table = pa.table({"EMail": [f"p{n}@example.com" for n in range(50)], "n": range(50), "t": ["x", "y"] * 25})
    good = [written(table), written(table, compression="none", use_dictionary=False), written(table, version="1.0")]
    chance = random.Random(seed)
    ended: Counter[str] = Counter()
    for _ in range(times):
        content = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        try:
            read(bytes(content), "EMail", "n", "t")
            ended["read"] += 1
        except SnapshotError:
            ended["refused"] += 1
    return f"{ended.total()} ended, {ended['refused']} refused"
