"""Cuts contacts into the batch files of a run: each within Constant Contact's limits, each row traceable."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from typing import NamedTuple

from exporters.contacts import Contact

MAX_CONTACTS = 39_999
"""Rows of one `contacts_file_import`: 40,000 lines with the header. Constant Contact drops further lines silently."""

MAX_BYTES = 4_000_000
"""A file must be smaller than this. The reference says "4 megabytes", and that the rest is dropped silently."""

# 33 bytes of a Python bytes object and 15 of digest fill 48 exactly; at a million addresses two different ones share
# a digest with a probability of 4e-25.
_DIGEST_BYTES = 15


class Place(NamedTuple):
    """Where a profile lies: segment and partition counted from 0 in the run's order, line as in the reader's Row."""

    segment: int
    partition: int
    line: int


@dataclass(frozen=True)
class BatchFile:
    """One batch of a run.

    `number` counts from 1, `content` is the CSV to upload (UTF-8, RFC 4180, a header line), `contacts` its rows without
    the header. `places` is a headerless CSV: row n holds segment, partition and line of contact n.
    """

    number: int
    content: bytes
    contacts: int
    places: bytes


class Deduplicator:
    """Remembers the addresses of a run; the first of several equal ones wins.

    Holds a digest instead of an address: about 90 MB for 1,000,000, whatever their length.
    """

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def is_first(self, key: str) -> bool:
        """Whether this comparison key was not seen before; it is from now on."""
        digest = blake2b(key.encode(), digest_size=_DIGEST_BYTES).digest()
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True


def cut_batches(
    placed: Iterable[tuple[Place, Contact]],
    import_columns: Sequence[str],
    *,
    max_contacts: int = MAX_CONTACTS,
    max_bytes: int = MAX_BYTES,
) -> Iterator[BatchFile]:
    """The batches of `placed`, one at a time and in order, so that memory holds one; equal contacts give equal bytes.

    A batch has at most `max_contacts` rows and, with its header, less than `max_bytes` bytes. No contacts, no batch.
    """
    encode = csv.writer(_Line(), lineterminator="\r\n").writerow
    header: bytes = encode(import_columns)
    numbers = count(1)
    rows: list[bytes] = []
    places: list[Place] = []
    size = len(header)
    for place, contact in placed:
        row: bytes = encode(contact.values)
        if rows and (len(rows) == max_contacts or size + len(row) >= max_bytes):
            yield _batch(next(numbers), header, rows, places)
            rows, places, size = [], [], len(header)
        rows.append(row)
        places.append(place)
        size += len(row)
    if rows:
        yield _batch(next(numbers), header, rows, places)


def place_of_line(places: bytes, line: int) -> Place | None:
    """The place of the row that Constant Contact calls `Line <line>` of a batch; None for the header (1) or beyond.

    Every contact is one line, because its values hold no line break.
    """
    rows = _rows_of_places(places)
    return Place(*map(int, rows[line - 2].split(b","))) if 1 < line < len(rows) + 2 else None


@lru_cache(maxsize=1)
def _rows_of_places(places: bytes) -> list[bytes]:
    """Split once a batch: the lines that were refused are asked for one by one, and may be all of them."""
    return places.splitlines()


def rows_of(content: bytes, first: int, contacts: int) -> bytes:
    """The batch file with its header and only `contacts` of its rows, from row `first` (0 is the first contact) on."""
    header, *rows = content.split(b"\r\n")
    return b"\r\n".join([header, *rows[first : first + contacts], b""])


def _batch(number: int, header: bytes, rows: Sequence[bytes], places: Sequence[Place]) -> BatchFile:
    return BatchFile(
        number=number,
        content=header + b"".join(rows),
        contacts=len(rows),
        places=b"".join(b"%d,%d,%d\n" % place for place in places),
    )


class _Line:
    """Makes csv.writer hand back the line it would write."""

    def write(self, line: str) -> bytes:
        return line.encode()
