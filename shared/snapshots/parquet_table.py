"""One Parquet partition as a table, read by row groups; imported only where there is one, since pyarrow is large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from shared.snapshots.model_file import MAX_COLUMNS
from shared.snapshots.models import BadRow, Row
from shared.snapshots.partition_file import PartitionFile

_BATCH_ROWS = 8_192
_RANGE_BYTES = 1024**2


class ParquetTable:
    """A Parquet partition: `columns` are its top-level fields, and its rows are text.

    Raises UnreadableFile and SnapshotChanged, on opening and while reading.
    """

    columns: tuple[str, ...]

    def __init__(self, file: PartitionFile) -> None:
        self._file = file
        with self._errors_named():
            # pre_buffer would fetch the wanted columns of all row groups before the first row.
            self._parquet = pq.ParquetFile(file.open_stored(_RANGE_BYTES), buffer_size=_RANGE_BYTES, pre_buffer=False)
            metadata = self._parquet.metadata
            self.columns = tuple(self._parquet.schema_arrow.names)
        if len(self.columns) > MAX_COLUMNS:
            raise file.unreadable(f"it has {len(self.columns):,} columns; at most {MAX_COLUMNS:,} are read")
        expands_to = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
        if expands_to > file.max_bytes:
            raise file.unreadable(f"it holds more than {file.max_bytes:,} bytes")

    def rows(self, partition: int, picked: Sequence[int]) -> Iterator[Row | BadRow]:
        """Every row with the cells at `picked` as text: null is "", dates and times are ISO 8601."""
        names = [self.columns[index] for index in picked]
        line = 0
        with self._errors_named():
            for batch in self._parquet.iter_batches(_BATCH_ROWS, columns=list(dict.fromkeys(names)), use_threads=False):
                cells = [self._as_text(batch, name) for name in names]
                for values in zip(*cells, strict=True):
                    line += 1
                    yield Row(partition, line, values)

    def _as_text(self, batch: pa.RecordBatch, name: str) -> list[str]:
        column = batch.column(name)
        try:
            return [value or "" for value in column.cast(pa.string()).to_pylist()]
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise self._file.unreadable(f"column '{name}' of type {column.type} is not text") from error

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise self._file.unreadable("it is no Parquet file, or a damaged one") from error
