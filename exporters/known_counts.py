"""How many profiles a snapshot has, once it was counted or estimated, for the next one who asks."""

from __future__ import annotations

import contextlib
from hashlib import sha256

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from shared.errors import Conflict
from shared.snapshots import Snapshot
from shared.snapshots.paths import date_folder, flat_file, join, parent_of
from shared.tables import DocumentTable, Key

_PARTITION = "segment"
_MOST_COLUMN_CHARACTERS = 20_000


class KnownCount(BaseModel):
    """What is known of one version of a segment. `exact` when its profiles were counted; else it is an estimate.

    `columns` are None where nobody has looked, or there are too many to keep. `problem` is why it cannot be read.
    """

    model_config = ConfigDict(frozen=True)

    segment: str
    version: str
    profiles: int | None
    exact: bool = False
    columns: tuple[str, ...] | None = None
    problem: str | None = None


class KnownCounts:
    """One row a segment, that of its newest version; a count that is lost is counted again."""

    def __init__(self, client: TableClient) -> None:
        self._table = DocumentTable(client, KnownCount)

    def all(self) -> dict[str, KnownCount]:
        """What is known, by the path of the segment."""
        return {stored.value.segment: stored.value for stored in self._table.readable(_PARTITION)}

    def of(self, snapshot: Snapshot) -> KnownCount | None:
        """What is known of this very version."""
        stored = self._table.get(_key(path_of(snapshot)))
        return stored.value if stored and stored.value.version == version_of(snapshot) else None

    def note(self, count: KnownCount) -> KnownCount:
        """Remember what `count_of` has made; an estimate never takes the place of a count of the same version."""
        key = _key(count.segment)
        stored = self._table.get_or_insert(key, count)
        known = stored.value
        if known.version == count.version:
            if known.exact and not count.exact:
                return known
            count = count.model_copy(update={"columns": count.columns or known.columns})
        if known != count:
            # Whoever was quicker knew as much.
            with contextlib.suppress(Conflict):
                self._table.replace(key, count, stored.etag)
        return count


def count_of(
    snapshot: Snapshot,
    profiles: int | None,
    *,
    exact: bool,
    columns: tuple[str, ...] | None = None,
    problem: str | None = None,
) -> KnownCount:
    """What was found out of this version, without remembering it."""
    return KnownCount(
        segment=path_of(snapshot),
        version=version_of(snapshot),
        profiles=profiles,
        exact=exact,
        columns=columns if columns and sum(map(len, columns)) <= _MOST_COLUMN_CHARACTERS else None,
        problem=problem,
    )


def path_of(snapshot: Snapshot) -> str:
    """Where the segment of this snapshot lies: its table folder, or the stem of its flat files."""
    folder = date_folder(snapshot.id)
    if folder:
        return folder.table
    flat = flat_file(snapshot.id)
    return join(parent_of(snapshot.id), flat.stem) if flat else snapshot.id


def version_of(snapshot: Snapshot) -> str:
    """Changes with every file that is added or written again."""
    files = "\n".join(f"{file.path} {file.etag}" for file in snapshot.partitions)
    return sha256(f"{snapshot.id}\n{files}".encode()).hexdigest()[:16]


def _key(path: str) -> Key:
    # A path has slashes, which no key may have.
    return Key(_PARTITION, sha256(path.encode()).hexdigest()[:32])
