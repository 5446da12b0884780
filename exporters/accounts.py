"""The Constant Contact account that a run may use: only with consent, and with its requests counted on the run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from exporters.constant_contact.client import Account
from exporters.runs import Run
from exporters.services import Services
from shared.errors import Invalid


@contextlib.contextmanager
def account_of(services: Services, run: Run) -> Iterator[Account]:
    """The account of the run's connection.

    Raises:
        NotFound: the connection was removed.
        Invalid: nobody has agreed to the transfer of personal data.
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
    finally:
        if account.requests:
            services.runs.change(run, lambda r: r.model_copy(update={"requests": r.requests + account.requests}))
