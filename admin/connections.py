"""What administrators do with a connection: change it, detach or remove the exports that use it, remove it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from admin.changes import record
from admin.saving import CONSENT_VERSION, secret_name
from admin.usage import running, used_by
from exporters.services import Services
from shared.documents import new_id
from shared.errors import Conflict, Invalid, NotFound, Unavailable, Wait
from shared.models import Connection, Consent, Export, Name, Sharing
from shared.people import Person

Kept = TypeVar("Kept", Connection, Export)

_NAME = TypeAdapter(Name)
_BEING_REMOVED = "Its removal was begun and not finished. Remove it again."


class InUse(Conflict):
    """A connection cannot be removed while exports use it; `exports` are those."""

    def __init__(self, connection: Connection, exports: list[Export]) -> None:
        names = ", ".join(f"“{one.name}”" for one in exports)
        super().__init__(
            f"The connection “{connection.display_name}” cannot be removed, because exports use it: {names}. "
            "Detach them from it, or remove them, first."
        )
        self.exports = exports


class Running(Conflict):
    """Exports cannot be removed while they have a run under way; `exports` are those that do."""

    def __init__(self, exports: list[Export]) -> None:
        names = ", ".join(f"“{one.name}”" for one in exports)
        super().__init__(
            f"Nothing was removed, because these exports are running: {names}. Wait until they have ended."
        )
        self.exports = exports


def for_role(person: Person, connections: Iterable[Connection]) -> list[Connection]:
    """The connections that a person may know of: of shared ones a contributor sees name and type, and no more."""
    if person.may("Administrator"):
        return list(connections)
    if person.may("Contributor"):
        return [one for one in connections if one.sharing == "administrators_and_contributors"]
    return []


def add(
    services: Services,
    person: Person,
    *,
    display_name: str,
    sharing: Sharing,
    consent: bool,
    export_user: str | None,
) -> Connection:
    """Make a connection that is not signed in yet (`admin.connecting` makes one that is).

    Raises:
        Invalid: the name is empty or too long.
    """
    now, connection_id = services.now(), new_id()
    connection = Connection(
        id=connection_id,
        display_name=valid_name(display_name),
        sharing=sharing,
        consent=Consent(version=CONSENT_VERSION, by=person.name, at=now) if consent else None,
        export_user=export_user,
        secret_name=secret_name(connection_id),
        created_at=now,
        created_by=person.name,
    )
    services.connections.add(connection)
    record(services, person, "added", None, connection)
    return connection


def change(
    services: Services,
    person: Person,
    connection_id: str,
    *,
    display_name: str | None = None,
    sharing: Sharing | None = None,
    etag: str | None = None,
) -> Connection:
    """Give a connection another name, or let others use it; None leaves a field as it is. Exports keep working.

    Raises:
        NotFound: there is no such connection.
        Invalid: the name is empty or too long.
        Changed: it is no longer the version that `etag` names.
    """
    update: dict[str, object] = {}
    if display_name is not None:
        update["display_name"] = valid_name(display_name)
    if sharing is not None:
        update["sharing"] = sharing
    before: list[Connection] = []

    def changed(connection: Connection) -> Connection:
        before[:] = [connection]
        new = connection.model_copy(update=update)
        return new if new == connection else _by(new, person, services.now())

    after = services.connections.change(connection_id, changed, etag=etag).value
    if after != before[0]:
        record(services, person, "changed", before[0], after)
    return after


def detach(
    services: Services, person: Person, connection_id: str, export_ids: Collection[str] | None = None
) -> list[Export]:
    """Take the connection from exports that use it: from these, or from all when None. Returns those detached.

    A detached export is kept with everything else it says, and does not run until it has a connection again. A run
    under way goes on. An export that does not use the connection (any more) is left alone.

    Raises:
        NotFound: there is no such connection.
    """
    connection = services.connections.get(connection_id)
    names = {connection.id: connection.display_name}
    detached = []
    for export in used_by(services, connection_id):
        if export_ids is not None and export.id not in export_ids:
            continue
        with contextlib.suppress(NotFound):  # Somebody has removed it meanwhile.
            found: list[Export] = []

            def without(one: Export, found: list[Export] = found) -> Export:
                found[:] = [one]
                if one.connection_id != connection_id:
                    return one
                return _by(one.model_copy(update={"connection_id": None}), person, services.now())

            after = services.exports.change(export.id, without).value
            if after != found[0]:
                record(services, person, "detached", found[0], after, connections=names)
                detached.append(after)
    return detached


def remove_exports(services: Services, person: Person, connection_id: str) -> list[Export]:
    """Remove every export that uses the connection; their runs stay. Returns those removed.

    Raises:
        NotFound: there is no such connection.
        Running: one of them has a run under way; nothing was removed.
    """
    connection = services.connections.get(connection_id)
    names = {connection.id: connection.display_name}
    exports = used_by(services, connection_id)
    if under_way := running(services, exports):
        raise Running(under_way)
    for export in exports:
        # The audit log first: a removal that is cut short is done again, and leaves nothing to tell of otherwise.
        record(services, person, "removed", export, None, connections=names)
        with contextlib.suppress(NotFound):
            services.exports.remove(export.id)
    return exports


def remove(services: Services, person: Person, connection_id: str, *, etag: str | None = None) -> None:
    """Remove a connection that no export uses, with its tokens. What Constant Contact holds stays there.

    It is marked first, so that it never says “connected” without tokens; then the tokens go, under the connection's
    refresh lease, so that no refresh under way brings them back; the document goes last. So whatever is cut short, the
    connection is still in the list, says what to do, and is removed for good when it is removed again: a secret that no
    document tells of would be a living grant that nobody sees.

    Raises:
        NotFound: there is no such connection.
        InUse: exports use it.
        Changed: it is no longer the version that `etag` names.
        Unavailable: Key Vault does not answer, or a run is refreshing the token just now.
        KeyVaultRefused: the app may not delete secrets.
    """
    if exports := used_by(services, connection_id):
        raise InUse(services.connections.get(connection_id), exports)
    before = services.connections.stored(connection_id)

    def marked(connection: Connection) -> Connection:
        if connection.sign_in_again == _BEING_REMOVED:
            return connection
        return _by(connection.model_copy(update={"sign_in_again": _BEING_REMOVED}), person, services.now())

    marked_one = services.connections.change(connection_id, marked, etag=etag or before.etag)
    with for_a_person():
        services.tokens.forget(marked_one.value)
    # With the time of the mark: a removal that is done again is the same one, and is kept once.
    record(services, person, "removed", marked_one.value, None, at=marked_one.value.updated_at)
    services.connections.remove(connection_id, etag=marked_one.etag)


def valid_name(text: str) -> str:
    """The name as it is kept; raises Invalid when it is empty or too long."""
    try:
        name = _NAME.validate_python(text)
    except ValidationError:
        name = ""
    if not name or not name.isprintable():
        raise Invalid("The display name has to have 1 to 100 characters, on one line.")
    return name


@contextlib.contextmanager
def for_a_person() -> Iterator[None]:
    """What a step would wait for is an error to a person, who decides when to try again."""
    try:
        yield
    except Wait as wait:
        raise Unavailable(f"This cannot be done now: {wait.reason}. Nothing is lost; try again in a moment.") from wait


def _by(document: Kept, person: Person, now: datetime) -> Kept:
    return document.model_copy(update={"updated_at": now, "updated_by": person.name})
