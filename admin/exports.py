"""What people do with exports: make, change, schedule, detach, remove, run, cancel. Each asks who may, and is told of.

Administrators may do everything; contributors what concerns exports on connections that are shared with them, and
exports without a connection. What they may not raises NotAllowed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from admin import changes
from admin.access import NotAllowed
from admin.connections import Running
from admin.export_fields import ExportChange, NewExport
from admin.export_list import ExportList, ListedExport, Order, Sort, listed, one
from admin.export_rules import may_edit, may_know
from admin.export_rules import same_target as _same_target
from admin.problems import InvalidFields
from admin.usage import running
from exporters import cancel as cancelling
from exporters import start
from exporters.runs import Run
from exporters.services import Services
from exporters.start import StartedAll
from shared.audit import Action
from shared.documents import new_id
from shared.errors import NotFound
from shared.models import Connection, Export, Schedule
from shared.people import Person
from shared.tables import Stored

__all__ = ["ExportChange", "ExportList", "ListedExport", "NewExport", "Order", "Sort", "listed", "one"]

_LONGEST_NAME = 100


# --- What can be chosen -----------------------------------------------------------------------------------------------


def allowed_connections(services: Services, person: Person) -> list[Connection]:
    """The connections that a person may choose for an export, by name."""
    return [one for one in services.connections.all() if may_know(person, one) and not one.being_removed]


def same_target(
    services: Services, export_id: str | None, list_id: str, segments: Collection[str], connection_id: str | None
) -> list[Export]:
    """The other exports that send one of these segments to the same list: people are warned of them."""
    exports = [one for one in services.exports.all() if one.list_id == list_id]
    if not exports:
        return []
    connections = {one.id: one for one in services.connections.all()}
    return _same_target(
        exports, connections, export_id=export_id, list_id=list_id, segments=segments, connection_id=connection_id
    )


def connection_for(services: Services, person: Person, connection_id: str) -> Connection:
    """A connection that the person may choose.

    Raises:
        NotFound: there is none, as far as they may know.
    """
    connection = services.connections.get(connection_id)
    if not may_know(person, connection):
        raise NotFound(_no_connection(connection_id))
    return connection


# --- Making and changing ----------------------------------------------------------------------------------------------


def add(services: Services, person: Person, new: NewExport) -> Export:
    """Make an export. This starts no run.

    Raises:
        NotAllowed: the person may make no exports.
        InvalidFields: the connection cannot be used by them, or by anybody.
    """
    _must_be_contributor(person)
    _chosen(services, person, new.connection_id)
    return _add(services, person, dict(new))


def duplicate(services: Services, person: Person, export_id: str) -> Export:
    """Make another export like this one, but for its name. Its schedule is kept, and off until somebody wants it.

    One that was detached gives one without a connection.

    Raises:
        NotFound: there is no such export.
        NotAllowed: the person may not edit it.
    """
    export = services.exports.get(export_id)
    _must_edit(services, person, export)
    copied = set(NewExport.model_fields) - {"name"}
    fields = {name: value for name, value in export if name in copied}
    off = export.schedule.model_copy(update={"active": False})
    return _add(services, person, fields | {"name": _name_of_copy(services, export.name), "schedule": off})


def change(
    services: Services, person: Person, export_id: str, change: ExportChange, *, etag: str | None
) -> Stored[Export]:
    """Change an export: the version that `etag` names, or whatever is there when it is None. A run under way goes on.

    Another connection, or one for an export that has none, is such a change.

    Raises:
        NotFound: there is no such export.
        NotAllowed: the person may not edit it.
        InvalidFields: the connection cannot be used.
        Changed: it is no longer the version that `etag` names.
    """
    update = change.given()
    if change.connection_id is not None:
        _chosen(services, person, change.connection_id)

    def changed(export: Export) -> Export:
        of_its_list = {"list_name": change.list_name} if change.list_id not in (None, export.list_id) else {}
        return export.model_copy(update=update | of_its_list)

    attaches = change.connection_id is not None and services.exports.get(export_id).connection_id is None
    return _change(services, person, "attached" if attaches else "changed", export_id, changed, etag=etag)


def set_schedule(
    services: Services, person: Person, export_id: str, schedule: Schedule, *, etag: str | None
) -> Stored[Export]:
    """Say when an export starts by itself, from now on; raises what `change` raises."""

    def scheduled(export: Export) -> Export:
        same = export.schedule == schedule
        return export if same else export.model_copy(update={"schedule": schedule, "schedule_set_at": services.now()})

    return _change(services, person, "scheduled", export_id, scheduled, etag=etag)


def detach(services: Services, person: Person, export_id: str, *, etag: str | None = None) -> Stored[Export]:
    """Take the connection from an export: it is kept, and does not run without one; raises what `change` raises."""
    return _change(
        services, person, "detached", export_id, lambda one: one.model_copy(update={"connection_id": None}), etag=etag
    )


def remove(services: Services, person: Person, export_id: str, *, etag: str | None = None) -> None:
    """Remove an export; its runs stay, and so does what is on the list.

    Raises:
        NotFound: there is no such export.
        NotAllowed: the person may not edit it.
        Running: it has a run under way.
        Changed: it is no longer the version that `etag` names.
    """
    stored = services.exports.stored(export_id)
    _must_edit(services, person, stored.value)
    if running(services, [stored.value]):
        raise Running([stored.value])
    changes.remove(services, person, services.exports, export_id, etag=etag or stored.etag)


# --- Running ----------------------------------------------------------------------------------------------------------


def run(services: Services, person: Person, export_id: str, *, started_by: str | None = None) -> Run:
    """Start a run now, whatever was exported before; `started_by` names somebody else than the person.

    Raises:
        NotFound: there is no such export.
        NotAllowed: the person may not run it.
        Invalid: it has no connection.
        AlreadyRunning: it has a run under way.
    """
    export = services.exports.get(export_id)
    _must_edit(services, person, export)
    return start.start_on_demand(services, export_id, started_by or person.name, person.id)


def run_all(services: Services, person: Person) -> StartedAll:
    """Start every export with an active schedule that the person may run.

    Raises:
        NotAllowed: the person may run none.
    """
    _must_be_contributor(person)
    connections = {one.id: one for one in services.connections.all()}
    exports = services.exports.all()
    mine = [one for one in exports if may_edit(person, one, connections.get(one.connection_id or ""))]
    return start.start_all(services, person.name, person.id, mine)


def cancel(services: Services, person: Person, export_id: str, run_id: str) -> Run:
    """Stop a run before its next batch; what is under way is followed to its end.

    Raises:
        NotFound: there is no such export or run.
        NotAllowed: the person may not run it.
        Conflict: there is nothing left to cancel.
    """
    export = services.exports.get(export_id)
    _must_edit(services, person, export)
    return cancelling.cancel(services, export_id, run_id, person.name, person.id)


# --- Who and what -----------------------------------------------------------------------------------------------------


def _add(services: Services, person: Person, fields: dict[str, Any]) -> Export:
    export = Export(**fields, id=new_id(), created_at=services.now(), created_by=person.name, created_by_id=person.id)
    changes.add(services, person, export)
    return services.exports.get(export.id)


def _change(
    services: Services,
    person: Person,
    action: Action,
    export_id: str,
    change: Callable[[Export], Export],
    *,
    etag: str | None,
) -> Stored[Export]:
    def changed(export: Export) -> Export:
        _must_edit(services, person, export)
        return change(export)

    return changes.change(services, person, action, services.exports, export_id, changed, etag=etag)


def _chosen(services: Services, person: Person, connection_id: str) -> Connection:
    """The connection that somebody chose. Of one that they may not know nothing is said, not even that it is there."""
    try:
        connection = connection_for(services, person, connection_id)
    except NotFound as error:
        raise InvalidFields({"connection_id": str(error)}) from None
    if connection.being_removed:
        raise InvalidFields({"connection_id": f"The connection “{connection.display_name}” is being removed."})
    return connection


def _must_edit(services: Services, person: Person, export: Export) -> Connection | None:
    """The export's connection, where there is one; raises NotAllowed."""
    connection = None
    if export.connection_id is not None:
        try:
            connection = services.connections.get(export.connection_id)
        except NotFound:
            connection = None
    if not may_edit(person, export, connection):
        raise NotAllowed(person, "Administrator" if person.may("Contributor") else "Contributor")
    return connection


def _no_connection(connection_id: str) -> str:
    """The same words as for one that is not there."""
    return f"There is no connection “{connection_id}”. It may have been removed."


def _must_be_contributor(person: Person) -> None:
    if not person.may("Contributor"):
        raise NotAllowed(person, "Contributor")


def _name_of_copy(services: Services, name: str) -> str:
    """`Newsletter (copy)`, then `Newsletter (copy 2)`."""
    taken = {one.name for one in services.exports.all()}
    number, copy = 1, ""
    while not copy or copy in taken:
        end = " (copy)" if number == 1 else f" (copy {number})"
        copy = name[: _LONGEST_NAME - len(end)] + end
        number += 1
    return copy
