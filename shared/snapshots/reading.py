"""Reads the rows of a snapshot, partition by partition, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from azure.storage.blob import ContainerClient

from shared.snapshots.columns import holds_any, locate
from shared.snapshots.csv_table import CsvTable
from shared.snapshots.errors import HeaderUnclear, SchemaMismatch
from shared.snapshots.limits import MAX_BYTES, MAX_ROWS, Allowance
from shared.snapshots.models import BadRow, Partition, Preview, ReadOptions, Row, Snapshot
from shared.snapshots.partition_file import PartitionFile


class Table(Protocol):
    """An open partition."""

    columns: tuple[str, ...]

    def rows(self, partition: int, picked: Sequence[int]) -> Iterator[Row | BadRow]:
        """Its rows with the cells at `picked`, marked as those of partition number `partition`."""


def read_rows(
    container: ContainerClient,
    snapshot: Snapshot,
    wanted_columns: Sequence[str],
    options: ReadOptions | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    max_rows: int = MAX_ROWS,
) -> Iterator[Row | BadRow]:
    """The rows of every partition, in order, each with the values of `wanted_columns` in that order.

    Streams: a few MB at a time, whatever the size of the files. Rows of another width than the columns come as BadRow;
    blank lines are skipped. What model.json says of a file's format comes before `options`, what can be found out last.

    Raises, at the first row that shows it: ColumnMissing, HeaderUnclear, SchemaMismatch (also when partitions have
    different columns), UnreadableFile (truncated or damaged, another encoding, empty, an open quote, or beyond one of
    the limits in `shared.snapshots.limits`), SnapshotChanged. `max_bytes` (decompressed) and `max_rows` are those of
    all partitions together.
    """
    allowance = Allowance(max_bytes, max_rows)
    opened_first: tuple[Partition, tuple[str, ...]] | None = None
    for index, partition in enumerate(snapshot.partitions):
        try:
            table = _open(container, snapshot, partition, wanted_columns, options, allowance)
        except HeaderUnclear as error:
            if opened_first is None:
                raise
            raise SchemaMismatch(
                f"Two schemas in one snapshot of segment '{snapshot.segment}': file '{opened_first[0].path}' has a "
                f"header row with the mapped columns, '{partition.path}' has none. Have the segment refreshed again."
            ) from error
        first, columns = opened_first = opened_first or (partition, table.columns)
        if table.columns != columns:
            raise SchemaMismatch(
                f"Two schemas in one snapshot of segment '{snapshot.segment}': files '{first.path}' and "
                f"'{partition.path}' have different columns. Have the segment refreshed again."
            )
        if snapshot.columns is None and partition.kind == "csv" and not holds_any(table.columns, wanted_columns):
            # The first row is only said to be a header; it may be a profile, and is not repeated in an error.
            problem = "none of the mapped columns is in its first row, which is said to be its header"
            raise HeaderUnclear(snapshot.segment, partition.path, problem)
        picked = locate(wanted_columns, table.columns, snapshot.segment, partition.path)
        yield from table.rows(index, picked)


def preview(
    container: ContainerClient, snapshot: Snapshot, options: ReadOptions | None = None, *, rows: int = 20
) -> Preview:
    """The column names and at most `rows` rows of a snapshot's first partition; raises what read_rows does.

    Without model.json the first row counts as the header unless it holds an e-mail address.
    """
    table = _open(container, snapshot, snapshot.partitions[0], (), options, Allowance())
    read = islice(table.rows(0, range(len(table.columns))), rows)
    return Preview(table.columns, tuple(row.values for row in read if isinstance(row, Row)))


def columns(container: ContainerClient, snapshot: Snapshot, options: ReadOptions | None = None) -> tuple[str, ...]:
    """The column names of a snapshot, as its first partition or its model.json has them; raises what read_rows does."""
    return preview(container, snapshot, options, rows=0).columns


def _open(
    container: ContainerClient,
    snapshot: Snapshot,
    partition: Partition,
    wanted: Sequence[str],
    options: ReadOptions | None,
    allowance: Allowance,
) -> Table:
    file = PartitionFile(container, snapshot.segment, partition, allowance)
    if partition.kind == "parquet":
        # pyarrow takes half a second and 60 MB to import.
        from shared.snapshots.parquet_table import ParquetTable

        return ParquetTable(file)
    return CsvTable(file, options or ReadOptions(), snapshot.columns, wanted)
