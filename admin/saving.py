"""What Save does with a complete draft: its tokens move to the connection's secret, then the document is written.

Each step may be done again after it was cut short, and ends the same.
"""

from __future__ import annotations

import hashlib

from pydantic import ValidationError

from admin.changes import record
from admin.usage import running, used_by
from exporters.constant_contact.tokens import TokenSet
from exporters.services import Services
from shared.drafts import Draft
from shared.errors import Conflict, NotFound
from shared.models import Connection, Consent
from shared.people import Person

# Raised whenever the text that people agree to changes in meaning.
CONSENT_VERSION = "1"


def tokens_of(services: Services, draft: Draft) -> TokenSet | None:
    """The tokens of the draft's account; None when those in Key Vault are not."""
    secret = services.secrets.get(draft.secret_name)
    if not secret:
        return None
    try:
        tokens = TokenSet.model_validate_json(secret)
    except ValidationError:
        return None
    return tokens if digest_of(tokens) == draft.token_digest else None


def saved_already(services: Services, person: Person, draft: Draft) -> Connection | None:
    """The connection that a Save of this draft has written before it was cut short, else None."""
    try:
        connection = services.connections.get(draft.connection_id or draft.id)
    except NotFound:
        return None
    if draft.connection_id is None:
        record(services, person, "added", None, connection, at=connection.created_at)
        return connection
    if draft.signed_in_at is None or connection.signed_in_at != draft.signed_in_at:
        return None
    record(services, person, "signed in", None, connection, at=draft.signed_in_at)
    return connection


def add(services: Services, person: Person, draft: Draft, tokens: TokenSet) -> Connection:
    """The new connection of the draft."""
    connection = _new_connection(services, person, draft)
    with services.tokens.replacing(connection, tokens):
        if not services.connections.add(connection):
            connection = services.connections.get(connection.id)
    record(services, person, "added", None, connection, at=connection.created_at)
    return connection


def sign_in_again(services: Services, person: Person, draft: Draft, connection_id: str, tokens: TokenSet) -> Connection:
    """The connection with the new sign-in.

    Raises:
        NotFound: the connection was removed.
        Conflict: it is another account, and a run is under way.
    """
    connection = services.connections.get(connection_id)
    if draft.other_account and running(services, used_by(services, connection_id)):
        # Its batches are in the account of before, where nobody could ask for them any more.
        raise Conflict(
            f"An export of the connection “{connection.display_name}” is running. Sign in to another account when it "
            "has ended."
        )
    # A token is fresh for longer than a draft lives. So when this is done again, after it was cut short before the
    # document was written, nobody has spent the refresh token meanwhile, and the same pair is written twice.
    with services.tokens.replacing(connection, tokens):
        before, after = _with_sign_in(services, person, draft, connection)
    record(services, person, "signed in", before, after, at=draft.signed_in_at)
    return after


def take_back(services: Services, draft: Draft) -> None:
    """Delete what a Save of this draft may have left when it was cut short: tokens of a connection never written."""
    if draft.connection_id is None and not _exists(services, draft.id):
        services.secrets.delete(secret_name(draft.id))


def digest_of(tokens: TokenSet) -> str:
    """What tells these tokens from those of another sign-in, without giving them away."""
    token = tokens.refresh_token.get_secret_value() if tokens.refresh_token else ""
    return hashlib.sha256(token.encode()).hexdigest()


def secret_name(connection_id: str) -> str:
    """The secret of a connection."""
    return f"connection-{connection_id}"


def _new_connection(services: Services, person: Person, draft: Draft) -> Connection:
    now = services.now()
    return Connection(
        id=draft.id,
        display_name=draft.display_name,
        sharing=draft.sharing,
        consent=Consent(version=draft.consented_version or CONSENT_VERSION, by=person.name, at=now),
        export_user=draft.export_user,
        secret_name=secret_name(draft.id),
        account=draft.account,
        signed_in_at=draft.signed_in_at,
        created_at=now,
        created_by=person.name,
    )


def _with_sign_in(
    services: Services, person: Person, draft: Draft, connection: Connection
) -> tuple[Connection, Connection]:
    """The connection before, and now with the sign-in of the draft in its document."""
    before: list[Connection] = []

    def signed_in(one: Connection) -> Connection:
        before[:] = [one]
        now = services.now()
        return one.model_copy(
            update={
                # What was not changed here stays as it is by now: somebody else may have changed it meanwhile.
                "display_name": one.display_name if draft.display_name == draft.name_before else draft.display_name,
                "sharing": one.sharing if draft.sharing == draft.sharing_before else draft.sharing,
                "consent": one.consent or Consent(version=CONSENT_VERSION, by=person.name, at=now),
                "export_user": draft.export_user,
                "account": draft.account,
                "sign_in_again": None,
                "signed_in_at": draft.signed_in_at,
                "updated_at": now,
                "updated_by": person.name,
            }
        )

    try:
        after = services.connections.change(connection.id, signed_in).value
    except NotFound:
        # Removed in between: no document tells of these tokens any more.
        services.secrets.delete(connection.secret_name)
        raise
    return before[0], after


def _exists(services: Services, connection_id: str) -> bool:
    try:
        services.connections.get(connection_id)
    except NotFound:
        return False
    return True
