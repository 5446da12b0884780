"""What Save does with a complete draft: the connection's document names the secret of the draft's sign-in from then on.

That one write is all: before it nothing has changed, after it everything has. What is left to tidy up is written down
before (`admin.letting_go`), so it may be cut short anywhere and be done again.
"""

from __future__ import annotations

import secrets

from pydantic import ValidationError

from admin import changes
from admin.letting_go import let_go, write_down
from admin.usage import runs_through
from exporters.constant_contact.tokens import TokenSet
from exporters.services import Services
from shared.drafts import Draft
from shared.errors import Conflict, NotFound
from shared.models import Connection, Consent
from shared.people import Person

# Raised whenever the text that people agree to changes in meaning.
CONSENT_VERSION = "1"


class AccountChanged(Conflict):
    """Somebody else has signed in to another account meanwhile, of which the person was not warned."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            f"Somebody else has signed in to another account for the connection “{connection.display_name}” meanwhile. "
            "Save again to replace it."
        )
        self.account = connection.account


def has_tokens(services: Services, draft: Draft) -> bool:
    """Whether Key Vault holds the tokens of the draft's account."""
    secret = services.secrets.get(draft.secret_name) if draft.secret_name else None
    if not secret or draft.account is None:
        return False
    try:
        return TokenSet.model_validate_json(secret).account_id == draft.account.id
    except ValidationError:
        return False


def saved_already(services: Services, draft: Draft) -> Connection | None:
    """The connection that a Save of this draft has written before it was cut short, else None.

    Raises:
        NotFound: the connection to be signed in to was removed.
    """
    try:
        connection = services.connections.get(draft.saved_as)
    except NotFound:
        if draft.connection_id is not None:
            raise
        return None
    is_new = draft.connection_id is None
    return connection if is_new or connection.secret_name == draft.secret_name else None


def add(services: Services, person: Person, draft: Draft) -> Connection:
    """The new connection of the draft."""
    now = services.now()
    connection = Connection(
        id=draft.id,
        display_name=draft.display_name,
        sharing=draft.sharing,
        consent=_consent(services, person, draft),
        export_user=draft.export_user,
        export_user_id=draft.export_user_id,
        secret_name=draft.secret_name,
        account=draft.account,
        signed_in_at=draft.signed_in_at,
        created_at=now,
        created_by=person.name,
        created_by_id=person.id,
    )
    return connection if changes.add(services, person, connection) else services.connections.get(draft.id)


def sign_in_again(services: Services, person: Person, draft: Draft, connection_id: str) -> Connection:
    """The connection with the new sign-in; the secret of the one before is deleted.

    Raises:
        NotFound: the connection was removed.
        AccountChanged: it has another account by now than the person was shown.
        Conflict: it is another account, and a run is under way.
    """
    before: list[Connection] = []

    def signed_in(one: Connection) -> Connection:
        _refuse_unseen_account(one, draft)
        _refuse_other_account_while_running(services, one, draft)
        # Before the document names another one.
        write_down(services, one.id, one.secret_name)
        before[:] = [one]
        return one.model_copy(
            update={
                # What was not changed here stays as it is by now: somebody else may have changed it meanwhile.
                "display_name": one.display_name if draft.display_name == draft.name_before else draft.display_name,
                "sharing": one.sharing if draft.sharing == draft.sharing_before else draft.sharing,
                "consent": one.consent or _consent(services, person, draft),
                "export_user": draft.export_user,
                "export_user_id": draft.export_user_id,
                "account": draft.account,
                "secret_name": draft.secret_name,
                "sign_in_again": None,
                "sign_in_problem": None,
                "removal_begun_at": None,
                "signed_in_at": draft.signed_in_at,
            }
        )

    after = changes.change(services, person, "signed in", services.connections, connection_id, signed_in).value
    let_go(services, connection_id, before[0].secret_name)
    return after


def secret_of_a_sign_in(connection_id: str) -> str:
    """A name for the secret of a new sign-in to a connection: no name is used twice, a deleted one stays taken."""
    return f"connection-{connection_id}-{secrets.token_hex(6)}"


def _consent(services: Services, person: Person, draft: Draft) -> Consent:
    version = draft.consented_version or CONSENT_VERSION
    return Consent(version=version, by=person.name, by_id=person.id, at=services.now())


def _refuse_unseen_account(connection: Connection, draft: Draft) -> None:
    """Which account is replaced is told before it is."""
    known = {draft.account_id_before, draft.account.id if draft.account else None}
    if connection.account is not None and connection.account.id not in known:
        raise AccountChanged(connection)


def _refuse_other_account_while_running(services: Services, connection: Connection, draft: Draft) -> None:
    """The batches of a run are in the account of before, where nobody could ask for them any more."""
    if connection.account is None or draft.account is None or connection.account.id == draft.account.id:
        return
    if under_way := runs_through(services, connection.id):
        names = ", ".join(f"“{run.export_name}”" for run in under_way)
        raise Conflict(
            f"The connection cannot change to another account now, because these exports are running: {names}. "
            "Save again when they have ended."
        )
