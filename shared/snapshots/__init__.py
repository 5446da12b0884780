"""Segment snapshots in Blob Storage: found, chosen when complete, and read row by row."""

from shared.snapshots.catalog import SegmentCatalog
from shared.snapshots.errors import (
    AmbiguousSegment,
    BadModel,
    BrokenSnapshot,
    ColumnMissing,
    HeaderUnclear,
    NoProfiles,
    SchemaMismatch,
    SnapshotChanged,
    SnapshotError,
    SnapshotsRefused,
    UnreadableFile,
)
from shared.snapshots.models import (
    BadRow,
    Choice,
    Complete,
    FoundSegment,
    Missing,
    Partition,
    Preview,
    ReadOptions,
    Row,
    Snapshot,
    StillWriting,
)
from shared.snapshots.reading import columns, preview, read_rows
from shared.snapshots.sampling import Sample, sample

__all__ = [
    "AmbiguousSegment",
    "BadModel",
    "BadRow",
    "BrokenSnapshot",
    "Choice",
    "ColumnMissing",
    "Complete",
    "FoundSegment",
    "HeaderUnclear",
    "Missing",
    "NoProfiles",
    "Partition",
    "Preview",
    "ReadOptions",
    "Row",
    "Sample",
    "SchemaMismatch",
    "SegmentCatalog",
    "Snapshot",
    "SnapshotChanged",
    "SnapshotError",
    "SnapshotsRefused",
    "StillWriting",
    "UnreadableFile",
    "columns",
    "preview",
    "read_rows",
    "sample",
]
