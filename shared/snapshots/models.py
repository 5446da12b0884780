"""The plain data of snapshots: what is found, what is chosen, how it is read and what comes out."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Header = Literal["auto", "yes", "no"]


def _can_separate_cells(delimiter: str) -> str:
    if delimiter in '"\r\n\0':
        raise ValueError("a quote or a line break cannot separate cells")
    return delimiter


# Codecs of Python's that no file of profiles is written in, and UTF-7: some gather a whole file before they give a
# character, some give halves of characters (surrogates) that nothing can be written in.
_NO_FILE_ENCODINGS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})


def text_encoding(name: str) -> str:
    """The name itself when it is that of an encoding of text files that Python has; raises ValueError."""
    try:
        if codecs.lookup(name).name.replace("_", "-") in _NO_FILE_ENCODINGS:
            raise LookupError
        "".encode(name)
    except (LookupError, ValueError) as error:
        raise ValueError("there is no text encoding of this name") from error
    return name


Delimiter = Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_can_separate_cells)]


class ReadOptions(BaseModel):
    """What an export says about its files where model.json is silent.

    `header`: whether the first row of a CSV file holds column names; `auto` finds out or refuses.
    `delimiter`: one character; None finds out. `encoding`: a Python codec name; None is UTF-8, with or
    without a byte order mark.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: Header = "auto"
    delimiter: Delimiter | None = None
    encoding: Annotated[str, AfterValidator(text_encoding)] | None = None


class Partition(BaseModel):
    """One file of a snapshot, pinned by its ETag, and what is known about its format.

    `path` is the blob's name in the container, `size` its bytes as stored (compressed, when it is). `header`,
    `delimiter`, `encoding` and `quoting` are what model.json says; None and `auto` where it says nothing.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    etag: str
    size: int
    kind: Literal["csv", "parquet"] = "csv"
    gzip: bool = False
    header: Header = "auto"
    delimiter: Delimiter | None = None
    encoding: str | None = None
    quoting: Literal["csv", "none"] = "csv"


class Snapshot(BaseModel):
    """One refresh of a segment, complete and pinned; keeps its value as JSON.

    `id` is the path of its date folder (`<root>/<Table>/2026/11/22/0130`) or flat file, and says only whether two
    snapshots are the same. `taken_at` is that path's time, read as UTC (the product does not state the zone).
    `columns` are model.json's attribute names; None without one. `warnings` are sentences to show on the run.
    """

    model_config = ConfigDict(frozen=True)

    segment: str
    id: str
    taken_at: datetime
    partitions: tuple[Partition, ...]
    columns: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundSegment:
    """A segment that lies in the container.

    `name` is its table folder or the stem of its flat files; `path` is `<root>/<name>`, which an export may give
    instead of the name when it lies under several roots.
    """

    name: str
    root: str
    path: str
    newest_id: str
    newest_at: datetime


@dataclass(frozen=True)
class Complete:
    """The newest snapshot that can be exported."""

    snapshot: Snapshot


@dataclass(frozen=True)
class StillWriting:
    """The newest snapshot may still grow; look again at `settles_at` (UTC)."""

    segment: str
    settles_at: datetime
    reason: str


@dataclass(frozen=True)
class Missing:
    """No snapshot of that segment lies in the container; `found` are the names of those that do."""

    segment: str
    found: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The same for people, with what to do."""
        return f"There is no snapshot of segment “{self.segment}”. Check its name, or have the segment refreshed."


Choice = Complete | StillWriting | Missing


class Row(NamedTuple):
    """One profile: where it starts and its values in the order of the wanted columns.

    `partition` counts from 0. `line` is the physical line, from 1, of the decompressed file (a header is line 1);
    for Parquet the row's number from 1. A tuple, because a million of them are made in a run.
    """

    partition: int
    line: int
    values: tuple[str, ...]


class BadRow(NamedTuple):
    """A row that has more or fewer cells than there are columns; the others are read on."""

    partition: int
    line: int
    reason: str


@dataclass(frozen=True)
class Preview:
    """The column names of a snapshot and its first rows, all cells as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
