"""What can be wrong with a segment's snapshots, said so that whoever owns the files can act.

SnapshotError
├── AmbiguousSegment    one name, several places
├── BadModel            a model.json that cannot be understood or must not be followed
├── BrokenSnapshot      no snapshot of the segment has all of its partitions
├── NoProfiles          model.json says that the segment is empty
├── SnapshotsRefused    the storage does not let the app list or read the container
├── SnapshotChanged     a partition is no longer the one that was chosen
├── UnreadableFile      a partition whose bytes make no table
├── HeaderUnclear       nothing says whether the first row holds names or a profile
├── SchemaMismatch      the partitions of one snapshot, or a file and its model, do not fit together
└── ColumnMissing       a mapped column is not there, or is there more than once
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from shared.errors import ExportError

# Names in these messages come out of files that anybody may have written; a message is logged, stored and shown.
_COLUMNS_SHOWN = 30
_PLACES_SHOWN = 10
_NAME_SHOWN = 100
_END_SHOWN = 500
_LONGEST_MESSAGE = 8_000
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


class SnapshotError(ExportError):
    """A segment's snapshot cannot be used; no contact was sent because of it."""

    def __init__(self, message: str) -> None:
        if len(message) > _LONGEST_MESSAGE:
            # Its end says what to do.
            message = f"{message[: _LONGEST_MESSAGE - _END_SHOWN]} … {message[-_END_SHOWN:]}"
        super().__init__("".join(char if char.isprintable() else " " for char in message))


class AmbiguousSegment(SnapshotError):
    """The name of a segment fits several places in the container."""

    def __init__(self, segment: str, paths: Sequence[str]) -> None:
        places = _listed(paths, _PLACES_SHOWN)
        super().__init__(
            f"Segment '{segment}' is found more than once: {places}. "
            "Choose one of them in the export by its full path instead of its name."
        )


class BadModel(SnapshotError):
    """A model.json cannot be understood, or one of its partitions lies where nothing may be read."""

    def __init__(self, blob: str, field: str, problem: str) -> None:
        where = f"'{blob}', field '{field}'" if field else f"'{blob}'"
        super().__init__(f"The model file {where} {problem}. Have the segment exported again, or correct the file.")
        self.blob = blob


class BrokenSnapshot(SnapshotError):
    """Every snapshot of the segment lacks something that should be there."""

    def __init__(self, segment: str, problems: Sequence[str]) -> None:
        super().__init__(
            f"Segment '{segment}' has no complete snapshot: {'; '.join(problems)}. Have the segment refreshed again."
        )


class NoProfiles(SnapshotError):
    """The newest model.json lists no partition of the segment: it is empty now, whatever older folders hold."""

    def __init__(self, segment: str, model: str) -> None:
        super().__init__(
            f"Segment '{segment}' holds no profile: '{model}' lists no partition of it. "
            "Check the segment and refresh it, or take it out of the export."
        )


class SnapshotsRefused(SnapshotError):
    """The storage refuses to list or to read what lies in the snapshot container, and will until somebody acts."""

    def __init__(self, container: str, status: int | None, code: str) -> None:
        super().__init__(
            f"The storage account refuses to show the snapshot container “{container}”: {code} ({status}). "
            "Check that the container exists and that the app's identity may read its blobs."
        )


class SnapshotChanged(SnapshotError):
    """A partition was overwritten or deleted after its snapshot was chosen."""

    def __init__(self, segment: str, path: str) -> None:
        super().__init__(
            f"File '{path}' of segment '{segment}' changed while it was being read. "
            "Run the export again; it will use the newest complete snapshot."
        )


class UnreadableFile(SnapshotError):
    """The bytes of a partition make no table: truncated, damaged, in another encoding, or beyond a limit."""

    def __init__(self, segment: str, path: str, problem: str, remedy: str = "Have the segment exported again.") -> None:
        super().__init__(f"File '{path}' of segment '{segment}' cannot be read: {problem}. {remedy}")


class HeaderUnclear(SnapshotError):
    """Nothing says what the columns of a CSV file are called, and guessing could send the wrong column."""

    def __init__(self, segment: str, path: str, problem: str) -> None:
        super().__init__(
            f"The columns of file '{path}' of segment '{segment}' are not known: {problem}. "
            "Export the segment with a header row or with its model.json, or say in the export that it has a header."
        )


class SchemaMismatch(SnapshotError):
    """Two partitions of one snapshot have different columns, or a file does not fit its model.json."""


class ColumnMissing(SnapshotError):
    """A mapped column is not in the segment, or cannot be told from another one."""

    def __init__(self, segment: str, path: str, column: str, found: Sequence[str], problem: str = "is not") -> None:
        shown = _listed(found, _COLUMNS_SHOWN, name_shown)
        super().__init__(
            f"Column '{column}' {problem} in segment '{segment}' (file '{path}'). Found: {shown}. "
            "Change the export's field mapping, or have the segment exported with this column."
        )


def name_shown(name: str) -> str:
    """A name out of a file as a message may show it: short, on one line, without an e-mail address."""
    text = _ADDRESS.sub("[address]", name[: 2 * _NAME_SHOWN])
    return text if len(text) <= _NAME_SHOWN else text[: _NAME_SHOWN - 1] + "…"


def _listed(names: Sequence[str], most: int, show: Callable[[str], str] = str) -> str:
    shown = ", ".join(f"'{show(name)}'" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
