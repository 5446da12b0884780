"""What can be wrong with a segment's snapshots, said so that whoever owns the files can act.

SnapshotError
├── AmbiguousSegment    one name, several places
├── BadModel            a model.json that cannot be understood or must not be followed
├── BrokenSnapshot      no snapshot of the segment has all of its partitions
├── NoProfiles          model.json says that the segment is empty
├── SnapshotChanged     a partition is no longer the one that was chosen
├── UnreadableFile      a partition whose bytes make no table
├── HeaderUnclear       nothing says whether the first row holds names or a profile
├── SchemaMismatch      the partitions of one snapshot, or a file and its model, do not fit together
└── ColumnMissing       a mapped column is not there, or is there more than once
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import ExportError

_COLUMNS_SHOWN = 30


class SnapshotError(ExportError):
    """A segment's snapshot cannot be used; no contact was sent because of it."""


class AmbiguousSegment(SnapshotError):
    """The name of a segment fits several places in the container."""

    def __init__(self, segment: str, paths: Sequence[str]) -> None:
        places = ", ".join(f"'{path}'" for path in paths)
        super().__init__(
            f"Segment '{segment}' is found more than once: {places}. "
            "Choose one of them in the export by its full path instead of its name."
        )


class BadModel(SnapshotError):
    """A model.json cannot be understood, or one of its partitions lies where nothing may be read."""

    def __init__(self, blob: str, field: str, problem: str) -> None:
        where = f"'{blob}', field '{field}'" if field else f"'{blob}'"
        super().__init__(f"The model file {where} {problem}. Have the segment exported again, or correct the file.")


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


class SnapshotChanged(SnapshotError):
    """A partition was overwritten or deleted after its snapshot was chosen."""

    def __init__(self, segment: str, path: str) -> None:
        super().__init__(
            f"File '{path}' of segment '{segment}' changed while it was being read. "
            "Run the export again; it will use the newest complete snapshot."
        )


class UnreadableFile(SnapshotError):
    """The bytes of a partition make no table: truncated, damaged, in another encoding, or beyond a limit."""

    def __init__(self, segment: str, path: str, problem: str) -> None:
        super().__init__(
            f"File '{path}' of segment '{segment}' cannot be read: {problem}. Have the segment exported again."
        )


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
        shown = ", ".join(f"'{name}'" for name in found[:_COLUMNS_SHOWN])
        more = f" and {len(found) - _COLUMNS_SHOWN} more" if len(found) > _COLUMNS_SHOWN else ""
        super().__init__(
            f"Column '{column}' {problem} in segment '{segment}' (file '{path}'). Found: {shown}{more}. "
            "Change the export's field mapping, or have the segment exported with this column."
        )
