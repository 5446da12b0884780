"""Lists a container folder by folder, so that the cost does not grow with the history of the segments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from azure.storage.blob import BlobPrefix, BlobProperties, ContainerClient

from shared.snapshots.paths import (
    MODEL_FILE,
    DateFolder,
    date_folder,
    flat_file,
    join,
    may_be_date_part,
    name_of,
    parent_of,
)
from shared.snapshots.refusals import told_as_refused

# Deeper than any documented layout; keeps a search out of whatever else lies in the container.
_MAX_DEPTH = 10


@dataclass(frozen=True)
class StoredFile:
    """A blob as the listing shows it; `etag` is quoted, as HTTP headers want it."""

    path: str
    etag: str
    size: int
    changed_at: datetime


@dataclass(frozen=True)
class TableFolder:
    """`<root>/<Table>`, with date folders in it."""

    path: str

    @property
    def name(self) -> str:
        """The table folder's own name."""
        return name_of(self.path)

    @property
    def root(self) -> str:
        """The folder that it lies in, where model.json may be."""
        return parent_of(self.path)

    def holds(self, path: str) -> bool:
        """Whether a blob is one of its files, or the model.json that describes it."""
        return path.startswith(f"{self.path}/") or path == join(self.root, MODEL_FILE)


@dataclass(frozen=True)
class FlatSegment:
    """`<root>/<stem>_<unix seconds>.csv`: files of one stem with the time in their names, the newest first."""

    path: str
    files: tuple[tuple[datetime, StoredFile], ...]

    @property
    def name(self) -> str:
        """The stem."""
        return name_of(self.path)

    @property
    def root(self) -> str:
        """The folder that the files lie in."""
        return parent_of(self.path)

    def holds(self, path: str) -> bool:
        """Whether a blob is one of its files."""
        flat = flat_file(path)
        return flat is not None and join(parent_of(path), flat.stem) == self.path


Source = TableFolder | FlatSegment


def find_sources(container: ContainerClient) -> tuple[Source, ...]:
    """Every table folder and every stem of flat files in the container, sorted by path."""
    found: list[Source] = []
    waiting = [("", 0)]
    while waiting:
        folder, depth = waiting.pop()
        subfolders, files = _list(container, folder)
        found.extend(_flat_segments(folder, files))
        if folder and any(may_be_date_part(name_of(subfolder), 0) for subfolder in subfolders):
            found.append(TableFolder(folder))
        elif depth < _MAX_DEPTH:
            waiting.extend((subfolder, depth + 1) for subfolder in subfolders)
    return tuple(sorted(found, key=lambda source: source.path))


def date_folders(container: ContainerClient, table: str, depth: int = 0) -> Iterator[DateFolder]:
    """The date folders of a table, the newest first; lists only as far as it is asked."""
    subfolders, _ = _list(container, table)
    for folder in sorted((one for one in subfolders if may_be_date_part(name_of(one), depth)), reverse=True):
        if depth < 3:
            yield from date_folders(container, folder, depth + 1)
        elif dated := date_folder(folder):
            yield dated


def files_under(container: ContainerClient, folder: str) -> tuple[StoredFile, ...]:
    """Every blob below a folder, at any depth."""
    with told_as_refused(container):
        return tuple(_stored(blob) for blob in container.list_blobs(name_starts_with=f"{folder}/"))


def _list(container: ContainerClient, folder: str) -> tuple[list[str], list[StoredFile]]:
    subfolders, files = [], []
    with told_as_refused(container):
        for item in container.walk_blobs(name_starts_with=f"{folder}/" if folder else None, delimiter="/"):
            if isinstance(item, BlobPrefix):
                subfolders.append(item.name.rstrip("/"))
            else:
                files.append(_stored(item))
    return subfolders, files


def _stored(blob: BlobProperties) -> StoredFile:
    # Listings give an ETag without the quotes that If-Match needs.
    etag = f'"{blob.etag.strip(chr(34))}"'
    return StoredFile(blob.name, etag, blob.size, blob.last_modified)


def _flat_segments(folder: str, files: list[StoredFile]) -> list[FlatSegment]:
    stems: dict[str, list[tuple[datetime, StoredFile]]] = {}
    for file in files:
        if flat := flat_file(file.path):
            stems.setdefault(flat.stem, []).append((flat.taken_at, file))
    return [
        FlatSegment(
            join(folder, stem),
            tuple(sorted(dated, key=lambda item: (item[0], item[1].path), reverse=True)),
        )
        for stem, dated in stems.items()
    ]
