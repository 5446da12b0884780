"""Turns a profile into the contact that Constant Contact receives, or says why it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from exporters.contact_fields import (
    ANNIVERSARY,
    BIRTHDAY,
    BIRTHDAY_DAY,
    BIRTHDAY_MONTH,
    CUSTOM_FIELD,
    CUSTOM_FIELD_LENGTH,
    EMAIL,
    EMAIL_LENGTH,
    IMPORT_ORDER,
    MAX_CUSTOM_FIELDS,
    PHONE,
    PHONE_LENGTH,
    TEXT_LENGTHS,
    clean_text,
    month_and_day,
    parse_date,
)
from exporters.email_address import AddressFault, InvalidAddress, clean, comparison_key


class Reason(StrEnum):
    """Why a profile cannot be a contact: a stable code, and a sentence for people."""

    EMAIL_MISSING = "email_missing"
    EMAIL_TOO_LONG = "email_too_long"
    EMAIL_MALFORMED = "email_malformed"
    EMAIL_NOT_ASCII = "email_not_ascii"
    EMAIL_DOMAIN = "email_domain"
    ROW_MALFORMED = "row_malformed"

    @property
    def sentence(self) -> str:
        """One English sentence for the page and the file of rejected rows."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.EMAIL_MISSING: "The profile has no e-mail address.",
    Reason.EMAIL_TOO_LONG: "The e-mail address is longer than Constant Contact takes.",
    Reason.EMAIL_MALFORMED: "The e-mail address is not written as name@domain.",
    Reason.EMAIL_NOT_ASCII: "The e-mail address has letters before the @ that Constant Contact does not take.",
    Reason.EMAIL_DOMAIN: "The part of the e-mail address after the @ is not a domain name.",
    Reason.ROW_MALFORMED: "The row has more or fewer cells than the segment has columns.",
}

_ADDRESS_REASONS = {
    AddressFault.MISSING: Reason.EMAIL_MISSING,
    AddressFault.TOO_LONG: Reason.EMAIL_TOO_LONG,
    AddressFault.MALFORMED: Reason.EMAIL_MALFORMED,
    AddressFault.LOCAL_PART_NOT_ASCII: Reason.EMAIL_NOT_ASCII,
    AddressFault.DOMAIN_INVALID: Reason.EMAIL_DOMAIN,
}


class Contact(NamedTuple):
    """What Constant Contact receives for one profile.

    `key` tells equal addresses. `values` are in the order of the mapping's import columns, "" where there is nothing
    to send. `cut` and `left_out` name the import columns that were shortened, or whose value could not be sent at all
    (an impossible date, half a birthday, a phone number that is too long). A tuple, because a run makes a million.
    """

    key: str
    values: tuple[str, ...]
    cut: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Rejected(NamedTuple):
    """A profile that cannot be a contact."""

    reason: Reason


