"""Files that are small where they lie and huge when they are read, and containers that make up what they hold."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.storage.blob import BlobProperties, ContainerClient

from shared.snapshots import Partition, Row, Snapshot, read_rows
from shared.snapshots.paths import is_gzip, kind_of

_GZIP_HEADER = b"\x1f\x8b\x08\x00" + b"\0" * 6
MIB = 1024**2


def repeated(start: bytes, unit: bytes, times: int) -> bytes:
    """A gzip of `start` and then `unit` so many times; it has no end, which nobody should come to see.

    After a full flush deflate forgets what came before, so the same compressed bytes may follow each other.
    """
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = deflate.compress(start) + deflate.flush(zlib.Z_FULL_FLUSH)
    again = deflate.compress(unit) + deflate.flush(zlib.Z_FULL_FLUSH)
    return _GZIP_HEADER + first + again * times


def snapshot(path: str, size: int, etag: str, columns: tuple[str, ...] | None = None) -> Snapshot:
    """A snapshot of this one file."""
    partition = Partition(path=path, etag=etag, size=size, kind=kind_of(path), gzip=is_gzip(path))
    return Snapshot(
        segment="VIP", id="s", taken_at=datetime(2026, 1, 1, tzinfo=UTC), partitions=(partition,), columns=columns
    )


def read_all(container: Any, taken: Snapshot, *wanted: str) -> str:
    """Read every row, and keep none."""
    good = bad = 0
    for row in read_rows(container, taken, wanted):
        if isinstance(row, Row):
            good += 1
        else:
            bad += 1
    return f"{good} rows, {bad} bad rows"


def read_stored(connection_string: str, container: str, path: str, *wanted: str) -> str:
    """Read a file of a real container."""
    with ContainerClient.from_connection_string(connection_string, container) as client:
        blob = client.get_blob_client(path).get_blob_properties()
        return read_all(client, snapshot(path, blob.size, blob.etag), *wanted)


@dataclass(frozen=True)
class MadeUp:
    """A container with one blob, whose bytes are made when they are asked for: any size, and no time to upload it."""

    size: int
    bytes_at: Callable[[int, int], bytes]
    url: str = "https://account.blob.core.windows.net/segments"

    def get_blob_client(self, path: str) -> MadeUp:
        return self

    def download_blob(self, *path: str, offset: int = 0, length: int = 1, **_: object) -> MadeUp:
        return MadeUp(self.size, lambda *_: self.bytes_at(offset, length))

    @property
    def properties(self) -> BlobProperties:
        return BlobProperties(last_modified=datetime(2026, 1, 1, tzinfo=UTC))

    def readall(self) -> bytes:
        return self.bytes_at(0, self.size)


def filler(start: bytes, unit: bytes) -> Callable[[int, int], bytes]:
    """The bytes of `start` and then of `unit` again and again."""

    def bytes_at(offset: int, length: int) -> bytes:
        whole = io.BytesIO()
        whole.write(start[offset : offset + length])
        at = offset + whole.tell() - len(start)
        missing = length - whole.tell()
        if missing:
            skipped = at % len(unit)
            whole.write((unit * (missing // len(unit) + 2))[skipped : skipped + missing])
        return whole.getvalue()

    return bytes_at


def read_made_up(size: int, start: str, unit: str) -> str:
    """Read a CSV file of that size that nobody has stored."""
    bytes_at = filler(start.encode(), unit.encode())
    return read_all(MadeUp(size, bytes_at), snapshot("VIP_1.csv", size, "1"), "EMail")
