"""One Parquet partition as a table, read by row groups; imported only where there is one, since pyarrow is large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shared.snapshots.errors import name_shown
from shared.snapshots.limits import (
    ALWAYS_FINE_PARQUET_BYTES,
    MAX_COLUMN_BATCH_BYTES,
    MAX_COLUMNS,
    MAX_PARQUET_EXPANSION,
)
from shared.snapshots.models import BadRow, Row
from shared.snapshots.partition_file import PartitionFile

_BATCH_ROWS = 8_192
_RANGE_BYTES = 1024**2


class ParquetTable:
    """A Parquet partition: `columns` are its top-level fields, `row_count` is what it says of itself, rows are text.

    Raises UnreadableFile and SnapshotChanged, on opening and while reading. A page is decompressed as a whole: one made
    to be large, in a file that is not small, may take up to 2 GiB, the most that the format allows.
    """

    columns: tuple[str, ...]

    def __init__(self, file: PartitionFile) -> None:
        self._file = file
        allowance = file.allowance
        with self._errors_named():
            self._parquet = self._open()
            metadata = self._parquet.metadata
            self.columns = tuple(self._parquet.schema_arrow.names)
            self.row_count = metadata.num_rows
        if len(self.columns) > MAX_COLUMNS:
            raise file.unreadable(f"it has {len(self.columns):,} columns; at most {MAX_COLUMNS:,} are read")
        # Not the columns' own sizes: when those of a damaged file are asked for, pyarrow ends the whole process.
        sizes = [metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)]
        if min(sizes, default=0) < 0:
            raise file.unreadable("it is no Parquet file, or a damaged one")
        expands_to = sum(sizes)
        if expands_to > allowance.bytes_left:
            raise file.too_large()
        if expands_to > max(ALWAYS_FINE_PARQUET_BYTES, MAX_PARQUET_EXPANSION * file.partition.size):
            problem = f"it expands to more than {MAX_PARQUET_EXPANSION} times its size, as only filler does"
            raise file.unreadable(problem)
        allowance.bytes_left -= expands_to

    def rows(self, partition: int, picked: Sequence[int]) -> Iterator[Row | BadRow]:
        """Every row with the cells at `picked` as text: null is "", dates and times are ISO 8601."""
        names = [self.columns[index] for index in picked]
        wanted = list(dict.fromkeys(names))
        most = self._file.allowance.rows_left
        line = 0
        with self._errors_named():
            # As a dictionary each text is there once, however often rows repeat it.
            parquet = self._open(metadata=self._parquet.metadata, read_dictionary=self._texts(wanted))
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=wanted, use_threads=False):
                cells = {name: self._as_text(batch, name) for name in wanted}
                for values in zip(*(cells[name] for name in names), strict=True):
                    line += 1
                    if line > most:
                        raise self._file.too_many_rows()
                    yield Row(partition, line, values)
        self._file.allowance.rows_left -= line

    def _open(self, **options: object) -> pq.ParquetFile:
        # pre_buffer would fetch the wanted columns of all row groups before the first row.
        source = self._file.open_stored(_RANGE_BYTES)
        return pq.ParquetFile(source, buffer_size=_RANGE_BYTES, pre_buffer=False, **options)

    def _texts(self, names: Sequence[str]) -> list[str]:
        schema = self._parquet.schema_arrow
        return [name for name in names if pa.types.is_string(schema.field(name).type)]

    def _as_text(self, batch: pa.RecordBatch, name: str) -> list[str]:
        column = batch.column(name)
        try:
            if pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type):
                lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
                if (pc.sum(lengths).as_py() or 0) > MAX_COLUMN_BATCH_BYTES:
                    problem = f"{len(column):,} rows of column '{name_shown(name)}' hold too much text"
                    raise self._file.unreadable(problem)
            return [value or "" for value in column.cast(pa.string()).to_pylist()]
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid, UnicodeDecodeError) as error:
            problem = f"column '{name_shown(name)}' of type {name_shown(str(column.type))} is not text"
            raise self._file.unreadable(problem) from error

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise self._file.unreadable("it is no Parquet file, or a damaged one") from error
