"""The bytes of one partition: read by ranges, pinned to the ETag that was chosen, decompressed under a limit."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from shared.snapshots.errors import SnapshotChanged, UnreadableFile
from shared.snapshots.models import Partition

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RANGE_BYTES = 4 * 1024**2
_DECOMPRESSED_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class PartitionFile:
    """A partition of a segment, in the container that it lies in."""

    container: ContainerClient
    segment: str
    partition: Partition
    max_bytes: int
    """Bytes that may come out of it, decompressed: a guard against a file made to fill the memory or the time."""

    def unreadable(self, problem: str) -> UnreadableFile:
        """The error that names this file."""
        return UnreadableFile(self.segment, self.partition.path, problem)

    def open_stored(self, range_bytes: int = RANGE_BYTES) -> BinaryIO:
        """The bytes as they lie in the container, seekable; raises UnreadableFile when there are none or too many.

        `range_bytes` are fetched and kept at a time. Reading raises SnapshotChanged once the blob is no longer the
        pinned one.
        """
        if self.partition.size == 0:
            raise self.unreadable("it is empty (0 bytes)")
        if self.partition.size > self.max_bytes:
            raise self._too_large()
        return io.BufferedReader(_BlobRanges(self, range_bytes))

    def open_content(self) -> BinaryIO:
        """The decompressed bytes, to be read once from front to back; compressed or not is seen at their start.

        A text file of 0 bytes is one without rows: that is what a partition without a header is when it has none.
        """
        if self.partition.size == 0 and not self.partition.gzip:
            return io.BufferedReader(io.BytesIO())
        stored = self.open_stored()
        if not self.partition.gzip and _peek(stored, 2) != _GZIP_MAGIC:
            return stored
        return io.BufferedReader(_Decompressed(self, stored), _DECOMPRESSED_BYTES)

    def _too_large(self) -> UnreadableFile:
        return self.unreadable(f"it holds more than {self.max_bytes:,} bytes")


def _peek(stream: BinaryIO, count: int) -> bytes:
    start = stream.read(count)
    stream.seek(0)
    return start


class _BlobRanges(io.RawIOBase):
    """A blob as a seekable file that keeps the last range it fetched.

    Kept here, because what reads text asks BufferedReader for a few KB at a time, and that passes such calls on.
    """

    def __init__(self, file: PartitionFile, range_bytes: int) -> None:
        self._file = file
        self._range_bytes = range_bytes
        self._range = b""
        self._range_start = 0
        self._blob = file.container.get_blob_client(file.partition.path)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.partition.size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not 0 <= self._position < self._file.partition.size:
            return 0
        if not self._range_start <= self._position < self._range_start + len(self._range):
            self._range, self._range_start = self._fetch(), self._position
        view = memoryview(buffer)
        at = self._position - self._range_start
        found = memoryview(self._range)[at : at + len(view)]
        view[: len(found)] = found
        self._position += len(found)
        return len(found)

    def _fetch(self) -> bytes:
        try:
            return self._blob.download_blob(
                offset=self._position,
                length=min(self._range_bytes, self._file.partition.size - self._position),
                etag=self._file.partition.etag,
                match_condition=MatchConditions.IfNotModified,
                decompress=False,
            ).readall()
        except (ResourceModifiedError, ResourceNotFoundError) as error:
            raise SnapshotChanged(self._file.segment, self._file.partition.path) from error


class _Decompressed(io.RawIOBase):
    """A gzip stream that stops when too much comes out of it."""

    def __init__(self, file: PartitionFile, stored: BinaryIO) -> None:
        self._file = file
        self._gzip = gzip.GzipFile(fileobj=stored)
        self._left = file.max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._gzip.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise self._file._too_large()
        return count
