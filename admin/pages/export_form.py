"""What people type into the form of an export: read from the post, checked, and shown again with every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Annotated

from fastapi import Depends, Form
from pydantic import ValidationError

from admin.export_fields import list_id_in
from admin.pages.export_words import CUSTOM_PREFIX
from admin.pages.words import message
from exporters.contact_fields import BIRTHDAY, BIRTHDAY_DAY, BIRTHDAY_MONTH, EMAIL, MAX_CUSTOM_FIELDS
from shared.models import Export
from shared.snapshots import ReadOptions

LONGEST_NAME = 100
MOST_SEGMENTS = 100
_LONGEST_TEXT = 500
_TAB = "tab"

_NO_NAME = message("Give the export a name.")
_LONG_NAME = message("Shorten the name to at most 100 characters.")
_ODD_NAME = message("Use only characters that can be printed, on one line.")
_NO_CONNECTION = message("Choose a connection.")
_NO_LIST = message("Choose a list, paste its id or web address, or create one.")
_NO_LIST_ADDRESS = message("This is neither the id of a list nor the web address of one.")
_NO_SEGMENT = message("Choose at least one segment.")
_MANY_SEGMENTS = message("Choose at most 100 segments; spread the others over further exports.")
_NO_EMAIL = message("Choose the column that holds the e-mail address.")
_NO_COLUMN = message("Choose a column for each attribute, or remove the attribute.")
_BIRTHDAY_PARTS = message("Month and day of the birthday need each other: choose a column for both, or remove both.")
_BIRTHDAY_TWICE = message("Take the birthday either from a date, or from month and day, not both.")
_MANY_CUSTOM = message("Constant Contact takes at most 25 custom fields in one import.")
_BAD_ENCODING = message("There is no text encoding of this name.")


@dataclass(frozen=True)
class ExportForm:
    """The fields of an export as they were typed; nothing is checked yet.

    `matching` is import column → snapshot column, "" where none is chosen yet. `list_address` and `new_list` are what
    was typed to choose a list in another way; the searches only narrow what is shown.
    """

    name: str = ""
    connection_id: str = ""
    list_id: str = ""
    list_name: str = ""
    list_search: str = ""
    list_address: str = ""
    new_list: str = ""
    segments: tuple[str, ...] = ()
    segment_search: str = ""
    matching: Mapping[str, str] = field(default_factory=lambda: {EMAIL: ""})
    header: str = "auto"
    delimiter: str = ""
    encoding: str = ""
    previewed: bool = False
    etag: str = ""

    @classmethod
    def of(cls, export: Export, etag: str = "") -> ExportForm:
        """The fields of an export as it is kept."""
        return cls(
            name=export.name,
            connection_id=export.connection_id or "",
            list_id=export.list_id,
            list_name=export.list_name or "",
            segments=export.segments,
            matching={EMAIL: "", **export.mapping},
            header=export.reading.header,
            delimiter=_TAB if export.reading.delimiter == "\t" else export.reading.delimiter or "",
            encoding=export.reading.encoding or "",
            etag=etag,
        )

    # What was chosen, as far as it can be understood.

    @property
    def mapping(self) -> dict[str, str]:
        """The attributes that have a column."""
        return {column: source for column, source in self.matching.items() if source}

    @property
    def reading(self) -> ReadOptions | None:
        """How files are read, or None while the options are wrong."""
        delimiter = "\t" if self.delimiter == _TAB else self.delimiter
        try:
            return ReadOptions.model_validate(
                {"header": self.header, "delimiter": delimiter or None, "encoding": self.encoding or None}
            )
        except ValidationError:
            return None

    @property
    def pasted_list(self) -> str | None:
        """The id in what was pasted, or None."""
        try:
            return list_id_in(self.list_address)
        except ValueError:
            return None

    @property
    def can_preview(self) -> bool:
        """Whether enough is there to say what would be sent."""
        return bool(self.segments and self.matching.get(EMAIL) and self.reading)

    def missing(self, *, detached: bool = False) -> tuple[str, ...]:
        """What *Save* still needs (`export_words.NEEDS`); an export that is `detached` can stay so."""
        given = {
            "name": self.name,
            "connection": self.connection_id or detached,
            "list": self.list_id or self.list_address,
            "segments": self.segments,
            "email": self.matching.get(EMAIL),
        }
        return tuple(code for code, value in given.items() if not value)

    def problems(self, connections: Sequence[str], *, detached: bool = False) -> dict[str, str]:
        """What is wrong, by field, in the order of the fields; `connections` are the ids of those that may be used."""
        found = self._naming_problems()
        if self.connection_id not in connections and not (detached and not self.connection_id):
            found["connection"] = _NO_CONNECTION
        if self.list_address and not self.pasted_list:
            found["list_address"] = _NO_LIST_ADDRESS
        elif not self.list_id and not self.list_address:
            found["list"] = _NO_LIST
        if not self.segments:
            found["segments"] = _NO_SEGMENT
        elif len(self.segments) > MOST_SEGMENTS:
            found["segments"] = _MANY_SEGMENTS
        return found | self._matching_problems() | self._reading_problems()

    def _naming_problems(self) -> dict[str, str]:
        if not self.name:
            return {"name": _NO_NAME}
        if len(self.name) > LONGEST_NAME:
            return {"name": _LONG_NAME}
        return {} if self.name.isprintable() else {"name": _ODD_NAME}

    def _matching_problems(self) -> dict[str, str]:
        found = {}
        if not self.matching.get(EMAIL):
            found["email"] = _NO_EMAIL
        parts = [BIRTHDAY_MONTH in self.matching, BIRTHDAY_DAY in self.matching]
        if not all(source for column, source in self.matching.items() if column != EMAIL):
            found["matching"] = _NO_COLUMN
        elif any(parts) and BIRTHDAY in self.matching:
            found["matching"] = _BIRTHDAY_TWICE
        elif any(parts) and not all(parts):
            found["matching"] = _BIRTHDAY_PARTS
        elif sum(column.startswith(CUSTOM_PREFIX) for column in self.matching) > MAX_CUSTOM_FIELDS:
            found["matching"] = _MANY_CUSTOM
        return found

    def _reading_problems(self) -> dict[str, str]:
        return {} if self.reading else {"encoding": _BAD_ENCODING}


_Text = Annotated[str, Form(max_length=_LONGEST_TEXT)]
_Texts = Annotated[list[str], Form()]


def _export_form(
    name: _Text = "",
    connection: _Text = "",
    list_id: _Text = "",
    list_name: _Text = "",
    list_search: _Text = "",
    list_address: Annotated[str, Form(max_length=4_000)] = "",
    new_list: _Text = "",
    segments: _Texts = [],  # noqa: B006 (FastAPI copies it)
    segment_search: _Text = "",
    attribute: _Texts = [],  # noqa: B006
    source: _Texts = [],  # noqa: B006
    header: _Text = "auto",
    delimiter: _Text = "",
    encoding: _Text = "",
    previewed: _Text = "",
    etag: _Text = "",
) -> ExportForm:
    """Attributes and their columns come as two lists of the same length: one select for each attribute."""
    matching = {EMAIL: "", **dict(zip_longest(attribute, source[: len(attribute)], fillvalue=""))}
    return ExportForm(
        name=name.strip(),
        connection_id=connection,
        list_id=list_id,
        list_name=list_name,
        list_search=list_search.strip(),
        list_address=list_address.strip(),
        new_list=new_list.strip(),
        segments=tuple(dict.fromkeys(segments)),
        segment_search=segment_search.strip(),
        matching=matching,
        header=header,
        delimiter=delimiter,
        encoding=encoding.strip(),
        previewed=previewed == "yes",
        etag=etag,
    )


PostedExport = Annotated[ExportForm, Depends(_export_form)]
