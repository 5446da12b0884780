"""The Constant Contact account that a run may use: only with consent, and with its requests counted on the run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import AppNotAccepted, SignInAgain
from exporters.runs import Run
from exporters.services import Services
from shared.errors import Invalid, NotFound
from shared.models import Connection


@contextlib.contextmanager
def account_of(services: Services, run: Run) -> Iterator[Account]:
    """The account of the run's connection. When it turns out that the grant is broken, the connection says so too.

    Raises:
        NotFound: the connection was removed.
        Invalid: nobody has agreed to the transfer of personal data.
        SignInAgain: the grant is broken.
    """
    connection = services.connections.get(run.connection_id)
    if connection.consent is None:
        raise Invalid(
            f"Nobody has given consent for the connection “{connection.display_name}”. "
            "An administrator has to agree to data privacy and compliance before anything can be sent."
        )
    account = services.account(connection)
    try:
        yield account
    except SignInAgain as error:
        mark_broken(services, connection, error)
        raise
    finally:
        if account.requests:
            services.runs.change(run, lambda r: r.model_copy(update={"requests": r.requests + account.requests}))


def mark_broken(services: Services, connection: Connection, error: SignInAgain) -> None:
    """Let the connection say why somebody has to sign in again; the next sign-in takes that away.

    Only a broken grant does this. A fault that may pass, or that is the app's own, leaves the connection as it is.
    """
    if isinstance(error, AppNotAccepted):
        return

    def marked(one: Connection) -> Connection:
        # Somebody may have signed in since: then it was the old grant that is broken.
        if one.sign_in_again is not None or one.signed_in_at != connection.signed_in_at:
            return one
        return one.model_copy(update={"sign_in_again": str(error)})

    with contextlib.suppress(NotFound):
        services.connections.change(connection.id, marked)
