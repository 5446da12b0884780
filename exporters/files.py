"""The blobs of a run: its plan, its batches, its rejected rows. Batches hold personal data."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContainerClient
from pydantic import BaseModel, ConfigDict

from exporters.batches import Place, rows_of
from exporters.contacts import Mapping
from exporters.runs import Batch
from shared.snapshots import ReadOptions, Snapshot

_REJECTED_COLUMNS = ("segment", "partition", "line", "code", "reason")
_BLOCK_BYTES = 4 * 1024 * 1024


class Plan(BaseModel):
    """What a run works on, settled once: a repeated step reads the same snapshots in the same way."""

    model_config = ConfigDict(frozen=True)

    mapping: Mapping
    reading: ReadOptions
    email_max_length: int
    snapshots: tuple[Snapshot, ...]
    versions: dict[str, str]

    def rejected(self, place: Place, code: str, reason: str) -> RejectedRow:
        """The profile at this place as a rejected row."""
        snapshot = self.snapshots[place.segment]
        return RejectedRow(snapshot.segment, snapshot.partitions[place.partition].path, place.line, code, reason)


@dataclass(frozen=True)
class RejectedRow:
    """A profile that is not a contact: where it is, and why.

    `partition` is the file's path in the snapshot container, `line` the physical line where the row starts. Both are
    empty for a row that Constant Contact refused without naming it.
    """

    segment: str
    partition: str
    line: int | None
    code: str
    reason: str


class RunFiles:
    """The blobs of one run, below `<run id>/` in the container `exports`."""

    def __init__(self, container: ContainerClient, run_id: str) -> None:
        self._container = container
        self._folder = run_id

    def plan(self) -> Plan | None:
        """The plan, once it is settled."""
        content = self._read("plan.json")
        return Plan.model_validate_json(content) if content is not None else None

    def settle_plan(self, plan: Plan) -> Plan:
        """Keep this plan, unless one is settled already: then that one holds."""
        try:
            self._container.upload_blob(self._path("plan.json"), plan.model_dump_json().encode(), overwrite=False)
        except ResourceExistsError:
            settled = self.plan()
            if settled is None:
                raise
            return settled
        return plan

    def write_batch(self, number: int, content: bytes, places: bytes) -> None:
        """Keep a batch file and where each of its rows came from; a repeat overwrites it with the same bytes."""
        self._container.upload_blob(self._path(f"batch-{number:04d}-places.csv"), places, overwrite=True)
        self._container.upload_blob(self._path(f"batch-{number:04d}.csv"), content, overwrite=True)

    def batch(self, batch: Batch) -> bytes:
        """The CSV file of a batch: the whole one, or the header and its part of the rows."""
        content = self._container.download_blob(self._path(f"batch-{batch.number:04d}.csv")).readall()
        return rows_of(content, batch.first, batch.contacts) if batch.part else content

    def places(self, number: int) -> bytes:
        """Where each row of a batch came from."""
        return self._container.download_blob(self._path(f"batch-{number:04d}-places.csv")).readall()

    def remove_batches(self) -> None:
        """Delete the batch files of a run that ended before any of them was used."""
        for blob in self._container.list_blob_names(name_starts_with=self._path("batch-")):
            # Another worker may be at it too.
            with contextlib.suppress(ResourceNotFoundError):
                self._container.delete_blob(blob)

    def rejected_by_us(self) -> RejectedRowsWriter:
        """A writer for the rows that cannot be contacts; they are kept when it is closed without an error."""
        return RejectedRowsWriter(self._container, self._path("rejected.csv"))

    def rejected_by_constant_contact(self, batch_name: str) -> RejectedRowsWriter:
        """A writer for the rows of a batch that Constant Contact refused."""
        return RejectedRowsWriter(self._container, self._path(f"batch-{batch_name}-refused.csv"))

    def rejected_rows(self) -> Iterator[RejectedRow]:
        """Every rejected row: first those that we rejected, then those that Constant Contact refused, by batch."""
        names = list(self._container.list_blob_names(name_starts_with=self._path("")))
        yield from self._rejected_in(self._path("rejected.csv"))
        for name in sorted(names):
            if name.endswith("-refused.csv"):
                yield from self._rejected_in(name)

    def _rejected_in(self, name: str) -> Iterator[RejectedRow]:
        try:
            stream = self._container.download_blob(name, encoding=None)
        except ResourceNotFoundError:
            return
        for row in csv.DictReader(_lines(stream.chunks())):
            line = int(row["line"]) if row["line"] else None
            yield RejectedRow(row["segment"], row["partition"], line, row["code"], row["reason"])

    def _read(self, name: str) -> bytes | None:
        try:
            return self._container.download_blob(self._path(name)).readall()
        except ResourceNotFoundError:
            return None

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"


class RejectedRowsWriter:
    """Writes rejected rows block by block, so that any number of them fits; nothing is kept unless all of it is."""

    def __init__(self, container: ContainerClient, path: str) -> None:
        self._blob = container.get_blob_client(path)
        self._text = io.StringIO(newline="")
        self._rows = csv.writer(self._text)
        self._blocks: list[BlobBlock] = []
        self._rows.writerow(_REJECTED_COLUMNS)

    def __enter__(self) -> RejectedRowsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
            self._blob.commit_block_list(self._blocks)

    def add(self, row: RejectedRow) -> None:
        """Write one row."""
        line = "" if row.line is None else row.line
        self._rows.writerow((row.segment, row.partition, line, row.code, row.reason))
        if self._text.tell() >= _BLOCK_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._text.tell():
            return  # The service refuses an empty block.
        block = BlobBlock(f"{len(self._blocks):08d}")
        self._blob.stage_block(block.id, self._text.getvalue().encode())
        self._blocks.append(block)
        self._text.seek(0)
        self._text.truncate()


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    """The lines of a blob as it comes, with their ends, as the csv module wants them."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode() + "\n"
    if rest:
        yield rest.decode()
