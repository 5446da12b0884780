"""The payload of an import, CSV or JSON, read as far as the service reads it."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from local.constant_contact import errors
from local.constant_contact.configuration import Configuration
from local.constant_contact.import_rows import CSV_LIMITS, CUSTOM_FIELD_PREFIX, JSON_LIMITS

# Whatever lies beyond is silently dropped (import guide: 40,000 lines with the header, less than 4 MB).
READ_ROWS = 39_999
READ_BYTES = 4_000_000


class UnreadablePayloadError(ValueError):
    """The rows cannot be told apart; the activity fails."""


class Payload(Protocol):
    """Rows of an import, numbered as the service numbers them: line 1 is the header, also of JSON."""

    limits: dict[str, int | None]
    headings: tuple[str, ...]
    items: int

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows that the service reads; raises UnreadablePayloadError."""


class CsvPayload:
    """A CSV file: UTF-8, RFC 4180, with a heading line."""

    limits = CSV_LIMITS

    def __init__(self, content: bytes) -> None:
        if len(content) > READ_BYTES:
            content = content[: content.rfind(b"\n", 0, READ_BYTES) + 1]
        self._content = content
        first_line = next(self._records(self._content[:65_536]), [])
        self.headings = tuple(heading.strip() for heading in first_line)
        # Line feeds inside quotes count too: this is only what the duration is worked out from.
        self.items = min(content.rstrip().count(b"\n"), READ_ROWS)

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows after the heading line; blank lines are passed over."""
        records = self._records(self._content)
        next(records, None)
        read = 0
        try:
            for line, record in enumerate(records, 2):
                if not record:
                    continue
                if read == READ_ROWS:
                    return
                read += 1
                yield line, dict(zip(self.headings, record, strict=False))
        except csv.Error as error:
            raise UnreadablePayloadError(f"The file is not valid CSV: {error}.") from error

    @staticmethod
    def _records(content: bytes) -> Iterator[list[str]]:
        return csv.reader(io.StringIO(content.decode("utf-8-sig", errors="replace"), newline=""))


class JsonPayload:
    """The `import_data` of a JSON import."""

    limits = JSON_LIMITS

    def __init__(self, import_data: list[dict[str, str | int]], length: int) -> None:
        self._import_data = import_data[:READ_ROWS]
        if length > READ_BYTES:
            self._drop_rows_beyond(READ_BYTES)
        self.headings = tuple({name: None for row in self._import_data for name in row})
        self.items = len(self._import_data)

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows; numbers become text."""
        for line, row in enumerate(self._import_data, 2):
            yield line, {name: str(value) for name, value in row.items()}

    def _drop_rows_beyond(self, length: int) -> None:
        read = 0
        for number, row in enumerate(self._import_data):
            read += len(json.dumps(row, ensure_ascii=False).encode()) + 1
            if read > length:
                del self._import_data[number:]
                return


class JsonImport(BaseModel):
    """The body of `contacts_json_import`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    import_data: list[dict[str, str | int]] = Field(min_length=1)
    list_ids: list[str]
    sms_permission_to_send: str = "not_set"


def check_headings(payload: Payload, custom_field_names: set[str], configuration: Configuration) -> None:
    """Raise ApiError 400 unless every heading is one that the service knows, once, and contacts can be identified."""
    headings = payload.headings
    if "email" not in headings and "sms_number" not in headings:
        raise errors.invalid("The import needs an email or an sms_number column.")
    if len(set(headings)) < len(headings):
        raise errors.invalid("The import has the same column twice.")
    custom = [heading for heading in headings if heading.startswith(CUSTOM_FIELD_PREFIX)]
    if len(custom) > configuration.custom_fields_per_contact:
        raise errors.invalid(f"The import has more than {configuration.custom_fields_per_contact} custom fields.")
    if configuration.unknown_headings == "refuse":
        known = payload.limits.keys() | {CUSTOM_FIELD_PREFIX + name for name in custom_field_names}
        if unknown := [heading for heading in headings if heading not in known]:
            raise errors.invalid(f"Unknown column: {', '.join(unknown)}.")
