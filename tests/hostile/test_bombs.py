"""CSV files made to fill the memory or the time: each is refused by name, in seconds, in a bounded process."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from azure.storage.blob import ContainerClient

from local.azurite import Azurite
from shared.snapshots import UnreadableFile, partition_file
from tests.hostile.bombs import MIB, read_all, read_made_up, read_stored, repeated, snapshot
from tests.hostile.measuring import Measured, measured

GIB = 1024 * MIB
HEADER = b"Id,EMail\n"

# Each unpacks to 10 GB or more.
GZIP_BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "one row": (lambda: repeated(HEADER, b"0" * MIB, 10 * 1024), "row around line 2 is longer than"),
    "one cell in quotes": (
        lambda: repeated(HEADER + b'1,"', b"0" * MIB, 10 * 1024),
        "row around line 2 is longer than",
    ),
    "lines in one cell": (lambda: repeated(HEADER + b'1,"', b"\n" * MIB, 10 * 1024), "too many lines"),
    "rows of zeros": (lambda: repeated(HEADER, b"0,0\n" * (MIB // 4), 10 * 1024), "more than 5,000,000 rows"),
    "blank lines": (lambda: repeated(HEADER, b"\r\n" * (MIB // 2), 10 * 1024), "more than 5,000,000 rows"),
    "blank lines before the header": (lambda: repeated(b"", b"\r\n" * (MIB // 2), 10 * 1024), "too many lines"),
    "wide rows": (
        lambda: repeated(HEADER, b"," * (2 * MIB) + b"\n", 5 * 1024),
        "the row at line 2 has 2,097,153 cells",
    ),
    "many members": (
        lambda: gzip.compress(HEADER) + gzip.compress(b"0" * 100 * MIB) * 100,
        "row around line 2 is longer",
    ),
    "empty members": (lambda: gzip.compress(HEADER) + gzip.compress(b"") * 1_000_001, "more than 1,000,000 members"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GZIP_BOMBS)
def test_a_gzip_bomb_is_refused_by_name_soon_and_in_little_memory(
    azurite: Azurite, container: ContainerClient, name: str
) -> None:
    make, said = GZIP_BOMBS[name]
    container.upload_blob("VIP_1.csv.gz", make())
    ended = measured(
        read_stored, azurite.connection_string, container.container_name, "VIP_1.csv.gz", "EMail", address_space=1_024
    )
    refused(ended, said, "VIP_1.csv.gz")
    assert ended.seconds < 60
    assert ended.peak < 300


@pytest.mark.parametrize(
    ("size", "start", "unit", "said"),
    [
        (GIB, "Id,EMail\n1,", "x", "the row around line 2 is longer than 8,388,608 characters"),
        (GIB, 'Id,EMail\n1,"', "text, text\n", "a cell is longer than 1,048,576 characters"),
        (GIB, "Id,EMail\n1,2\n", "😀", "is longer than"),
        (6 * MIB, "EMail", ",colum", "it has 1,048,577 columns"),
        (MIB // 2 + 1, "EMail", ",c", "columns; at most 5,000 are read"),
        (6 * MIB, "Id,EMail\n", "€,", "cells; at most 5,000 are read"),
        (100 * MIB, "EMail", ",é", "the row around line 1 is longer than 8,388,608 characters"),
        (100 * MIB, "EMail", ",;\t|", "the row around line 1 is longer than 8,388,608 characters"),
        (30 * GIB, "Id,EMail\n", "1,a@example.com\n", "holds more than 21,474,836,480 bytes"),
    ],
    ids=[
        "cell",
        "quoted cell",
        "wide characters",
        "columns",
        "short columns",
        "cells",
        "header",
        "any delimiter",
        "size",
    ],
)
def test_a_file_that_is_huge_in_any_direction_is_refused(size: int, start: str, unit: str, said: str) -> None:
    ended = measured(read_made_up, size, start, unit, address_space=1_536)
    refused(ended, said, "VIP_1.csv")
    assert ended.seconds < 20
    assert ended.peak < 700


def test_a_million_profiles_of_a_hundred_columns_are_no_bomb() -> None:
    """About 1.6 GB; a tenth of it is read here, and in the same memory as all of it would be."""
    row = "1,a@example.com" + ",some value, " * 49 + "\n"
    header = "Id,EMail" + "".join(f",c{number}" for number in range(98)) + "\n"
    ended = measured(read_made_up, len(header) + 100_000 * len(row), header, row, address_space=1_024)
    assert (ended.error, ended.said) == ("", "100000 rows, 0 bad rows")
    assert ended.peak < 200


def test_what_expands_as_only_filler_does_is_refused_before_its_bytes_are_used_up(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_file, "ALWAYS_FINE_BYTES", 10 * MIB)
    content = repeated(HEADER, (b"1," + b"x" * 65_533 + b"\n") * 16, 20)
    taken = container.upload_blob("VIP_1.csv.gz", content).get_blob_properties()
    with pytest.raises(UnreadableFile, match="more than 500 times its size"):
        read_all(container, snapshot("VIP_1.csv.gz", taken.size, taken.etag), "EMail")


def refused(ended: Measured, said: str, path: str) -> None:
    assert ended.error == "UnreadableFile", ended
    assert f"'{path}' of segment 'VIP'" in ended.said
    assert said in ended.said
