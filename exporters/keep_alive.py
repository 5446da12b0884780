"""Keeps grants alive that no export uses: Constant Contact forgets one that is not refreshed for 180 days."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

from exporters.accounts import mark_broken
from exporters.constant_contact.errors import SignInAgain
from exporters.each import each
from exporters.services import Services
from shared.errors import Wait
from shared.models import Connection

log = logging.getLogger(__name__)

# Long before 180 days: an outage of weeks, or a vault that has to be mended first, costs no grant.
IDLE = timedelta(days=30)
# A function may take 30 minutes, and a refresh insists for 20 on saving what it has got.
_BEGIN_WITHIN = timedelta(minutes=5)


def keep_grants_alive(services: Services) -> list[Connection]:
    """Refresh the tokens of every connection that nothing has refreshed for a month; which ones those were.

    A connection whose grant turns out to be broken says so from then on, and is left alone until somebody has signed
    in again. One whose removal was cut short may still have its tokens, and is kept alive with them. What failed for
    another reason, or had no turn within five minutes, is logged and has its turn with the next call. Raises what a
    storage raises that is away, after all had their turn.
    """

    def refresh(connection: Connection) -> Connection | None:
        if connection.sign_in_again is not None:
            return None
        try:
            return connection if services.tokens.keep_alive(connection, IDLE) else None
        except SignInAgain as error:
            if mark_broken(services, connection, error):
                raise
            return None  # Somebody has signed in again meanwhile: it was the old grant.
        except Wait as wait:
            log.warning("connection %s was not kept alive, tomorrow again: %s", connection.id, wait.reason)
            return None

    return each(_in_time(services), refresh, lambda connection: f"connection {connection.id}")


def _in_time(services: Services) -> Iterator[Connection]:
    until = services.now() + _BEGIN_WITHIN
    connections = services.connections.all()
    for number, connection in enumerate(connections):
        if services.now() >= until:
            log.warning("%d connections had no turn today", len(connections) - number)
            return
        yield connection
