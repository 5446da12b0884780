"""Parquet files made to do harm: refused by name, or read in little memory."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pyarrow as pa
import pytest

from shared.snapshots import UnreadableFile
from tests.hostile import parquet_bombs as bombs
from tests.hostile.measuring import measured


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (bombs.many_rows, "more than 5,000,000 rows"),
        (bombs.one_text_again_and_again, "8,192 rows of column 'EMail' hold too much text"),
        (bombs.large_page, "more than 100 times its size"),
        (bombs.many_columns, "6,000 columns"),
        (bombs.deep_schema, "it is no Parquet file, or a damaged one"),
        (bombs.text_that_is_none, "is not text"),
    ],
)
def test_it_is_refused_by_name_in_little_memory(read: Callable[[], str], said: str) -> None:
    ended = measured(read, address_space=4_096)
    assert ended.error == "UnreadableFile", ended
    assert said in ended.said
    assert "'VIP_1.parquet' of segment 'VIP'" in ended.said
    assert ended.seconds < 20
    assert ended.peak < (1_500 if read is bombs.large_page else 500)  # A large page is made in the same process.


def test_rows_that_share_short_texts_are_read() -> None:
    assert bombs.short_texts_again_and_again() == "200000 rows, 0 bad rows"


@pytest.mark.slow
def test_a_file_with_wrong_bytes_in_any_place_is_read_or_refused() -> None:
    ended = measured(bombs.broken_in_any_place, address_space=6_144)
    assert ended.error == "", ended
    assert ended.said.startswith("1000 ended")
    assert ended.peak < 1_500


GOOD = bombs.written(pa.table({"EMail": ["a@example.com"]}))


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1" + struct.pack("<I", 0) + b"PAR1",
        b"PAR1" + struct.pack("<I", 2**32 - 1) + b"PAR1",
        GOOD[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1",
        GOOD[:-8] + struct.pack("<I", 5) + b"PAR1",
        GOOD[:-4] + b"PARE",
        GOOD[: len(GOOD) // 2],
        b"\0" * 100,
        b"EMail\na@example.com\n",
    ],
)
def test_a_footer_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"'VIP_1\.parquet' of segment 'VIP'.*no Parquet file"):
        bombs.read(content, "EMail")
