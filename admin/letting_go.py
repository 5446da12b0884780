"""Secrets that no connection names are deleted: at once where the vault is quick, else by the sweep."""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime, timedelta

from azure.core.exceptions import AzureError

from exporters.each import each
from exporters.services import Services
from shared.errors import Conflict, ExportError, NotFound, Wait
from shared.loose_secrets import LooseSecret
from shared.models import Connection
from shared.tables import Stored

log = logging.getLogger(__name__)

# Whoever has written a secret down may still be at work with it for so long.
IN_HAND = timedelta(minutes=10)


def write_down(services: Services, connection_id: str, secret_name: str, due: datetime | None = None) -> None:
    """Say that a secret is to be deleted when it is due (default: soon), unless its connection names it then."""
    loose = LooseSecret(name=secret_name, connection_id=connection_id, due=due or services.now() + IN_HAND)
    services.loose_secrets.write_down(loose)


def let_go(services: Services, connection_id: str, secret_name: str) -> bool:
    """Delete a secret that is written down, now if that takes a moment; what cannot be done now the sweep does.

    Returns:
        Whether nothing of it is left.
    """
    try:
        is_done = _is_done_with(services, connection_id, secret_name)
        if is_done:
            services.loose_secrets.strike_off(secret_name)
    except (ExportError, Wait, AzureError) as error:
        log.warning("the secret %s is deleted with a later sweep: %s", secret_name, type(error).__name__)
        return False
    return is_done


def let_go_of_sign_ins(services: Services, connection: Connection) -> None:
    """Delete the tokens of sign-ins that somebody has begun to a connection that is gone: nobody can save them now."""
    for stored in services.loose_secrets.all():
        if stored.value.connection_id == connection.id and stored.value.name != connection.secret_name:
            let_go(services, connection.id, stored.value.name)


def delete_loose_secrets(services: Services) -> int:
    """Delete the secrets that are due and that no connection names; how many were struck off.

    One that cannot be deleted now is logged and left for later.
    """

    def delete(stored: Stored[LooseSecret]) -> bool | None:
        loose = stored.value
        if services.now() < loose.due:
            return None
        try:
            if not _is_done_with(services, loose.connection_id, loose.name):
                return None
        except Wait as wait:
            log.warning("the secret %s is left for later: %s", loose.name, wait.reason)
            return None
        with contextlib.suppress(Conflict):  # Written down anew meanwhile.
            services.loose_secrets.strike_off(loose.name, stored.etag)
        return True

    return len(each(services.loose_secrets.all(), delete, lambda stored: f"secret {stored.value.name}"))


def _is_done_with(services: Services, connection_id: str, secret_name: str) -> bool:
    """Whether its connection names it, or nothing of it is left. Raises what `Tokens.forget` raises."""
    try:
        if services.connections.get(connection_id).secret_name == secret_name:
            return True
    except NotFound:
        pass
    return services.tokens.forget(connection_id, secret_name)
