"""The Constant Contact account that a run may use: only with consent, and with its requests counted on the run."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import AppNotAccepted, SignInAgain
from exporters.errors import NoConsent, OtherAccount
from exporters.runs import Run
from exporters.services import Services
from shared import telemetry
from shared.errors import NotFound, Wait
from shared.models import Connection

events = logging.getLogger("exporters.events")


@contextlib.contextmanager
def account_of(services: Services, run: Run) -> Iterator[Account]:
    """The account of the run's connection. When it turns out that the grant is broken, the connection says so too.

    Raises:
        NotFound: the connection was removed.
        NoConsent: nobody has agreed to the transfer of personal data.
        OtherAccount: the connection is signed in to another account than the one that the run began with.
        SignInAgain: the grant is broken.
        Wait: somebody has signed in again meanwhile.
    """
    connection = services.connections.get(run.connection_id)
    if connection.consent is None:
        raise NoConsent(
            "Nobody has given consent for the export's connection. "
            "An administrator has to agree to data privacy and compliance before anything can be sent."
        )
    if run.account_id and connection.account and run.account_id != connection.account.id:
        raise OtherAccount(
            "The export's connection was signed in to another Constant Contact account while this run was under way. "
            "What it had sent is in the account of before; start the export again."
        )
    account = services.account(connection)
    try:
        yield account
    except SignInAgain as error:
        if not mark_broken(services, connection, error):
            raise Wait(1, "somebody has signed in to the connection again just now", "sign_in") from error
        raise
    finally:
        if account.requests:
            services.runs.change(run, lambda r: r.model_copy(update={"requests": r.requests + account.requests}))


def mark_broken(services: Services, connection: Connection, error: SignInAgain) -> bool:
    """Let the connection say why somebody has to sign in again; the next sign-in takes that away.

    Only a broken grant does this. A fault that may pass, or that is the app's own, leaves the connection as it is.
    It is told at least once, for it is told before the connection says so.

    Returns:
        Whether the grant that is broken is the connection's; False when somebody has signed in since.
    """
    if isinstance(error, AppNotAccepted):
        return True

    def marked(one: Connection) -> Connection:
        if one.sign_in_again is not None or one.signed_in_at != connection.signed_in_at:
            return one
        _tell(connection, error)
        return one.model_copy(update={"sign_in_again": str(error), "sign_in_problem": error.problem})

    try:
        now = services.connections.change(connection.id, marked).value
    except NotFound:
        return True
    return now.signed_in_at == connection.signed_in_at


def _tell(connection: Connection, error: SignInAgain) -> None:
    text = "connection.sign_in_again: connection %s, %s"
    facts = {"connection_id": connection.id, "problem": error.problem}
    telemetry.tell(events, "connection.sign_in_again", logging.ERROR, text, connection.id, error.problem, **facts)
