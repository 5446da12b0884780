"""What administrators do with a connection: change it, detach or remove the exports that use it, remove it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator

from pydantic import TypeAdapter, ValidationError

from admin import changes
from admin.export_rules import may_know
from admin.letting_go import let_go_of_sign_ins, write_down
from admin.saving import CONSENT_VERSION
from admin.usage import running, runs_through, used_by
from exporters.each import each
from exporters.history import RunSummary
from exporters.services import Services
from exporters.start import name_of_export
from shared.documents import new_id
from shared.errors import Changed, Conflict, Invalid, NotFound, Unavailable, Wait
from shared.models import Connection, Consent, Export, Name, Sharing
from shared.people import Person
from shared.secrets import KeyVaultRefused
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


class RunsGoOn(Conflict):
    """A connection cannot be removed while runs go through it, though no export uses it; `runs` are those."""

    def __init__(self, connection: Connection, runs: list[RunSummary]) -> None:
        names = ", ".join(f"“{run.export_name}”" for run in runs)
        super().__init__(
            f"The connection “{connection.display_name}” cannot be removed yet, because runs still go through it: "
            f"{names}. Wait until they have ended."
        )
        self.runs = runs


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
    return [one for one in connections if may_know(person, one)]


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
    export_user: str | None = None,
    etag: str | None = None,
) -> Stored[Connection]:
    """Give a connection another name or export user, or let others use it; None leaves a field as it is.

    Exports keep working.

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
    if export_user is not None:
        # Who is only named may not be known here.
        update |= {"export_user": export_user, "export_user_id": None}

    def changed(connection: Connection) -> Connection:
        return connection.model_copy(update=update)

    return changes.change(services, person, "changed", services.connections, connection_id, changed, etag=etag)


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
    """Remove the exports that use the connection, one after the other; their runs stay. Returns those removed.

    Nothing is removed when there is a reason not to. Cut short, it has removed some, and can be done again. A run that
    begins at this moment goes on, and the connection stays until it has ended (`remove`).

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
    and is removed for good when it is removed again. If nothing was deleted, the mark goes again. Who signs in to it
    meanwhile wins: then it is not removed.

    Raises:
        NotFound: there is no such connection.
        InUse: exports use it.
        RunsGoOn: no export uses it any more, but runs that began before do.
        Changed: it is no longer the version that `etag` names, or was changed during the removal.
        Unavailable: Key Vault does not answer, or a run is refreshing the token just now.
        KeyVaultRefused: the app may not delete secrets.
    """
    _refuse_in_use(services, services.connections.get(connection_id))
    marked = _marked(services, person, connection_id, etag)
    connection = marked.value
    is_gone = _tokens_deleted(services, person, marked)
    try:
        changes.remove(services, person, services.connections, connection.id, etag=marked.etag)
    except Changed:
        _mark_without_tokens(services, person, connection)
        raise
    if is_gone:
        services.loose_secrets.strike_off(connection.secret_name)
    let_go_of_sign_ins(services, connection)


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
    if runs := runs_through(services, connection.id):
        raise RunsGoOn(connection, runs)


def _marked(services: Services, person: Person, connection_id: str, etag: str | None) -> Stored[Connection]:
    """The connection, marked as being removed. Raises as `_refuse_in_use`, and a mark that is new goes again then."""
    begun: list[bool] = []

    def mark(connection: Connection) -> Connection:
        begun[:] = [not connection.being_removed]
        return _with_mark(services, connection)

    marked = changes.change(services, person, "removal begun", services.connections, connection_id, mark, etag=etag)
    try:
        _refuse_in_use(services, marked.value)
    except (InUse, RunsGoOn):
        if begun == [True]:
            _call_off(services, person, marked)
        raise
    return marked


def _tokens_deleted(services: Services, person: Person, marked: Stored[Connection]) -> bool:
    """What `Tokens.forget` returns. When it raises and the tokens are still there, the mark goes again."""
    connection = marked.value
    write_down(services, connection.id, connection.secret_name)
    try:
        with for_a_person():
            return services.tokens.forget(connection.id, connection.secret_name)
    except (Unavailable, KeyVaultRefused):
        # Where nobody can tell whether they are, it stays.
        with contextlib.suppress(Wait, KeyVaultRefused):
            if services.secrets.get(connection.secret_name) is not None:
                _call_off(services, person, marked)
        raise


def _call_off(services: Services, person: Person, marked: Stored[Connection]) -> None:
    def without(connection: Connection) -> Connection:
        return connection.model_copy(update={"removal_begun_at": None})

    with contextlib.suppress(Changed, NotFound):  # Whoever was quicker knew better.
        changes.change(
            services,
            person,
            "removal called off",
            services.connections,
            marked.value.id,
            without,
            etag=marked.etag,
        )


def _mark_without_tokens(services: Services, person: Person, removed: Connection) -> None:
    """Mark the connection again, should it still name the secret that is deleted: somebody has called off meanwhile."""

    def mark(connection: Connection) -> Connection:
        return connection if connection.secret_name != removed.secret_name else _with_mark(services, connection)

    with contextlib.suppress(NotFound):
        changes.change(services, person, "removal begun", services.connections, removed.id, mark)


def _with_mark(services: Services, connection: Connection) -> Connection:
    if connection.being_removed:
        return connection
    return connection.model_copy(update={"removal_begun_at": services.now()})
