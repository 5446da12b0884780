"""What administrators do with a connection: change it, detach or remove the exports that use it, remove it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator

from pydantic import TypeAdapter, ValidationError

from admin import changes
from admin.letting_go import write_down
from admin.saving import CONSENT_VERSION
from admin.usage import running, used_by
from exporters.each import each
from exporters.services import Services
from exporters.start import name_of_export
from shared.documents import new_id
from shared.errors import Changed, Conflict, Invalid, NotFound, Unavailable, Wait
from shared.models import Connection, Consent, Export, Name, Sharing
from shared.people import Person
from shared.tables import Stored

_NAME = TypeAdapter(Name)
_THE_APP = Person(id="app", name="the app", role=None)


class InUse(Conflict):
    """A connection cannot be removed while exports use it; `exports` are those."""

    def __init__(self, connection: Connection, exports: list[Export]) -> None:
        names = ", ".join(f"“{one.name}”" for one in exports)
        super().__init__(
            f"The connection “{connection.display_name}” cannot be removed, because exports use it: {names}. "
            "Detach them from it, or remove them, first."
        )
        self.exports = exports


class CameMeanwhile(Conflict):
    """Exports use the connection that the person has not seen; `exports` are those."""

    def __init__(self, exports: list[Export]) -> None:
        names = ", ".join(f"“{one.name}”" for one in exports)
        super().__init__(f"Nothing was removed, because other exports use the connection by now: {names}. Look again.")
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


def usable(connection: Connection) -> bool:
    """Whether an export may be given this connection: not once its removal has begun."""
    return connection.removal_begun_at is None


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
    agreed = Consent(version=CONSENT_VERSION, by=person.name, by_id=person.id, at=now) if consent else None
    connection = Connection(
        id=connection_id,
        display_name=valid_name(display_name),
        sharing=sharing,
        consent=agreed,
        export_user=export_user,
        secret_name=f"connection-{connection_id}",
        created_at=now,
        created_by=person.name,
        created_by_id=person.id,
    )
    changes.add(services, person, connection)
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

    def changed(connection: Connection) -> Connection:
        return connection.model_copy(update=update)

    return changes.change(services, person, "changed", services.connections, connection_id, changed, etag=etag).value


def detach(
    services: Services, person: Person, connection_id: str, export_ids: Collection[str] | None = None
) -> list[Export]:
    """Take the connection from exports that use it: from these, or from all when None. Returns those detached.

    A detached export is kept with everything else it says, and does not run until it has a connection again. A run
    under way goes on. An export that does not use the connection (any more) is left alone.

    Raises:
        NotFound: there is no such connection.
    """
    services.connections.get(connection_id)
    exports = used_by(services, connection_id)
    chosen = [one for one in exports if export_ids is None or one.id in export_ids]
    detached = [changes.detach(services, person, one.id, connection_id) for one in chosen]
    return [one for one in detached if one is not None]


def remove_exports(
    services: Services, person: Person, connection_id: str, export_ids: Collection[str] | None = None
) -> list[Export]:
    """Remove the exports that use the connection; their runs stay. Returns those removed.

    Args:
        services: as ever.
        person: who does it.
        connection_id: which connection.
        export_ids: those that the person has seen: another one that uses the connection is a reason to remove none.
            None for whichever there are.

    Raises:
        NotFound: there is no such connection.
        CameMeanwhile: there are others; nothing was removed.
        Running: one of them has a run under way; nothing was removed.
    """
    services.connections.get(connection_id)
    exports = used_by(services, connection_id)
    if export_ids is not None and (others := [one for one in exports if one.id not in export_ids]):
        raise CameMeanwhile(others)
    if under_way := running(services, exports):
        raise Running(under_way)
    removed = []
    for export in exports:
        with contextlib.suppress(NotFound):  # Somebody else has removed it.
            removed.append(changes.remove(services, person, services.exports, export.id))
    return removed


def remove(services: Services, person: Person, connection_id: str, *, etag: str | None = None) -> None:
    """Remove a connection that no export uses, with its tokens. What Constant Contact holds stays there.

    It is marked first, so that no export is given it any more and it never says “connected” without tokens; then the
    tokens go, and the document last. So whatever is cut short, the connection is still in the list, says what to do,
    and is removed for good when it is removed again. Who signs in to it meanwhile wins: then it is not removed.

    Raises:
        NotFound: there is no such connection.
        InUse: exports use it.
        Changed: it is no longer the version that `etag` names, or was changed during the removal.
        Unavailable: Key Vault does not answer, or a run is refreshing the token just now.
        KeyVaultRefused: the app may not delete secrets.
    """
    _refuse_in_use(services, services.connections.get(connection_id))
    marked = _marked(services, connection_id, etag)
    connection = marked.value
    write_down(services, connection.id, connection.secret_name)
    with for_a_person():
        is_gone = services.tokens.forget(connection.id, connection.secret_name)
    changes.remove(services, person, services.connections, connection.id, etag=marked.etag)
    if is_gone:
        services.loose_secrets.strike_off(connection.secret_name)


def detach_lost(services: Services) -> None:
    """Detach the exports whose connection is gone: whoever gave it to them died before they could look again."""
    known = {one.id for one in services.connections.all()}
    lost = [one for one in services.exports.all() if one.connection_id and one.connection_id not in known]
    each(lost, lambda one: changes.let_go_of_a_lost_connection(services, _THE_APP, one), name_of_export)


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


def _refuse_in_use(services: Services, connection: Connection) -> None:
    if exports := used_by(services, connection.id):
        raise InUse(connection, exports)


def _marked(services: Services, connection_id: str, etag: str | None) -> Stored[Connection]:
    """The connection, marked as being removed. Raises InUse, and takes the mark off, when an export has got it."""
    begun: list[bool] = []

    def mark(connection: Connection) -> Connection:
        begun[:] = [connection.removal_begun_at is None]
        if connection.removal_begun_at is not None:
            return connection
        return connection.model_copy(update={"removal_begun_at": services.now()})

    marked = services.connections.change(connection_id, mark, etag=etag)
    try:
        _refuse_in_use(services, marked.value)
    except InUse:
        if begun == [True]:
            with contextlib.suppress(Changed, NotFound):
                services.connections.change(
                    connection_id, lambda one: one.model_copy(update={"removal_begun_at": None}), etag=marked.etag
                )
        raise
    return marked