class Mapping(BaseModel):
    """Which source column fills which import column of Constant Contact: `{"email": "EMail", "cf:level": "Level"}`.

    Import columns are those of `contact_fields`: e-mail (required), names, company, address, phone, dates, and at most
    25 custom fields. `birthday` takes a date column and replaces `birthday_month` with `birthday_day`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: dict[str, Annotated[str, Field(min_length=1, max_length=1_000)]]

    @field_validator("fields")
    @classmethod
    def _is_an_import(cls, fields: dict[str, str]) -> dict[str, str]:
        custom = [column for column in fields if column.startswith("cf:")]
        unknown = [
            column
            for column in fields
            if column not in IMPORT_ORDER and column != BIRTHDAY and not CUSTOM_FIELD.fullmatch(column)
        ]
        if unknown:
            raise ValueError(f"Constant Contact has no import column {', '.join(map(repr, unknown))}")
        if EMAIL not in fields:
            raise ValueError("choose the column that holds the e-mail address")
        if len(custom) > MAX_CUSTOM_FIELDS:
            raise ValueError(f"{len(custom)} custom fields are mapped; Constant Contact takes {MAX_CUSTOM_FIELDS}")
        if (BIRTHDAY_MONTH in fields) != (BIRTHDAY_DAY in fields):
            raise ValueError(f"'{BIRTHDAY_MONTH}' and '{BIRTHDAY_DAY}' need each other; map both or neither")
        if BIRTHDAY in fields and BIRTHDAY_MONTH in fields:
            raise ValueError(f"map either '{BIRTHDAY}' or '{BIRTHDAY_MONTH}' and '{BIRTHDAY_DAY}', not both")
        return fields

    @cached_property
    def source_columns(self) -> tuple[str, ...]:
        """The distinct columns to read from a snapshot; to_contact takes its values in this order."""
        return tuple(dict.fromkeys(self.fields.values()))

    @cached_property
    def import_columns(self) -> tuple[str, ...]:
        """The header of the batch file: e-mail first, always in the same order for the same mapping."""
        sent = set(self.fields) - {BIRTHDAY}
        if BIRTHDAY in self.fields:
            sent |= {BIRTHDAY_MONTH, BIRTHDAY_DAY}
        return (*(column for column in IMPORT_ORDER if column in sent), *sorted(sent - set(IMPORT_ORDER)))

    @cached_property
    def _plan(self) -> _Plan:
        source = {column: self.source_columns.index(name) for column, name in self.fields.items()}
        slot = {column: index for index, column in enumerate(self.import_columns)}
        texts = []
        for column in self.import_columns:
            limit = CUSTOM_FIELD_LENGTH if column.startswith("cf:") else TEXT_LENGTHS.get(column)
            if limit:
                texts.append(_Text(column, source[column], slot[column], limit))
        return _Plan(source=source, slot=slot, texts=tuple(texts))


class _Text(NamedTuple):
    column: str
    source: int
    slot: int
    limit: int


@dataclass(frozen=True)
class _Plan:
    """Where in the source values, and where in the contact, each column of a mapping is."""

    source: dict[str, int]
    slot: dict[str, int]
    texts: tuple[_Text, ...]


def to_contact(values: Sequence[str], mapping: Mapping, *, max_email_length: int = EMAIL_LENGTH) -> Contact | Rejected:
    """The contact of one profile; `values` are in the order of `mapping.source_columns`.

    Empty values stay empty, so they erase nothing in Constant Contact. Texts are cut at the documented length, dates
    written as MM/DD/YYYY; what cannot be sent is left out and named, and the contact is sent without it.
    """
    plan = mapping._plan
    try:
        address = clean(values[plan.source[EMAIL]], max_email_length)
    except InvalidAddress as fault:
        return Rejected(_ADDRESS_REASONS[fault.reason])

    cells = [""] * len(mapping.import_columns)
    cells[0] = address
    cut: list[str] = []
    left_out: list[str] = []

    for column, source, slot, limit in plan.texts:
        text = clean_text(values[source])
        if len(text) > limit:
            text = text[:limit].rstrip()
            cut.append(column)
        cells[slot] = text

    if PHONE in plan.source:
        phone = clean_text(values[plan.source[PHONE]])
        if len(phone) > PHONE_LENGTH:
            left_out.append(PHONE)
        else:
            cells[plan.slot[PHONE]] = phone

    if ANNIVERSARY in plan.source:
        text = clean_text(values[plan.source[ANNIVERSARY]])
        day = parse_date(text)
        if day:
            cells[plan.slot[ANNIVERSARY]] = f"{day.month:02}/{day.day:02}/{day.year:04}"
        elif text:
            left_out.append(ANNIVERSARY)

    if BIRTHDAY_MONTH in plan.slot:
        birthday, given = _birthday(values, plan.source)
        if birthday:
            cells[plan.slot[BIRTHDAY_MONTH]], cells[plan.slot[BIRTHDAY_DAY]] = birthday
        elif given:
            left_out.append(BIRTHDAY)

    return Contact(comparison_key(address), tuple(cells), tuple(cut), tuple(left_out))


def _birthday(values: Sequence[str], source: dict[str, int]) -> tuple[tuple[str, str] | None, bool]:
    """Month and day, if they are a day of the year, and whether the profile says anything at all about it."""
    if BIRTHDAY in source:
        text = clean_text(values[source[BIRTHDAY]])
        day = parse_date(text)
        return ((str(day.month), str(day.day)) if day else None), bool(text)
    month, day_of_month = clean_text(values[source[BIRTHDAY_MONTH]]), clean_text(values[source[BIRTHDAY_DAY]])
    return month_and_day(month, day_of_month), bool(month or day_of_month)
