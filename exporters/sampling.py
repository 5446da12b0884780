"""What the sweep measures: the day's calls that are left, how old tokens are, and what the exports sent last."""

from __future__ import annotations

import logging
from datetime import datetime

from exporters.constant_contact.errors import SignInAgain
from exporters.constant_contact.limits import API
from exporters.each import each
from exporters.runs import Slot
from exporters.services import Services
from exporters.start import name_of_export
from shared import telemetry
from shared.errors import Wait
from shared.models import Connection, Export
from shared.snapshots.paths import date_folder, flat_file

log = logging.getLogger(__name__)

# Each costs a read of Key Vault.
_MOST_CONNECTIONS = 100


def take_samples(services: Services) -> None:
    """Measure once. A read for each export and each of a hundred connections, none of them at Constant Contact.

    Raises what a storage raises that is away, after all had their turn.
    """
    telemetry.CALLS_LEFT.set(services.limiter.left_today(API))
    each(services.connections.all()[:_MOST_CONNECTIONS], lambda one: _sample_connection(services, one), _name)
    each(services.exports.all(), lambda one: _sample_export(services, one), name_of_export)


def _sample_connection(services: Services, connection: Connection) -> None:
    if connection.sign_in_again is not None:
        return
    try:
        age = services.tokens.age(connection)
    except (Wait, SignInAgain) as error:
        log.info("%s: how old its tokens are is not known: %s", _name(connection), type(error).__name__)
        return
    if age is not None:
        telemetry.TOKEN_AGE.set(age.total_seconds(), connection_id=connection.id)


def _sample_export(services: Services, export: Export) -> None:
    if not (export.schedule.active and export.connection_id):
        return
    taken_at = sent_last(services.runs.slot(export.id).value)
    if taken_at is not None:
        telemetry.SNAPSHOT_AGE.set((services.now() - taken_at).total_seconds(), export_id=export.id)


def sent_last(slot: Slot) -> datetime | None:
    """The time of the snapshots that the export has sent last, the oldest of them; None where it has sent nothing."""
    # A version is that of a snapshot: its id, and behind the @ what its files are.
    paths = [version.rpartition("@")[0] for version in slot.exported.values()]
    found = [snapshot.taken_at for path in paths if (snapshot := date_folder(path) or flat_file(path))]
    return min(found, default=None)


def _name(connection: Connection) -> str:
    return f"connection {connection.id}"
