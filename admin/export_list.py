"""The exports as a person may see them: searched, sorted, page by page, each with its connection and its last run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from admin.export_rules import may_edit, may_know, may_run
from exporters.history import RunSummary
from exporters.schedules import next_start
from exporters.services import Services
from shared.models import Connection, Export, Schedule
from shared.people import Person

Sort = Literal["name", "connection", "list", "status", "last_run", "schedule", "updated"]
Order = Literal["ascending", "descending"]


@dataclass(frozen=True)
class ListedExport:
    """An export with what belongs to it, and what the person may do with it.

    `connection` is None where it was detached, and where the person may not know of it (`export.connection_id` tells
    which). `last` is its newest run. `next_start` is set for a schedule of its own. `etag` names the version, where one
    export was asked for.
    """

    export: Export
    connection: Connection | None
    last: RunSummary | None
    next_start: datetime | None
    may_edit: bool
    may_run: bool
    etag: str | None = None

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.last is not None and not self.last.ended

    @property
    def schedule(self) -> Schedule:
        """The export's."""
        return self.export.schedule


@dataclass(frozen=True)
class ExportList:
    """A page of the list: `page` of `pages`, counted from 1; `total` are all that were found."""

    items: list[ListedExport]
    total: int
    page: int
    pages: int


def listed(
    services: Services,
    person: Person,
    *,
    search: str = "",
    sort: Sort = "name",
    order: Order = "ascending",
    page: int = 1,
    size: int = 50,
) -> ExportList:
    """The exports in whose name, connection, list or segments the words of `search` are found.

    A page that there is not is the nearest one.
    """
    all_found = found(services, person, search)
    if sort in _OF_THE_LAST_RUN:
        all_found = with_last_runs(services, all_found)
    all_found.sort(key=_SORTED_BY[sort], reverse=order == "descending")
    pages = max(1, -(-len(all_found) // size))
    page = min(max(1, page), pages)
    shown = all_found[(page - 1) * size : page * size]
    return ExportList(with_last_runs(services, shown), len(all_found), page, pages)


def found(services: Services, person: Person, search: str) -> list[ListedExport]:
    """Every export in whose name, connection, list or segments the words of `search` are found, by name.

    Without their last runs: `with_last_runs` adds them to those that are shown.
    """
    connections = {one.id: one for one in services.connections.all()}
    now = services.now()
    listed = [_listed(person, one, connections, now) for one in services.exports.all()]
    return [one for one in listed if _is_found(one, search)]


def with_last_runs(services: Services, listed: Iterable[ListedExport]) -> list[ListedExport]:
    """The same exports, each with its newest run."""
    several = list(listed)
    last = services.history.latest({one.export.id for one in several})
    return [replace(one, last=last.get(one.export.id)) for one in several]


def everything(services: Services, person: Person) -> list[ListedExport]:
    """Every export that can be read, by name, with its last run."""
    return with_last_runs(services, found(services, person, ""))


def one(services: Services, person: Person, export_id: str) -> ListedExport:
    """One export, with its `etag`.

    Raises:
        NotFound: there is no such export.
    """
    stored = services.exports.stored(export_id)
    connections = {one.id: one for one in services.connections.all()}
    listed = _listed(person, stored.value, connections, services.now(), stored.etag)
    return with_last_runs(services, [listed])[0]


def _listed(
    person: Person, export: Export, connections: Mapping[str, Connection], now: datetime, etag: str | None = None
) -> ListedExport:
    connection = connections.get(export.connection_id or "")
    return ListedExport(
        export=export,
        connection=connection if connection and may_know(person, connection) else None,
        last=None,
        next_start=next_start(export.schedule, now) if connection else None,
        may_edit=may_edit(person, export, connection),
        may_run=may_run(person, export, connection),
        etag=etag,
    )


def _is_found(one: ListedExport, search: str) -> bool:
    """Only what is shown is searched: it would give away what a person may not know."""
    export = one.export
    shown = [export.name, export.list_name or "", *export.segments]
    if one.connection:
        shown.append(one.connection.display_name)
    text = "\n".join(shown).casefold()
    return all(word in text for word in search.casefold().split())


def _name(one: ListedExport) -> str:
    return one.export.name.casefold()


_OF_THE_LAST_RUN: frozenset[Sort] = frozenset({"status", "last_run"})

# Each ends with the name, so that the order is the same on every page.
_SORTED_BY: Mapping[Sort, Callable[[ListedExport], Any]] = {
    "name": lambda one: (_name(one), one.export.id),
    "connection": lambda one: (one.connection.display_name.casefold() if one.connection else "", _name(one)),
    "list": lambda one: ((one.export.list_name or one.export.list_id).casefold(), _name(one)),
    "status": lambda one: (one.last.status if one.last else "", _name(one)),
    "last_run": lambda one: (one.last.created_at.timestamp() if one.last else 0.0, _name(one)),
    "schedule": lambda one: (one.schedule.as_text(), _name(one)),
    "updated": lambda one: ((one.export.updated_at or one.export.created_at).timestamp(), _name(one)),
}
