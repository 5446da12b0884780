"""Finds the columns that an export maps among those of a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.snapshots.errors import ColumnMissing, HeaderUnclear
from shared.snapshots.models import Header

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def looks_like_address(cell: str) -> bool:
    """Whether a cell holds what only an e-mail address looks like; not whether the address is valid."""
    return _ADDRESS.fullmatch(cell.strip()) is not None


def locate(wanted: Sequence[str], columns: Sequence[str], segment: str, path: str) -> tuple[int, ...]:
    """Where each wanted column is: by its exact name, else by the only one that differs in case and outer blanks.

    Raises ColumnMissing where there is none, or where the name fits several.
    """
    return tuple(_locate_one(name, columns, segment, path) for name in wanted)


def _locate_one(name: str, columns: Sequence[str], segment: str, path: str) -> int:
    for found in (
        [index for index, column in enumerate(columns) if column == name],
        [index for index, column in enumerate(columns) if _folded(column) == _folded(name)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise ColumnMissing(segment, path, name, columns, problem="is there more than once")
    raise ColumnMissing(segment, path, name, columns)


def same_names(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two rows hold the same column names, in whatever order, but for case and outer blanks."""
    return sorted(map(_folded, one)) == sorted(map(_folded, other))


def holds_all(row: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether each wanted column is among the cells of a row."""
    return {_folded(name) for name in wanted} <= {_folded(cell) for cell in row}


def holds_any(row: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether at least one wanted column is among the cells of a row, or none is wanted."""
    return not wanted or any(holds_all(row, [name]) for name in wanted)


def is_header(
    first_row: Sequence[str],
    *,
    stated: Header,
    model_columns: Sequence[str] | None,
    wanted: Sequence[str],
    segment: str,
    path: str,
) -> bool:
    """Whether the first row of a CSV file holds names and not a profile.

    A row equal to model.json's names is a header whatever is stated, since the stated default (`columnHeaders: false`)
    is often just not filled in. With a model and nothing stated there is none. Without a model and nothing stated it is
    one if it holds all wanted columns and no e-mail address. Raises HeaderUnclear rather than guess.
    """
    if model_columns and same_names(first_row, model_columns):
        return True
    holds_address = any(looks_like_address(cell) for cell in first_row)
    if stated == "yes" and holds_address:
        raise HeaderUnclear(segment, path, "it is said to have a header row, but its first row is a profile")
    if stated == "yes" or model_columns:
        return stated == "yes"
    if stated == "no":
        raise HeaderUnclear(segment, path, "it is said to have no header row, and there is no model.json to name them")
    if holds_address:
        raise HeaderUnclear(segment, path, "its first row is a profile, and there is no model.json to name them")
    if not holds_all(first_row, wanted):
        missing = [name for name in wanted if not holds_all(first_row, [name])]
        names = ", ".join(f"'{name}'" for name in missing)
        raise HeaderUnclear(segment, path, f"its first row does not hold {names}, and there is no model.json")
    return True


def _folded(name: str) -> str:
    return name.strip().casefold()
