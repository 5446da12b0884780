"""What the audit log keeps of a change of a connection or an export: only what changed, as text, never a secret."""

from __future__ import annotations

from datetime import datetime

from exporters.services import Services
from shared.audit import Action, AuditEntry
from shared.models import Connection, Export
from shared.people import Person


def record(
    services: Services,
    person: Person,
    action: Action,
    before: Connection | Export | None,
    after: Connection | Export | None,
    *,
    at: datetime | None = None,
    connections: dict[str, str] | None = None,
) -> None:
    """Write an entry: who did what, when, and the fields that differ.

    Args:
        services: where it is written.
        person: who did it.
        action: what was done.
        before: the document as it was; None when there was none.
        after: the document as it is; None when it was removed.
        at: when (default: now). What is written again with the same time is kept once.
        connections: the names of connections by id, to be shown in place of the ids.
    """
    subject = after or before
    if subject is None:
        raise ValueError("a change has a subject")
    old, new = _facts(before, connections or {}), _facts(after, connections or {})
    services.audit.write(
        AuditEntry(
            at=at or services.now(),
            by=person.name,
            by_id=person.id,
            action=action,
            subject="connection" if isinstance(subject, Connection) else "export",
            subject_id=subject.id,
            subject_name=subject.display_name if isinstance(subject, Connection) else subject.name,
            before={name: value for name, value in old.items() if new.get(name) != value},
            after={name: value for name, value in new.items() if old.get(name) != value},
        )
    )


def _facts(document: Connection | Export | None, connections: dict[str, str]) -> dict[str, str]:
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
        facts = {
            "name": document.name,
            "connection": connections.get(connection_id, connection_id) if connection_id else None,
            "list_id": document.list_id,
            "segments": ", ".join(document.segments),
            "mapping": ", ".join(f"{field} ← {column}" for field, column in document.mapping.items()),
            "schedule": document.schedule,
        }
    return {name: value for name, value in facts.items() if value}
