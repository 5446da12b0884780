"""A folder of snapshots on disk: what the app will find in it, and how it gets into a blob container."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.storage.blob import BlobServiceClient, ContainerClient

from exporters.matching import suggest
from local.azurite import running_azurite
from shared.snapshots import Choice, Complete, Missing, SegmentCatalog, SnapshotError, preview

_MODEL = "model.json"
# An export to try with has no more than what the product's own page asks for first.
_TRIED = ("email", "first_name", "last_name")


@dataclass(frozen=True)
class SnapshotFolder:
    """What lies in a folder: its segments, and which columns seem to hold what.

    `segments` are those to export, `found` all that there are, `missing` those of `segments` that are not there.
    """

    path: Path
    segments: tuple[str, ...]
    found: tuple[str, ...]
    missing: tuple[str, ...]
    mapping: dict[str, str]


def look_into(folder: Path, segments: Sequence[str] = ()) -> SnapshotFolder:
    """Find the segments of a folder (all, unless some are named) and guess the columns of the first.

    The app's own code looks, in a storage account that is there for as long as this takes, so that what is found here
    is what the app will find. `mapping` is empty where nothing can be guessed or read; the run then says why.
    """
    with (
        running_azurite() as azurite,
        BlobServiceClient.from_connection_string(azurite.connection_string) as service,
        service.create_container("segments") as container,
    ):
        upload(folder, container)
        catalog = SegmentCatalog(container, quiet=timedelta(0))
        listed = catalog.segments()
        times = Counter(segment.name for segment in listed)
        found = tuple(segment.name if times[segment.name] == 1 else segment.path for segment in listed)
        # An empty segment belongs to them: its run says that it is empty. A model that is broken is the run's to tell.
        with suppress(SnapshotError):
            found += catalog.empty_segments()
        choices = {segment: _choice(catalog, segment) for segment in segments or found}
        return SnapshotFolder(
            path=folder,
            segments=tuple(choices),
            found=found,
            missing=tuple(segment for segment, choice in choices.items() if isinstance(choice, Missing)),
            mapping=_guess(container, choices.values()),
        )


def upload(folder: Path, container: ContainerClient) -> None:
    """Write every file into the container under its path in the folder, as the product does: each model.json last.

    Newer date folders come first, so that an older snapshot is never the newest one there.
    """
    files = sorted((path for path in folder.rglob("*") if path.is_file()), reverse=True)
    for path in sorted(files, key=lambda path: path.name == _MODEL):
        with path.open("rb") as content:
            container.upload_blob(path.relative_to(folder).as_posix(), content, overwrite=True, max_concurrency=2)


def _choice(catalog: SegmentCatalog, segment: str) -> Choice | None:
    try:
        return catalog.choose(segment, datetime.now(UTC))
    except SnapshotError:
        return None


def _guess(container: ContainerClient, choices: Iterable[Choice | None]) -> dict[str, str]:
    """The likely columns of an address and its names in the first segment that can be read."""
    for choice in choices:
        if isinstance(choice, Complete):
            with contextlib.suppress(SnapshotError):
                seen = preview(container, choice.snapshot)
                found = suggest(seen.columns, seen.rows)
                return {wanted: found[wanted] for wanted in _TRIED if wanted in found}
    return {}
