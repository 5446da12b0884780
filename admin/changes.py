"""How connections and exports are written: each change together with its entry in the audit log, or not at all.

Every change of one goes through `add`, `change` or `remove`. The document and the entry are written in one transaction;
the entry then moves to the audit log, at once or, when the process dies or the log is away, with the next sweep
(`tell_untold`). `updated_at` and `updated_by` are set here. An entry holds only what changed, as text, never a secret.

    changes.add(services, person, export)
    stored = changes.change(services, person, "changed", services.exports, export.id, rename, etag=etag)
    removed = changes.remove(services, person, services.exports, export.id, etag=etag)
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from azure.core.exceptions import AzureError
from pydantic import ValidationError

from exporters.services import Services
from shared.audit import Action, AuditEntry
from shared.documents import Documents
from shared.errors import NotFound
from shared.models import Connection, Export
from shared.people import Person
from shared.tables import Stored

Kept = TypeVar("Kept", Connection, Export)

log = logging.getLogger(__name__)


def add(services: Services, person: Person, document: Kept) -> bool:
    """Keep a new connection or export, and tell of it; False when there is one with its id, which stays as it is.

    An export whose connection is removed at this moment is kept without it: it is detached at once.
    """
    documents = _documents_of(services, document)
    entry = _entry(services, person, "added", None, document, at=document.created_at)
    added = documents.add(document, entry)
    if added:
        _tell(services, documents, entry)
        let_go_of_a_lost_connection(services, person, document)
    return added


def change(
    services: Services,
    person: Person,
    action: Action,
    documents: Documents[Kept],
    document_id: str,
    change: Callable[[Kept], Kept],
    *,
    etag: str | None = None,
) -> Stored[Kept]:
    """Change a connection or an export, and tell of it; what changes nothing is neither written nor told.

    An export that is given a connection which is removed at this moment loses it again.

    Args:
        services: where the audit log is.
        person: who does it.
        action: what it is called there.
        documents: `services.connections` or `services.exports`.
        document_id: which one.
        change: makes the new one of the one that is there; called again when somebody else was quicker.
        etag: the version to change and no other; None for whatever is there.

    Raises:
        NotFound: there is none.
        Changed: it is no longer the version that `etag` names. Nothing was written.
    """
    entries: list[AuditEntry] = []

    def changed(before: Kept) -> Kept:
        after = change(before)
        by = {"updated_at": services.now(), "updated_by": person.name, "updated_by_id": person.id}
        return before if after == before else after.model_copy(update=by)

    def told(before: Kept, after: Kept) -> AuditEntry:
        entries[:] = [_entry(services, person, action, before, after, at=after.updated_at)]
        return entries[0]

    stored = documents.change(document_id, changed, etag=etag, told=told)
    for entry in entries:
        _tell(services, documents, entry)
        if let_go_of_a_lost_connection(services, person, stored.value):
            return documents.stored(document_id)
    return stored


def remove(
    services: Services, person: Person, documents: Documents[Kept], document_id: str, *, etag: str | None = None
) -> Kept:
    """Remove a connection's or an export's document, and tell of it. Returns it as it was. Raises as `change`."""
    removed: list[Kept] = []
    entries: list[AuditEntry] = []

    def told(before: Kept) -> AuditEntry:
        removed[:] = [before]
        entries[:] = [_entry(services, person, "removed", before, None)]
        return entries[0]

    documents.remove(document_id, etag=etag, told=told)
    _tell(services, documents, entries[0])
    return removed[0]


def detach(services: Services, person: Person, export_id: str, connection_id: str) -> Export | None:
    """The export without this connection; None when it is gone or does not use it (any more)."""

    def without(export: Export) -> Export:
        if export.connection_id != connection_id:
            raise NotFound(f"The export “{export.name}” does not use the connection any more.")
        return export.model_copy(update={"connection_id": None})

    try:
        return change(services, person, "detached", services.exports, export_id, without).value
    except NotFound:
        return None


def let_go_of_a_lost_connection(services: Services, person: Person, document: Connection | Export) -> bool:
    """Detach an export from a connection that is gone or being removed; whether that was to be done.

    To be asked after the export was written. A removal looks for exports after it has marked the connection, so one of
    the two sees the other.
    """
    if isinstance(document, Connection) or document.connection_id is None:
        return False
    try:
        if not services.connections.get(document.connection_id).being_removed:
            return False
    except NotFound:
        pass
    except ValidationError:
        return False  # It cannot be read, but it is there.
    return detach(services, person, document.id, document.connection_id) is not None


def tell_untold(services: Services) -> int:
    """Bring the entries to the audit log that did not get there with their change; how many there were."""
    both: tuple[Documents[Any], ...] = (services.connections, services.exports)
    untold = [(documents, entry) for documents in both for entry in documents.untold()]
    for documents, entry in untold:
        services.audit.write(entry)
        documents.is_told(entry)
    return len(untold)


def _tell(services: Services, documents: Documents[Kept], entry: AuditEntry) -> None:
    try:
        services.audit.write(entry)
        documents.is_told(entry)
    except AzureError as error:
        # It was done, and the entry is safe beside the document.
        log.warning("an entry reaches the audit log with the next sweep: %s", type(error).__name__)


def _documents_of(services: Services, document: Kept) -> Documents[Kept]:
    found: Documents[Any] = services.connections if isinstance(document, Connection) else services.exports
    return found


def _entry(
    services: Services,
    person: Person,
    action: Action,
    before: Connection | Export | None,
    after: Connection | Export | None,
    *,
    at: datetime | None = None,
) -> AuditEntry:
    """Who did what, when, and the fields that differ."""
    subject = after or before
    if subject is None:
        raise ValueError("a change has a subject")
    names = _names_of_connections(services, before, after)
    old, new = _facts(before, names), _facts(after, names)
    # Whether or not it is the account that it was: this is what somebody has signed in to.
    always = {"account", "account_id"} if action == "signed in" else set()
    return AuditEntry(
        at=at or services.now(),
        by=person.name,
        by_id=person.id,
        action=action,
        subject="connection" if isinstance(subject, Connection) else "export",
        subject_id=subject.id,
        subject_name=subject.display_name if isinstance(subject, Connection) else subject.name,
        before={name: value for name, value in old.items() if new.get(name) != value},
        after={name: value for name, value in new.items() if old.get(name) != value or name in always},
    )


def _names_of_connections(services: Services, *documents: Connection | Export | None) -> dict[str, str]:
    """The names of the exports' connections by id, to be shown in place of the ids."""
    ids = {one.connection_id for one in documents if isinstance(one, Export) and one.connection_id}
    names = {}
    for connection_id in ids:
        with contextlib.suppress(NotFound, ValidationError):
            names[connection_id] = services.connections.get(connection_id).display_name
    return names


def _facts(document: Connection | Export | None, names: dict[str, str]) -> dict[str, str]:
    if document is None:
        return {}
    facts: dict[str, str | None]
    if isinstance(document, Connection):
        facts = {
            "display_name": document.display_name,
            "sharing": document.sharing,
            "account": document.account.name if document.account else None,
            "account_id": document.account.id if document.account else None,
            "consent": document.consent.version if document.consent else None,
            "export_user": document.export_user,
        }
    else:
        connection_id = document.connection_id
        # What is found out by itself is not told.
        reading = document.reading.model_dump(exclude_defaults=True)
        facts = {
            "name": document.name,
            "connection": names.get(connection_id, connection_id) if connection_id else None,
            "list_name": document.list_name,
            "list_id": document.list_id,
            "segments": ", ".join(document.segments),
            "mapping": ", ".join(f"{field} ← {column}" for field, column in document.mapping.items()),
            "reading": ", ".join(f"{name} {value!r}" for name, value in reading.items()),
            "schedule": document.schedule.as_text(),
        }
    return {name: value for name, value in facts.items() if value}
