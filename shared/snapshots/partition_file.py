"""The bytes of one partition: read by ranges, pinned to the ETag that was chosen, decompressed under a limit."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from shared.snapshots.errors import SnapshotChanged, UnreadableFile
from shared.snapshots.limits import ALWAYS_FINE_BYTES, MAX_EXPANSION, MAX_GZIP_MEMBERS, Allowance
from shared.snapshots.models import Partition
from shared.snapshots.refusals import told_as_refused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RANGE_BYTES = 4 * 1024**2
_DECOMPRESSED_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_FORMAT = 31  # zlib's number for a gzip header and trailer
_GZIP_INPUT_BYTES = 8 * 1024  # what follows a member is copied, so many small members want it short
_SPLIT = "Split the segment into smaller ones."


@dataclass(frozen=True)
class PartitionFile:
    """A partition of a segment, in the container that it lies in."""

    container: ContainerClient
    segment: str
    partition: Partition
    allowance: Allowance
    """What may come out of it: a guard against a file made to fill the memory or the time."""

    def unreadable(self, problem: str) -> UnreadableFile:
        """The error that names this file."""
        return UnreadableFile(self.segment, self.partition.path, problem)

    def too_large(self) -> UnreadableFile:
        """The error of a snapshot that uses up its bytes with this file."""
        problem = f"with it the snapshot holds more than {self.allowance.max_bytes:,} bytes"
        return UnreadableFile(self.segment, self.partition.path, problem, _SPLIT)

    def too_many_rows(self) -> UnreadableFile:
        """The error of a snapshot that uses up its rows with this file."""
        problem = f"with it the snapshot has more than {self.allowance.max_rows:,} rows"
        return UnreadableFile(self.segment, self.partition.path, problem, _SPLIT)

    def open_stored(self, range_bytes: int = RANGE_BYTES) -> BinaryIO:
        """The bytes as they lie in the container, seekable; raises UnreadableFile when there are none or too many.

        `range_bytes` are fetched and kept at a time. Reading raises SnapshotChanged once the blob is no longer the
        pinned one.
        """
        if self.partition.size == 0:
            raise self.unreadable("it is empty (0 bytes)")
        if self.partition.size > self.allowance.bytes_left:
            raise self.too_large()
        return io.BufferedReader(_BlobRanges(self, range_bytes))

    def open_content(self) -> BinaryIO:
        """The decompressed bytes, to be read once from front to back; compressed or not is seen at their start.

        A text file of 0 bytes is one without rows: that is what a partition without a header is when it has none.
        """
        if self.partition.size == 0 and not self.partition.gzip:
            return io.BufferedReader(io.BytesIO())
        stored = self.open_stored()
        if not self.partition.gzip and _peek(stored, 2) != _GZIP_MAGIC:
            self.allowance.bytes_left -= self.partition.size
            return stored
        return io.BufferedReader(_Decompressed(self, stored), _DECOMPRESSED_BYTES)

    def fetch(self, start: int, most: int) -> bytes:
        """At most so many of the stored bytes from `start` on, in one request.

        SnapshotChanged once the blob is no longer the pinned one.
        """
        blob = self.container.get_blob_client(self.partition.path)
        with told_as_refused(self.container):
            try:
                return blob.download_blob(
                    offset=start,
                    length=min(most, self.partition.size - start),
                    etag=self.partition.etag,
                    match_condition=MatchConditions.IfNotModified,
                    decompress=False,
                ).readall()
            except (ResourceModifiedError, ResourceNotFoundError) as error:
                raise SnapshotChanged(self.segment, self.partition.path) from error


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
            self._range = self._file.fetch(self._position, self._range_bytes)
            self._range_start = self._position
        view = memoryview(buffer)
        at = self._position - self._range_start
        found = memoryview(self._range)[at : at + len(view)]
        view[: len(found)] = found
        self._position += len(found)
        return len(found)


class _Decompressed(io.RawIOBase):
    """A gzip stream, of one or several members, that stops when too much comes out of it.

    Raises EOFError where it ends too early and zlib.error where it is damaged. Not `gzip.GzipFile`, which looks at a
    header byte by byte and has no end of empty members.
    """

    def __init__(self, file: PartitionFile, stored: BinaryIO) -> None:
        self._file = file
        self._stored = stored
        self._left = max(ALWAYS_FINE_BYTES, MAX_EXPANSION * file.partition.size)
        self._members = 0
        self._rest = b""
        self._begin_member()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self._next(len(view))
        view[: len(data)] = data
        self._count(len(data))
        return len(data)

    def _next(self, most: int) -> bytes:
        """At least one byte and at most so many, or none at the end."""
        while True:
            if self._member.eof:
                self._rest = self._after_member()
                if not self._rest:
                    return b""
                self._begin_member()
            given = self._rest or self._stored.read(_GZIP_INPUT_BYTES)
            if not given:
                raise EOFError
            data = self._member.decompress(given, most)
            self._rest = self._member.unconsumed_tail
            if data:
                return data

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > MAX_GZIP_MEMBERS:
            raise self._file.unreadable(f"its gzip data has more than {MAX_GZIP_MEMBERS:,} members")
        self._member = zlib.decompressobj(_GZIP_FORMAT)

    def _after_member(self) -> bytes:
        """What follows a member that has ended; zeros pad it, as gzip itself allows."""
        rest = self._member.unused_data.lstrip(b"\0")
        while not rest:
            following = self._stored.read(_GZIP_INPUT_BYTES)
            if not following:
                return b""
            rest = following.lstrip(b"\0")
        return rest

    def _count(self, count: int) -> None:
        allowance = self._file.allowance
        allowance.bytes_left -= count
        self._left -= count
        if allowance.bytes_left < 0:
            raise self._file.too_large()
        if self._left < 0:
            raise self._file.unreadable(f"it expands to more than {MAX_EXPANSION} times its size, as only filler does")
