"""Who may do what with an export, what they may know of it, and which exports send the same profiles to the same list.

Decisions alone: nothing here asks the storage or the clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from shared.models import Connection, Export
from shared.people import Person


def may_know(person: Person, connection: Connection) -> bool:
    """Whether a person may see a connection, and choose it for an export."""
    if connection.sharing == "administrators_and_contributors":
        return person.may("Contributor")
    return person.may("Administrator")


def may_edit(person: Person, export: Export, connection: Connection | None) -> bool:
    """Whether a person may change, schedule, detach and remove an export.

    Administrators: every export. Contributors: exports on a connection that is shared with them, and exports without
    one. `connection` is the one that the export names, None where there is none or it cannot be read: then its sharing
    is not known, and only administrators may.
    """
    if person.may("Administrator"):
        return True
    if export.connection_id is None:
        return person.may("Contributor")
    return connection is not None and may_know(person, connection)


def may_run(person: Person, export: Export, connection: Connection | None) -> bool:
    """Whether a person may start a run of it: whoever may edit it, once it has a connection."""
    return export.connection_id is not None and may_edit(person, export, connection)


def same_target(
    exports: Iterable[Export],
    connections: Mapping[str, Connection],
    *,
    export_id: str | None,
    list_id: str,
    segments: Collection[str],
    connection_id: str | None,
) -> list[Export]:
    """The other exports that send one of the segments to the same list.

    Two connections may lead to one account, so it is the account that counts, where both are known.
    """
    account = _account(connections, connection_id)

    def same(other: Export) -> bool:
        if other.id == export_id or other.list_id != list_id or not set(segments) & set(other.segments):
            return False
        its = _account(connections, other.connection_id)
        return account is None or its is None or account == its

    return [one for one in exports if same(one)]


def _account(connections: Mapping[str, Connection], connection_id: str | None) -> str | None:
    connection = connections.get(connection_id or "")
    return connection.account.id if connection and connection.account else None
