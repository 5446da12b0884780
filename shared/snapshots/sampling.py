"""How many profiles a snapshot has, without reading it all: counted where that is cheap, else estimated."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from azure.storage.blob import ContainerClient

from shared.snapshots.csv_table import CsvTable
from shared.snapshots.errors import UnreadableFile
from shared.snapshots.limits import Allowance
from shared.snapshots.models import Partition, ReadOptions, Snapshot
from shared.snapshots.partition_file import PartitionFile

_SAMPLE_BYTES = 64 * 1024
_MOST_UNPACKED_BYTES = 16 * _SAMPLE_BYTES
# One request each: a small CSV file as a whole, or the end of a Parquet file, where its number of rows is.
_MOST_FILES = 20
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_FORMAT = 31  # zlib's number for a gzip header and trailer


@dataclass(frozen=True)
class Sample:
    """The columns of a snapshot and the number of its profiles: `exact`, or about so many; None where nothing says."""

    columns: tuple[str, ...]
    profiles: int | None
    exact: bool


@dataclass(frozen=True)
class _Part:
    """What was seen of one partition: its rows in so many of its bytes."""

    columns: tuple[str, ...]
    rows: int
    size: int
    whole: bool


def sample(container: ContainerClient, snapshot: Snapshot, options: ReadOptions | None = None) -> Sample:
    """Look at the first 64 KiB of a file, and at the next one while a file is no longer than that.

    Parquet files say how many rows they have. More than 20 files are judged by the first 20. Raises what `read_rows`
    does, for what it happens to see.
    """
    seen: list[_Part] = []
    for partition in snapshot.partitions[:_MOST_FILES]:
        seen.append(_part(container, snapshot, partition, options))
        if not seen[-1].whole:
            break
    rows, size = sum(part.rows for part in seen), sum(part.size for part in seen)
    exact = seen[-1].whole and len(seen) == len(snapshot.partitions)
    if exact:
        return Sample(seen[0].columns, rows, exact=True)
    of_all = sum(partition.size for partition in snapshot.partitions)
    return Sample(seen[0].columns, round(rows * of_all / size) if rows and size else None, exact=False)


def _part(container: ContainerClient, snapshot: Snapshot, partition: Partition, options: ReadOptions | None) -> _Part:
    file = PartitionFile(container, snapshot.segment, partition, Allowance())
    if partition.kind == "parquet":
        # pyarrow takes half a second and 60 MB to import.
        from shared.snapshots.parquet_table import ParquetTable

        parquet = ParquetTable(file)
        return _Part(parquet.columns, max(0, parquet.row_count), partition.size, whole=True)
    beginning = _beginning(file)
    lines = _InHand(container, file.segment, partition, file.allowance, beginning.content)
    table = CsvTable(lines, options or ReadOptions(), snapshot.columns, ())
    return _Part(table.columns, _count_rows(table, beginning), beginning.size, beginning.whole)


@dataclass(frozen=True)
class _Beginning:
    """The first lines of a file, unpacked; `size` is how many of its stored bytes they are, `whole` whether all."""

    content: bytes
    size: int
    whole: bool


@dataclass(frozen=True)
class _InHand(PartitionFile):
    """A partition of which `content` was fetched already."""

    content: bytes

    def open_content(self) -> BinaryIO:
        """What is in hand."""
        return io.BufferedReader(io.BytesIO(self.content))


def _count_rows(table: CsvTable, beginning: _Beginning) -> int:
    """The rows of a beginning; where it was cut it may end in the middle of one."""
    count = 0
    try:
        for _ in table.rows(0, ()):
            count += 1
    except UnreadableFile:
        if beginning.whole:
            raise
    return count


def _beginning(file: PartitionFile) -> _Beginning:
    """The lines that are whole in the first 64 KiB of a file, fetched in one request."""
    size = file.partition.size
    if size == 0 and file.partition.gzip:
        raise file.unreadable("it is empty (0 bytes)")
    stored = file.fetch(0, _SAMPLE_BYTES) if size else b""
    if not file.partition.gzip and stored[:2] != _GZIP_MAGIC:
        content = stored if len(stored) == size else _whole_lines(stored)
        return _Beginning(content, len(content), whole=len(stored) == size)
    try:
        content, used, ended = _unpacked(stored)
    except zlib.error as error:
        raise file.unreadable("its gzip data is damaged") from error
    if used == size and not ended:
        raise file.unreadable("its gzip data ends too early, as after an upload that was cut off")
    whole = used == size
    # Which of the stored bytes the last line took is not known: few of them.
    return _Beginning(content if whole else _whole_lines(content), used, whole)


def _whole_lines(text: bytes) -> bytes:
    return text[: max(text.rfind(b"\n"), text.rfind(b"\r")) + 1]


def _unpacked(stored: bytes) -> tuple[bytes, int, bool]:
    """What comes out of the first bytes of a gzip file, how many of them that took, and whether a member ended there.

    A file may have several members, and zeros behind them; no more is unpacked than a sample needs.
    """
    content, rest, ended = b"", stored, False
    while rest and len(content) < _MOST_UNPACKED_BYTES:
        member = zlib.decompressobj(_GZIP_FORMAT)
        content += member.decompress(rest, _MOST_UNPACKED_BYTES - len(content))
        rest, ended = member.unconsumed_tail or member.unused_data.lstrip(b"\0"), member.eof
        if not ended:
            break
    return content, len(stored) - len(rest), ended
