"""Who makes exports in the specifications, and what they give."""

from __future__ import annotations

from local.constant_contact.state import LOCAL_LIST_ID
from shared.audit import AuditEntry
from shared.models import Connection, Sharing
from shared.people import Person
from tests.exporters.world import World

ADA = Person(id="ada", name="Ada Administrator", role="Administrator")
CLEO = Person(id="cleo", name="Cleo Contributor", role="Contributor")
VERA = Person(id="vera", name="Vera Viewer", role="Viewer")
NOBODY = Person(id="nobody", name="No Role", role=None)
SHARED: Sharing = "administrators_and_contributors"


def given(world: World, **changes: object) -> dict[str, object]:
    """What a new export needs."""
    return {
        "name": "Newsletter",
        "connection_id": world.connection.id,
        "list_id": LOCAL_LIST_ID,
        "segments": ["Loyal"],
        "mapping": {"email": "EMail"},
        **changes,
    }


def share(world: World, connection: Connection | None = None) -> Connection:
    """Let contributors use the connection."""
    wanted = connection or world.connection
    change = {"sharing": SHARED}
    return world.services.connections.change(wanted.id, lambda one: one.model_copy(update=change)).value


def audit(world: World) -> list[AuditEntry]:
    """What was told of this month, the newest first."""
    return world.told()


def told(world: World) -> list[tuple[str, str]]:
    """Who did what, the newest first."""
    return [(entry.action, entry.by) for entry in audit(world)]


def told_but_starts(world: World) -> list[tuple[str, str]]:
    """Who did what besides starting runs, the newest first."""
    return [one for one in told(world) if one[0] != "started"]
