"""Every change of a connection or an export: who, when, what, before and after. Never a secret."""

from __future__ import annotations

import hashlib
from datetime import datetime
from itertools import islice
from typing import Literal

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from shared.tables import DocumentTable, Key

Action = Literal[
    "added",
    "changed",
    "scheduled",
    "signed in",
    "attached",
    "detached",
    "removal begun",
    "removal called off",
    "removed",
    "started",
    "canceled",
]
Subject = Literal["connection", "export"]
# Row keys sort upwards: what is written later gets the smaller one.
_END_OF_TIME_MS = 10**14
ROW = r"^[0-9]{15}-[0-9a-f]{16}$"
"""What a row key looks like, as a regular expression."""


class AuditEntry(BaseModel):
    """One change. `before` and `after` hold only what changed, by field, as text a person can read."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    by: str
    by_id: str | None = None
    action: Action
    subject: Subject
    subject_id: str
    subject_name: str
    before: dict[str, str] = {}
    after: dict[str, str] = {}

    @property
    def row(self) -> str:
        """Its row key in the month's partition: the same for what one person does to one thing at one moment."""
        age = _END_OF_TIME_MS - int(self.at.timestamp() * 1000)
        what = f"{self.at.isoformat()} {self.by_id} {self.action} {self.subject} {self.subject_id}"
        return f"{age:015d}-{hashlib.sha256(what.encode()).hexdigest()[:16]}"


class AuditLog:
    """The table `Audit`: a partition a month (`2026-11`), the newest row first."""

    def __init__(self, client: TableClient) -> None:
        self._table = DocumentTable(client, AuditEntry, columns=lambda entry: {"subject": entry.subject})

    def write(self, entry: AuditEntry) -> None:
        """Keep an entry. Of what one person does to one thing at one moment the first is kept.

        So what was cut short, and is written again, is told of once.
        """
        self._table.insert(Key(month_of(entry.at), entry.row), entry)

    def month(self, month: str) -> list[AuditEntry]:
        """The entries of a month (`2026-11`) that can be read, the newest first."""
        return [stored.value for stored in self._table.readable(month)]

    def forget_before(self, month: str, most: int) -> int:
        """Remove the entries of the months before this one (`2026-11`), at most so many; how many there were."""
        return self._table.remove_partitions_below(month, most)

    def page(
        self, month: str, *, after: str | None = None, limit: int, subject: Subject | None = None
    ) -> tuple[list[AuditEntry], str | None]:
        """Some entries of a month, the newest first, of one kind of thing if wanted; and where the next page begins.

        Args:
            month: which one (`2026-11`).
            after: what this gave with the page before (the row of its last entry); None for the newest.
            limit: how many at most.
            subject: what the changes are of.
        """
        only = f"subject eq '{subject}'" if subject else None
        rows = self._table.readable(month, rows_above=after, only=only, page=limit + 1)
        found = [stored.value for stored in islice(rows, limit + 1)]
        return found[:limit], found[limit - 1].row if len(found) > limit else None


def month_of(moment: datetime) -> str:
    """The name of the month's partition."""
    return f"{moment:%Y-%m}"
