"""Runs that have ended, however a test wants them to."""

from __future__ import annotations

from datetime import timedelta

from exporters.problem_codes import ProblemCode
from exporters.runs import Run, Status, new_run_id
from shared.models import Export
from tests.exporters.world import World


def ended_run(world: World, export: Export, status: Status, *, problem: ProblemCode | None = "no_snapshot") -> Run:
    """A run that has just ended so."""
    world.clock.advance(1)
    now = world.clock.now()
    run = Run(
        run_id=new_run_id(now),
        export_id=export.id,
        export_name=export.name,
        trigger="timer",
        started_by="Ada Administrator",
        status=status,
        error="It went wrong.",
        problem=problem,
        created_at=now - timedelta(minutes=5),
        ended_at=now,
        list_id=export.list_id,
        segments=export.segments,
        connection_id=str(export.connection_id),
        connection_name="Shop",
    )
    world.services.runs.add_ended(run, world.services.runs.slot(export.id))
    return run
