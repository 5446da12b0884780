"""Finds the segments of a container and chooses the newest complete snapshot of each."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from itertools import groupby

from azure.storage.blob import ContainerClient

from shared.snapshots.completeness import Broken, Evidence, judge, partition_of
from shared.snapshots.errors import AmbiguousSegment, BadModel, BrokenSnapshot, NoProfiles
from shared.snapshots.folders import FlatSegment, Source, TableFolder, date_folders, files_under, find_sources
from shared.snapshots.model_file import Entity, Model, NamedPartition, read_model
from shared.snapshots.models import Choice, Complete, FoundSegment, Missing, Snapshot, StillWriting
from shared.snapshots.paths import DateFolder, date_folder, is_data_file, parent_of

# Snapshots that are looked at when the newest are broken or not named.
_MAX_BROKEN = 10


class SegmentCatalog:
    """The segments of one container, as they lie there now.

    Made for one step and thrown away: it lists the folders once and remembers them. `quiet` is how long nothing may
    have changed in a date folder before it counts as complete without model.json's word.
    """

    def __init__(self, container: ContainerClient, quiet: timedelta) -> None:
        self._container = container
        self._quiet = quiet
        self._models: dict[str, Model | None] = {}
        self._entities: dict[str, Entity | None] = {}
        self._meant: dict[str, tuple[Source, ...]] = {}
        self._versions: dict[str, str | None] = {}

    def paths(self) -> tuple[str, ...]:
        """Where segments lie, sorted: their table folders, and the stems of flat files. Looks into none of them."""
        return tuple(source.path for source in self._sources)

    def segments(self) -> tuple[FoundSegment, ...]:
        """Every segment of the container with its newest snapshot, complete or not, sorted by path."""
        found = []
        for source in self._sources:
            newest = self._newest(source)
            if newest:
                newest_id, newest_at = newest
                found.append(FoundSegment(source.name, source.root, source.path, newest_id, newest_at))
        return tuple(found)

    def newest_versions(self, segments: Iterable[str]) -> dict[str, str]:
        """The version of each segment's newest snapshot, complete or not; segments without one are left out.

        A version changes with every data file that is added or written again, and when model.json comes to name them.
        Raises AmbiguousSegment, BadModel.
        """
        versions = {}
        for segment in segments:
            source = self._source(segment)
            if source and (version := self._version(source)):
                versions[segment] = version
        return versions

    def holds(self, segment: str, path: str) -> bool:
        """Whether a blob belongs to a segment: as one of its files, or as the model.json that describes it.

        A name that several places have means all of them. Looks into no table folder. Raises SnapshotError where the
        container cannot be listed.
        """
        try:
            return any(source.holds(path) for source in self._sources_meant(segment))
        except BadModel as error:
            # What the segment is called there is not known, but that this is why.
            return path == error.blob

    def choose(self, segment: str, now: datetime) -> Choice:
        """The newest complete snapshot of a segment, or why there is none yet; `now` is aware, in UTC.

        `segment` is a table folder, a model.json entity, the stem (or its `_<segment>` end) of flat files, or a path
        `<root>/<table>`. Where model.json names partitions of the table, a newer folder that it does not name
        is not used. Raises AmbiguousSegment, BadModel, BrokenSnapshot, NoProfiles.
        """
        source = self._source(segment)
        if source is None:
            self._refuse_what_a_model_calls_empty(segment)
            return Missing(segment, tuple(sorted({source.name for source in self._sources})))
        if isinstance(source, FlatSegment):
            return self._choose_flat(segment, source, now)
        return self._choose_in_table(segment, source, now)

    def empty_segments(self) -> tuple[str, ...]:
        """Segments of which nothing lies in the container, but of which a model.json says that they are empty."""
        known = {source.name.casefold() for source in self._sources}
        empty: list[str] = []
        for root in self._roots:
            # Of a model that cannot be understood `choose` tells, at the segments that it describes.
            with contextlib.suppress(BadModel):
                model = self._model(root)
                empty += [entity.name for entity in model.entities if entity.is_empty] if model else []
        return tuple(name for name in empty if name.casefold() not in known)

    def _refuse_what_a_model_calls_empty(self, segment: str) -> None:
        for root in self._roots:
            model = self._model(root)
            for entity in model.entities if model else ():
                if model and entity.is_empty and entity.name.casefold() == segment.casefold():
                    raise NoProfiles(segment, model.path)

    @property
    def _roots(self) -> list[str]:
        return sorted({source.root for source in self._sources if isinstance(source, TableFolder)})

    @cached_property
    def _sources(self) -> tuple[Source, ...]:
        return find_sources(self._container)

    def _model(self, root: str) -> Model | None:
        if root not in self._models:
            self._models[root] = read_model(self._container, root)
        return self._models[root]

    def _version(self, source: Source) -> str | None:
        if source.path not in self._versions:
            newest = self._newest(source)
            self._versions[source.path] = f"{newest[0]}@{self._fingerprint(source, newest[0])}" if newest else None
        return self._versions[source.path]

    def _fingerprint(self, source: Source, newest_id: str) -> str:
        if isinstance(source, FlatSegment):
            facts = [f"{file.path} {file.etag}" for _, file in source.files if file.path == newest_id]
        else:
            files = files_under(self._container, newest_id)
            facts = [f"{file.path} {file.etag}" for file in files if is_data_file(file.path)]
            # What model.json names decides what is used: a corrected one makes another version of the same files.
            named = _by_date_folder(source, self._entity(source))
            facts += [part.path for folder, parts in named.items() if folder.path == newest_id for part in parts]
        return sha256("\n".join(facts).encode()).hexdigest()[:12]

    def _newest(self, source: Source) -> tuple[str, datetime] | None:
        if isinstance(source, FlatSegment):
            taken_at, newest = source.files[0]
            return newest.path, taken_at
        folder = next(date_folders(self._container, source.path), None)
        return (folder.path, folder.taken_at) if folder else None

    def _source(self, segment: str) -> Source | None:
        """The one source that a segment means; raises AmbiguousSegment where it means several."""
        found = self._sources_meant(segment)
        if len(found) > 1:
            raise AmbiguousSegment(segment, [source.path for source in found])
        return found[0] if found else None

    def _sources_meant(self, segment: str) -> tuple[Source, ...]:
        """What a segment means: by exact name, ignoring case, by the model's name, by a stem's end."""
        if segment not in self._meant:
            self._meant[segment] = self._find(segment)
        return self._meant[segment]

    def _find(self, segment: str) -> tuple[Source, ...]:
        wanted = segment.strip("/")
        folded = wanted.casefold()

        def called(source: Source) -> str:
            return source.path if "/" in wanted else source.name

        rules: tuple[Callable[[Source], bool], ...] = (
            lambda source: called(source) == wanted,
            lambda source: called(source).casefold() == folded,
            lambda source: self._entity_name(source) == wanted,
            lambda source: self._entity_name(source).casefold() == folded,
            lambda source: isinstance(source, FlatSegment) and source.name.casefold().endswith(f"_{folded}"),
        )
        for fits in rules:
            if found := tuple(source for source in self._sources if fits(source)):
                return found
        return ()

    def _entity_name(self, source: Source) -> str:
        entity = self._entity(source) if isinstance(source, TableFolder) else None
        return entity.name if entity else ""

    def _entity(self, table: TableFolder) -> Entity | None:
        if table.path not in self._entities:
            model = self._model(table.root)
            self._entities[table.path] = model.entity_of(table.path) if model else None
        return self._entities[table.path]

    def _choose_in_table(self, segment: str, table: TableFolder, now: datetime) -> Choice:
        model, entity = self._model(table.root), self._entity(table)
        named = _by_date_folder(table, entity)
        newest_named = max(named, default=None)
        problems: list[str] = []
        for folder in self._candidates(table, named):
            evidence = Evidence(
                segment=segment,
                folder=folder.path,
                files=files_under(self._container, folder.path),
                named=named.get(folder, ()),
                model_written_at=model.written_at if model else None,
            )
            verdict = judge(evidence, now, self._quiet)
            if isinstance(verdict, StillWriting):
                return verdict
            if model and entity and entity.is_empty and all(f.changed_at <= model.written_at for f in evidence.files):
                raise NoProfiles(segment, model.path)
            if newest_named and folder > newest_named:
                verdict = Broken(f"snapshot '{folder.path}' is not named in model.json, which names another one")
            if isinstance(verdict, Broken):
                problems.append(verdict.problem)
                if len(problems) == _MAX_BROKEN:
                    break
                continue
            return Complete(
                Snapshot(
                    segment=segment,
                    id=folder.path,
                    taken_at=folder.taken_at,
                    partitions=verdict,
                    columns=entity.columns or None if entity else None,
                    warnings=tuple(f"An older snapshot is used: {problem}." for problem in problems),
                )
            )
        if problems:
            raise BrokenSnapshot(segment, problems)
        return Missing(segment, tuple(sorted({source.name for source in self._sources})))

    def _candidates(
        self, table: TableFolder, named: dict[DateFolder, tuple[NamedPartition, ...]]
    ) -> Iterator[DateFolder]:
        """Date folders, the newest first: those that exist and those that model.json announces."""
        both = heapq.merge(date_folders(self._container, table.path), sorted(named, reverse=True), reverse=True)
        return (folder for folder, _ in groupby(both))

    def _choose_flat(self, segment: str, source: FlatSegment, now: datetime) -> Choice:
        taken_at, newest = source.files[0]
        settles_at = newest.changed_at + self._quiet
        if now < settles_at:
            return StillWriting(segment, settles_at, f"File '{newest.path}' changed a short time ago.")
        return Complete(
            Snapshot(segment=segment, id=newest.path, taken_at=taken_at, partitions=(partition_of(newest),))
        )


def _by_date_folder(table: TableFolder, entity: Entity | None) -> dict[DateFolder, tuple[NamedPartition, ...]]:
    named: dict[DateFolder, list[NamedPartition]] = {}
    for partition in entity.partitions if entity else ():
        folder = date_folder(parent_of(partition.path))
        if folder and folder.table == table.path:
            named.setdefault(folder, []).append(partition)
    return {folder: tuple(partitions) for folder, partitions in named.items()}
