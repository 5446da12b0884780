"""Times at which exports are due, and what became of them: for tests of schedules."""

from __future__ import annotations

from datetime import datetime, timedelta

from exporters.runs import Run
from shared.models import Export, Schedule
from tests.exporters.world import World

ARRIVED = "CustomerInsights_x/BlobExport/Loyal/2026/11/22/0130/Loyal_1.csv"
NEWER = "2026/11/22/0230"
# The refresh schedule of these tests.
REFRESH_HOUR = 3


def soon(world: World) -> datetime:
    """A time on the five minutes, five to ten minutes from now."""
    later = world.clock.now() + timedelta(minutes=10)
    return later.replace(minute=later.minute // 5 * 5, second=0, microsecond=0)


def daily(moment: datetime) -> Schedule:
    return Schedule(recurrence="daily", times=(f"{moment:%H:%M}",))


def next_refresh(world: World) -> datetime:
    now = world.clock.now()
    today = now.replace(hour=REFRESH_HOUR, minute=0, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def wait_until(world: World, moment: datetime) -> None:
    world.clock.advance((moment - world.clock.now()).total_seconds())


def runs(world: World, export: Export) -> list[Run]:
    """The newest first."""
    return world.services.runs.newest(export.id, 10)


def statuses(world: World, export: Export) -> list[str]:
    return [run.status for run in runs(world, export)]


def entries(world: World) -> list[str]:
    """The runs that the history has an entry of, whether or not they began."""
    return sorted(entry.value.run_id for entry in world.services.history._entries.partition("all"))
