"""Runs for the pages to show: where they are, and some that ended without a step of them having been done."""

from __future__ import annotations

from exporters.runs import Run, Status, new_run_id
from shared.models import Export
from tests.exporters.world import World


def path(run: Run, more: str = "") -> str:
    """Where the page of a run is, or what lies below it."""
    return f"/exports/{run.export_id}/runs/{run.run_id}{more}"


def ended(world: World, export: Export, status: Status, **facts: object) -> Run:
    """A run that ended so, without any step of it having been done."""
    world.clock.advance(1)
    now = world.clock.now()
    run = Run(
        **{
            "run_id": new_run_id(now),
            "export_id": export.id,
            "export_name": export.name,
            "trigger": "timer",
            "started_by": "refresh schedule",
            "status": status,
            "created_at": now,
            "ended_at": now,
            "list_id": export.list_id,
            "connection_id": export.connection_id,
            "segments": export.segments,
            **facts,
        }
    )
    world.services.runs.add_ended(run, world.services.runs.slot(export.id))
    world.services.history.note(run)
    return run
