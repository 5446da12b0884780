"""One CSV partition as a table: its dialect and header found out, its rows read as a stream."""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from operator import itemgetter
from typing import Any, BinaryIO, Literal

from shared.snapshots.columns import holds_all, is_header, same_names
from shared.snapshots.errors import SchemaMismatch, name_shown
from shared.snapshots.limits import MAX_CELL_CHARS, MAX_COLUMNS, MAX_ROW_CHARS, MAX_ROW_LINES
from shared.snapshots.models import BadRow, ReadOptions, Row, text_encoding
from shared.snapshots.partition_file import PartitionFile

# One file of another schema has no row that fits; one ragged row at its top is followed by rows that do.
_ROWS_LOOKED_AT = 20
_DELIMITERS = (",", ";", "\t", "|")
_LINE_BREAK = re.compile("\r\n|\r|\n")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")

# The limit is the csv module's, for the whole process; its default of 131,072 is less than an attribute may hold.
csv.field_size_limit(MAX_CELL_CHARS)


class CsvTable:
    """A CSV partition: `columns` in the order of its cells, and its rows.

    Raises UnreadableFile, HeaderUnclear, SchemaMismatch and SnapshotChanged, on opening and while reading.
    """

    columns: tuple[str, ...]

    def __init__(
        self,
        file: PartitionFile,
        options: ReadOptions,
        model_columns: Sequence[str] | None,
        wanted: Sequence[str],
    ) -> None:
        self._file = file
        partition = file.partition
        self._quoting: Literal[0, 3] = csv.QUOTE_NONE if partition.quoting == "none" else csv.QUOTE_MINIMAL
        with self._errors_named():
            content = file.open_content()
            encoding = partition.encoding or options.encoding
            if encoding is None and _begins_as_utf_16(content):
                raise file.unreadable("it is not encoded in utf-8 but in utf-16; state its encoding in the export")
            encoding = encoding or "utf-8"
            try:
                self._lines = _Lines(io.TextIOWrapper(content, text_encoding(encoding), newline=""), file)
            except ValueError as error:
                raise file.unreadable(f"its encoding '{name_shown(encoding)}' is not known") from error
            self._head: list[str] = []
            delimiter = partition.delimiter or options.delimiter
            self._delimiter = delimiter or self._find_delimiter(model_columns, wanted)
            first = self._first_row(self._delimiter)
            self.columns = self._find_columns(first, options, model_columns, wanted)

    def rows(self, partition: int, picked: Sequence[int]) -> Iterator[Row | BadRow]:
        """Every row after the header, with the cells at `picked`; a row of another width is a BadRow."""
        pick = _picker(picked)
        width = len(self.columns)
        lines = self._lines
        reader = self._reader(chain(self._head, lines), self._delimiter)
        header_ahead = self._has_header
        allowance = self._file.allowance
        most = allowance.rows_left
        count = line = 0
        with self._errors_named():
            for cells in reader:
                starts, line = line + 1, reader.line_num
                lines.row_chars = lines.row_lines = 0
                count += 1
                if count > most:
                    raise self._file.too_many_rows()
                if not cells:
                    continue
                if header_ahead:
                    header_ahead = False
                elif len(cells) == width:
                    yield Row(partition, starts, pick(cells))
                elif len(cells) <= MAX_COLUMNS:
                    yield BadRow(partition, starts, f"{len(cells)} cells instead of {width}")
                else:
                    problem = f"the row at line {starts} has {len(cells):,} cells; at most {MAX_COLUMNS:,} are read"
                    raise self._file.unreadable(problem)
        allowance.rows_left -= count

    def _find_columns(
        self, first: list[str], options: ReadOptions, model_columns: Sequence[str] | None, wanted: Sequence[str]
    ) -> tuple[str, ...]:
        file = self._file
        stated = file.partition.header if file.partition.header != "auto" else options.header
        if not first:
            if not model_columns:
                raise file.unreadable("it holds no header row and no profiles")
            self._has_header = False
            return tuple(model_columns)
        self._refuse_more_than_may_be(len(first))
        self._has_header = is_header(
            first,
            stated=stated,
            model_columns=model_columns,
            wanted=wanted,
            segment=file.segment,
            path=file.partition.path,
        )
        if self._has_header or not model_columns:
            return tuple(first)
        if not self._some_row_has(len(model_columns)):
            raise SchemaMismatch(
                f"File '{file.partition.path}' of segment '{file.segment}' does not fit its model.json: "
                f"{len(model_columns)} columns are expected and {len(first)} found. "
                "Have the segment exported again, or state the delimiter of its files in the export."
            )
        return tuple(model_columns)

    def _refuse_more_than_may_be(self, columns: int) -> None:
        if columns > MAX_COLUMNS:
            raise self._file.unreadable(f"it has {columns:,} columns; at most {MAX_COLUMNS:,} are read")

    def _some_row_has(self, width: int) -> bool:
        """Whether one of the first rows has so many cells: a single ragged row says nothing about its file."""
        kept = 0
        for cells in islice(self._reader(self._kept_lines(), self._delimiter), _ROWS_LOOKED_AT):
            if len(cells) == width:
                return True
            kept += self._lines.row_chars
            if kept > MAX_ROW_CHARS:
                break
            self._lines.row_chars = self._lines.row_lines = 0
        return False

    def _find_delimiter(self, model_columns: Sequence[str] | None, wanted: Sequence[str]) -> str:
        """The one that makes the best header of the first row; with a model else a comma, the documented default."""
        first_rows = {}
        widest = 0
        for delimiter in _DELIMITERS:
            try:
                row = self._first_row(delimiter)
            except csv.Error:
                continue
            widest = max(widest, len(row))
            if len(row) <= MAX_COLUMNS:
                first_rows[delimiter] = row
        if model_columns:
            return next((key for key, row in first_rows.items() if same_names(row, model_columns)), _DELIMITERS[0])
        best = max(
            first_rows,
            key=lambda key: (holds_all(first_rows[key], wanted), len(first_rows[key])),
            default=_DELIMITERS[0],
        )
        if not (best in first_rows and holds_all(first_rows[best], wanted)):
            self._refuse_more_than_may_be(widest)
        return best

    def _first_row(self, delimiter: str) -> list[str]:
        """The first row that is not blank; its lines are kept to be read again."""
        return next((cells for cells in self._reader(self._kept_lines(), delimiter) if cells), [])

    def _kept_lines(self) -> Iterator[str]:
        yield from self._head
        for line in self._lines:
            self._head.append(line if self._head else line.removeprefix("\ufeff"))
            yield self._head[-1]

    def _reader(self, lines: Iterator[str], delimiter: str) -> Any:
        return csv.reader(lines, delimiter=delimiter, quoting=self._quoting, strict=True)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        file = self._file
        try:
            yield
        except EOFError as error:
            raise file.unreadable("its gzip data ends too early, as after an upload that was cut off") from error
        except zlib.error as error:
            raise file.unreadable("its gzip data is damaged") from error
        except UnicodeError as error:
            line, encoding = self._lines.line_of(error), self._lines.encoding
            raise file.unreadable(
                f"line {line} is not encoded in {encoding}; state its encoding in the export"
            ) from error
        except csv.Error as error:
            raise file.unreadable(f"{_csv_problem(error)} before the end of line {self._lines.count}") from error


