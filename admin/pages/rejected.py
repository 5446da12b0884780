"""The rejected rows of a run: a page of them, how many there are for each reason, and all of them as a CSV file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from exporters.files import RejectedRow, RunFiles
from exporters.runs import Counts

BY_US, BY_THEM = "us", "constant_contact"
"""Who rejected: BY_THEM is a row's code too, all the others are reasons of ours."""

PAGE_SIZE = 50

# So many rows are read in a moment; of more, the reasons are not counted.
_MOST_COUNTED = 50_000
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class RejectedPage:
    """Some rejected rows: page `page` of `pages` (from 1) of the `total` that have the reason which was asked for.

    `reasons` says how many rows each reason has, and BY_US and BY_THEM all theirs. `gone`: the run had rejected rows,
    and their retention time is over.
    """

    rows: list[RejectedRow]
    reasons: dict[str, int]
    total: int
    page: int
    pages: int
    gone: bool
    size: int = PAGE_SIZE


def rejected_page(files: RunFiles, counts: Counts, *, reason: str = "", page: int = 1) -> RejectedPage:
    """A page of the rejected rows of a run with these counts; the reason "" stands for all, BY_US for all of ours."""
    reasons = {BY_US: counts.rejected_by_us, BY_THEM: counts.rejected_by_constant_contact}
    if counts.rejected <= _MOST_COUNTED:
        counted = Counter(row.code for row in files.rejected_rows())
        theirs = counted.pop(BY_THEM, 0)
        reasons = {BY_US: counted.total(), BY_THEM: theirs, **dict(counted.most_common())}
    of_both = reasons[BY_US] + reasons[BY_THEM]
    total = reasons.get(reason, 0) if reason else of_both
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(page, pages)
    rows = (row for row in files.rejected_rows() if _has(row, reason))
    first = (page - 1) * PAGE_SIZE
    shown = list(islice(rows, first, first + PAGE_SIZE))
    return RejectedPage(
        rows=shown,
        reasons={name: number for name, number in reasons.items() if number},
        total=total,
        page=page,
        pages=pages,
        gone=not shown and (not of_both or not reason),
    )


def _has(row: RejectedRow, reason: str) -> bool:
    return not reason or row.code == reason or (reason == BY_US and row.code != BY_THEM)


def as_csv(rows: Iterator[RejectedRow], header: tuple[str, ...], reason: Callable[[RejectedRow], str]) -> Iterator[str]:
    """The rows as CSV, piece by piece; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    # With this mark at its beginning spreadsheets read the file as UTF-8.
    yield "\ufeff" + _lines([header])
    while piece := list(islice(rows, 1_000)):
        yield _lines((row.segment, row.partition, row.line, row.code, reason(row)) for row in piece)


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def _safe(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
