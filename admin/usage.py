"""Which exports use a connection, and which of these are running."""

from __future__ import annotations

from collections.abc import Iterable

from exporters.services import Services
from shared.models import Export


def used_by(services: Services, connection_id: str) -> list[Export]:
    """The exports that use a connection, by name."""
    return [one for one in services.exports.all() if one.connection_id == connection_id]


def running(services: Services, exports: Iterable[Export]) -> list[Export]:
    """Those of the exports that have a run under way."""
    return [one for one in exports if services.runs.slot(one.id).value.run_id is not None]
