"""Suggests which source column fills which import column, for a form that a person checks; pure.

A column's name says what it may be for, its values whether it is. Names are compared without case, accents, blanks and
punctuation; known are those of the product, the Common Data Model and Dataverse, in English, Italian and Romanian, and
the address and the names in French, German and Spanish too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from exporters.contact_fields import (
    ANNIVERSARY,
    BIRTHDAY,
    BIRTHDAY_DAY,
    BIRTHDAY_MONTH,
    CUSTOM_FIELD,
    EMAIL,
    IMPORT_ORDER,
    MAX_CUSTOM_FIELDS,
    PHONE,
    parse_date,
)
from exporters.matching_words import AMBIGUOUS, ENDINGS, NO_VALUES, WORDS
from shared.snapshots.columns import looks_like_address

_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_FEWEST_DIGITS_OF_A_PHONE_NUMBER = 6
_PHONE_NUMBER = re.compile(r"[0-9+()./\- ]+(?:(?:ext|x|int)\.? ?[0-9]+)?", re.IGNORECASE)


class Labelled(Protocol):
    """A custom field of the account."""

    @property
    def name(self) -> str:
        """What imports call it, behind `cf:`."""

    @property
    def label(self) -> str:
        """What people call it."""


def suggest(
    columns: Sequence[str], rows: Sequence[Sequence[str]] = (), custom_fields: Sequence[Labelled] = ()
) -> dict[str, str]:
    """The likely source column of each import column (`email`, `first_name`, … `birthday`, `cf:<name>`).

    An import column is left out where none is likely, and no source column is suggested twice. Where rows are given the
    column of the addresses holds at least one; without a fitting name it is the only one that does.
    """
    free = [_Column.of(name, index, rows) for index, name in enumerate(columns) if columns.count(name) == 1]
    found: dict[str, str] = {}

    def take(wanted: str, column: _Column | None) -> None:
        if column is not None:
            found[wanted] = column.name
            free.remove(column)

    for wanted in WORDS:
        take(wanted, _named(wanted, free))
    for wanted in ENDINGS:
        if wanted not in found:
            take(wanted, _ending(wanted, free))
    if EMAIL not in found:
        with_addresses = [column for column in free if column.fitting(EMAIL)]
        take(EMAIL, with_addresses[0] if len(with_addresses) == 1 else None)
    for field in custom_fields[:]:
        import_column = f"cf:{field.name}"
        if CUSTOM_FIELD.fullmatch(import_column) and sum(name.startswith("cf:") for name in found) < MAX_CUSTOM_FIELDS:
            names = {_plain(field.label), _plain(field.name)}
            take(import_column, next((column for column in free if column.plain in names), None))
    return dict(_in_order(found))


@dataclass(frozen=True, eq=False)
class _Column:
    """A source column with what of its values was seen, the empty ones left out."""

    name: str
    plain: str
    tokens: tuple[str, ...]
    values: tuple[str, ...]
    rows_seen: bool

    @classmethod
    def of(cls, name: str, index: int, rows: Sequence[Sequence[str]]) -> _Column:
        """The column at this place of the rows, which may be shorter than they should."""
        values = tuple(row[index].strip() for row in rows if index < len(row) and row[index].strip())
        tokens = tuple(token.casefold() for token in _TOKEN.findall(_without_accents(name)))
        return cls(name, _plain(name), tokens, values, bool(rows))

    def fitting(self, wanted: str) -> int:
        """How many of its values can be what is wanted."""
        fits = _FITS.get(wanted, _is_text)
        return sum(fits(value) for value in self.values)

    def may_be(self, wanted: str) -> bool:
        """Whether its values do not speak against it."""
        if wanted == EMAIL:
            return self.fitting(EMAIL) > 0 if self.rows_seen else True
        return self.fitting(wanted) * 2 >= len(self.values)

    def ends_with(self, words: tuple[str, ...]) -> bool:
        """Whether the last parts of its name are one of these words: `CRM_EMail`, not `capacity` for `city`."""
        return any("".join(self.tokens[-count:]) in words for count in range(1, min(4, len(self.tokens)) + 1))


def _named(wanted: str, columns: Sequence[_Column]) -> _Column | None:
    """The column with the likeliest name, but one that has less than half of the values of another is passed over."""
    words = WORDS[wanted]
    candidates = [column for column in columns if column.plain in words and column.may_be(wanted)]
    candidates = [column for column in candidates if column.plain not in AMBIGUOUS or not _several_words(column)]
    most = max((column.fitting(wanted) for column in candidates), default=0)
    filled = [column for column in candidates if column.fitting(wanted) * 2 >= most]
    return min(filled, key=lambda column: words.index(column.plain), default=None)


def _ending(wanted: str, columns: Sequence[_Column]) -> _Column | None:
    """The only column whose name ends with a fitting word, or the only one of those that has most of the values."""
    candidates = [
        column
        for column in columns
        if column.ends_with(ENDINGS[wanted]) and not NO_VALUES.search(column.plain) and column.may_be(wanted)
    ]
    most = max((column.fitting(wanted) for column in candidates), default=0)
    filled = [column for column in candidates if column.fitting(wanted) * 2 >= most]
    return filled[0] if len(filled) == 1 else None


def _several_words(column: _Column) -> bool:
    """Whether most values are of several words, as those of a column of whole names are."""
    return sum(" " in value for value in column.values) * 2 > len(column.values)


def _is_text(value: str) -> bool:
    return not looks_like_address(value)


def _is_name(value: str) -> bool:
    return not looks_like_address(value) and not any(char.isdigit() for char in value)


def _is_phone_number(value: str) -> bool:
    digits = sum(char.isdigit() for char in value)
    return digits >= _FEWEST_DIGITS_OF_A_PHONE_NUMBER and _PHONE_NUMBER.fullmatch(value) is not None


def _is_postal_code(value: str) -> bool:
    return any(char.isdigit() for char in value) and not looks_like_address(value)


def _is_date(value: str) -> bool:
    return parse_date(value) is not None


def _is_number_up_to(most: int) -> Callable[[str], bool]:
    return lambda value: value.isascii() and value.isdigit() and 1 <= int(value[:3]) <= most


_FITS: dict[str, Callable[[str], bool]] = {
    EMAIL: looks_like_address,
    "first_name": _is_name,
    "last_name": _is_name,
    "city": _is_name,
    "country": _is_name,
    PHONE: _is_phone_number,
    "zip": _is_postal_code,
    BIRTHDAY: _is_date,
    ANNIVERSARY: _is_date,
    BIRTHDAY_MONTH: _is_number_up_to(12),
    BIRTHDAY_DAY: _is_number_up_to(31),
}


def _in_order(found: dict[str, str]) -> Iterator[tuple[str, str]]:
    """In the order of the import; a day without its month is no birthday, and a date says both."""
    has_both = BIRTHDAY_MONTH in found and BIRTHDAY_DAY in found and BIRTHDAY not in found
    for wanted in (*IMPORT_ORDER, BIRTHDAY):
        if wanted in found and (wanted not in (BIRTHDAY_MONTH, BIRTHDAY_DAY) or has_both):
            yield wanted, found[wanted]
    yield from ((wanted, column) for wanted, column in found.items() if wanted.startswith("cf:"))


def _without_accents(name: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", _without_accents(name)).casefold()