class _Lines:
    """The physical lines of a text, with a limit to what one row may take up."""

    def __init__(self, text: io.TextIOWrapper, file: PartitionFile) -> None:
        self._readline = text.readline
        self._file = file
        self.encoding = text.encoding
        self.count = 0
        self.row_chars = 0
        self.row_lines = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._readline(MAX_ROW_CHARS + 1)
        if not line:
            raise StopIteration
        self.count += 1
        self.row_chars += len(line)
        self.row_lines += 1
        if self.row_chars > MAX_ROW_CHARS:
            raise self._file.unreadable(f"the row around line {self.count} is longer than {MAX_ROW_CHARS:,} characters")
        if self.row_lines > MAX_ROW_LINES:
            raise self._file.unreadable(f"the row that ends with line {self.count} or later has too many lines")
        return line

    def line_of(self, error: UnicodeError) -> int:
        """The line of what could not be decoded; the bytes before it in the same block are decoded to count on."""
        before = ""
        if isinstance(error, UnicodeDecodeError):
            # Some codecs cannot skip what they do not understand; the line is then that of the block's start.
            with suppress(UnicodeError):
                before = error.object[: error.start].decode(error.encoding, "ignore")
        return self.count + 1 + len(_LINE_BREAK.findall(before))


def _begins_as_utf_16(content: BinaryIO) -> bool:
    assert isinstance(content, io.BufferedReader)  # noqa: S101 - peek is what BufferedReader adds to BinaryIO
    return content.peek(2)[:2] in _BYTE_ORDER_MARKS


def _picker(picked: Sequence[int]) -> Any:
    if len(picked) == 1:
        only = picked[0]
        return lambda cells: (cells[only],)
    return itemgetter(*picked) if picked else lambda _: ()


def _csv_problem(error: csv.Error) -> str:
    text = str(error)
    if "field limit" in text:
        return f"a cell is longer than {MAX_CELL_CHARS:,} characters, or a quote is not closed,"
    if "unexpected end" in text:
        return "a quote is not closed"
    return "a quoted cell goes on after its closing quote"
