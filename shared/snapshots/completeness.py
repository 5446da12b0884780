"""Decides from listings and model.json whether a snapshot is complete, still being written, or broken; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.snapshots.folders import StoredFile
from shared.snapshots.model_file import NamedPartition
from shared.snapshots.models import Partition, StillWriting
from shared.snapshots.paths import is_data_file, is_gzip, kind_of, natural_order, parent_of


@dataclass(frozen=True)
class Broken:
    """Something is missing, and enough time has passed for it to have come."""

    problem: str


@dataclass(frozen=True)
class Evidence:
    """What is known of one snapshot.

    `files` are all blobs below its folder; `named` what model.json, written at `model_written_at`, names in it.
    """

    segment: str
    folder: str
    files: Sequence[StoredFile]
    named: Sequence[NamedPartition] = ()
    model_written_at: datetime | None = None


def judge(evidence: Evidence, now: datetime, quiet: timedelta) -> tuple[Partition, ...] | StillWriting | Broken:
    """The partitions of a complete snapshot in their natural order, or what stands against it.

    Complete is what model.json names, exists, and is older than model.json itself, since the model is written last.
    Without that word it is complete when nothing changed for `quiet`: then all that the model names must be there, or,
    when it names nothing here, every data file is a partition.
    """
    stored = {file.path: file for file in evidence.files}
    missing = [part.path for part in evidence.named if part.path not in stored]
    written_at = evidence.model_written_at if evidence.named else None
    if written_at and not missing and all(stored[part.path].changed_at <= written_at for part in evidence.named):
        return _named_partitions(evidence, stored)

    changes = [file.changed_at for file in evidence.files] + ([written_at] if written_at else [])
    settles_at = max(changes) + quiet if changes else now
    if now < settles_at:
        waits_for = f"'{missing[0]}' is not there yet" if missing else "its files changed a short time ago"
        return StillWriting(
            evidence.segment, settles_at, f"Snapshot '{evidence.folder}' is still being written: {waits_for}."
        )
    if missing:
        return Broken(f"snapshot '{evidence.folder}' lacks '{missing[0]}', which its model.json names")
    if evidence.named:
        return _named_partitions(evidence, stored)
    data = [file for file in evidence.files if parent_of(file.path) == evidence.folder and is_data_file(file.path)]
    if not data:
        return Broken(f"snapshot '{evidence.folder}' holds no data file")
    return tuple(partition_of(file) for file in sorted(data, key=lambda file: natural_order(file.path)))


def partition_of(file: StoredFile, named: NamedPartition | None = None) -> Partition:
    """A stored file as a pinned partition, with the format that model.json states for it."""
    return Partition(
        path=file.path,
        etag=file.etag,
        size=file.size,
        kind=kind_of(file.path),
        gzip=is_gzip(file.path),
        header=named.header if named else "auto",
        delimiter=named.delimiter if named else None,
        encoding=named.encoding if named else None,
        quoting="none" if named and named.plain_quotes else "csv",
    )


def _named_partitions(evidence: Evidence, stored: dict[str, StoredFile]) -> tuple[Partition, ...]:
    in_order = sorted(evidence.named, key=lambda part: natural_order(part.path))
    return tuple(partition_of(stored[part.path], part) for part in in_order)
