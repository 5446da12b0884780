"""Documents in a storage table: read, inserted once, replaced only when nobody else changed them in between."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Generic, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, TableTransactionError, UpdateMode
from pydantic import BaseModel, ValidationError

from shared.errors import Conflict, Invalid

Document = TypeVar("Document", bound=BaseModel)
Column = str | int | bool

log = logging.getLogger(__name__)

# A string property of a table entity holds 64 KiB of UTF-16, where a character takes up to four bytes; an entity 1 MiB.
_CHARACTERS_A_PROPERTY = 16_000
_MOST_PROPERTIES = 15
# The service refuses to be asked for more rows at once.
_LARGEST_PAGE = 1_000


@dataclass(frozen=True)
class Key:
    """A row's place: one partition is read and changed as a whole."""

    partition: str
    row: str


@dataclass(frozen=True)
class Stored(Generic[Document]):
    """A document as it was read; `etag` proves later that it has not changed since."""

    value: Document
    etag: str
    written_at: datetime


class DocumentTable(Generic[Document]):
    """One kind of document in one table, each kept as JSON in the properties `document…`.

    `columns` says what of a document is kept in columns as well, because it is asked for by them.
    """

    def __init__(
        self,
        client: TableClient,
        model: type[Document],
        *,
        columns: Callable[[Document], dict[str, Column]] = lambda _: {},
    ) -> None:
        self._client = client
        self._model = model
        self._columns = columns

    def get(self, key: Key) -> Stored[Document] | None:
        """The document at `key`, or None when there is none."""
        try:
            entity = self._client.get_entity(key.partition, key.row)
        except ResourceNotFoundError:
            return None
        return self.stored(entity)

    def get_or_insert(self, key: Key, value: Document) -> Stored[Document]:
        """The document at `key`; where there is none, this one."""
        while True:
            stored = self.get(key)
            if stored is not None:
                return stored
            self.insert(key, value)

    def insert(self, key: Key, value: Document) -> bool:
        """Add the document; False when the key is taken (what is there stays as it is)."""
        try:
            self._client.create_entity({**self._columns(value), **entity(key, value)})
        except ResourceExistsError:
            return False
        return True

    def replace(self, key: Key, value: Document, etag: str) -> Stored[Document]:
        """Write the document over the version that `etag` names.

        Raises:
            Conflict: the document was changed or removed since it was read.
        """
        try:
            answer = self._client.update_entity(
                {**self._columns(value), **entity(key, value)},
                mode=UpdateMode.REPLACE,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
            )
        except (ResourceModifiedError, ResourceNotFoundError) as error:
            raise Conflict("The document was changed by somebody else; read it again.") from error
        return Stored(value, str(answer["etag"]), answer["date"])

    def remove(self, key: Key, etag: str) -> None:
        """Remove the document if it is still the version that `etag` names; one that is gone already is no error.

        Raises:
            Conflict: the document was changed since it was read.
        """
        try:
            self._client.delete_entity(key.partition, key.row, etag=etag, match_condition=MatchConditions.IfNotModified)
        except ResourceModifiedError as error:
            raise Conflict("The document was changed by somebody else; read it again.") from error
        except ResourceNotFoundError:
            return

    def remove_partitions_below(self, partition: str, most: int) -> int:
        """Remove all rows of the partitions whose keys sort before this one, at most so many; how many there were."""
        found = self._client.query_entities(
            "PartitionKey lt @partition", parameters={"partition": partition}, select=["PartitionKey", "RowKey"]
        )
        removed = 0
        for row in islice(found, most):
            self._client.delete_entity(row["PartitionKey"], row["RowKey"])
            removed += 1
        return removed

    def partition(
        self,
        partition: str,
        *,
        rows_above: str | None = None,
        rows_below: str | None = None,
        only: str | None = None,
        page: int | None = None,
    ) -> Iterator[Stored[Document]]:
        """The documents of a partition in row order, read `page` at a time (a thousand, if nothing is said).

        `rows_above` and `rows_below` leave out the rows whose keys do not sort after the one and before the other;
        `only` is a condition on the columns, which holds no value that comes from outside.
        """
        for row in self._rows(partition, above=rows_above, below=rows_below, only=only, page=page):
            yield self.stored(row)

    def readable(
        self,
        partition: str,
        *,
        rows_above: str | None = None,
        rows_below: str | None = None,
        only: str | None = None,
        page: int | None = None,
    ) -> Iterator[Stored[Document]]:
        """The documents as `partition` gives them, but those that cannot be read, which the log names.

        One row that somebody spoilt by hand, or that a newer version of the app wrote, must not hide the others.
        """
        for row in self._rows(partition, above=rows_above, below=rows_below, only=only, page=page):
            try:
                yield self.stored(row)
            except (ValidationError, TypeError) as error:
                # Told by its type alone: its text repeats what is in the row.
                log.error("the %s %s cannot be read: %s", partition, row["RowKey"], type(error).__name__)

    def _rows(
        self,
        partition: str,
        *,
        above: str | None = None,
        below: str | None = None,
        only: str | None = None,
        page: int | None = None,
    ) -> Iterator[Any]:
        query = "PartitionKey eq @partition"
        query += " and RowKey gt @above" if above else ""
        query += " and RowKey lt @below" if below else ""
        query += f" and ({only})" if only else ""
        keys = {"partition": partition, "above": above or "", "below": below or ""}
        size = None if page is None else min(page, _LARGEST_PAGE)
        return iter(self._client.query_entities(query, parameters=keys, results_per_page=size))

    def stored(self, entity: Any) -> Stored[Document]:
        """The document in a row; raises pydantic's ValidationError or TypeError for a row that holds none."""
        metadata = entity.metadata
        names = sorted((name for name in entity if name.startswith("document")), key=lambda name: (len(name), name))
        document = "".join(entity[name] for name in names)
        return Stored(self._model.model_validate_json(document), metadata["etag"], metadata["timestamp"])


def entity(key: Key, value: BaseModel) -> dict[str, str]:
    """The row as the table keeps it: a long document is spread over `document`, `document1`, `document2` …"""
    document = value.model_dump_json()
    parts = [document[at : at + _CHARACTERS_A_PROPERTY] for at in range(0, len(document), _CHARACTERS_A_PROPERTY)]
    if len(parts) > _MOST_PROPERTIES:
        raise Invalid(f"The {type(value).__name__.lower()} is too large to be kept: {len(document):,} characters.")
    row = {"PartitionKey": key.partition, "RowKey": key.row}
    return row | {f"document{number or ''}": part for number, part in enumerate(parts)}


def together(client: TableClient, *, insert: list[dict[str, str]], replace: list[tuple[dict[str, str], str]]) -> None:
    """Insert and replace rows of one partition, all of them or none.

    Raises:
        Conflict: one row exists already, or one was changed since it was read; nothing was written.
    """
    operations: list[Any] = [("create", row) for row in insert]
    operations += [
        ("update", row, {"mode": UpdateMode.REPLACE, "etag": etag, "match_condition": MatchConditions.IfNotModified})
        for row, etag in replace
    ]
    try:
        client.submit_transaction(operations)
    except (TableTransactionError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as error:
        if isinstance(error, HttpResponseError) and error.status_code not in (404, 409, 412, None):
            raise
        raise Conflict("The rows were changed by somebody else; read them again.") from error
