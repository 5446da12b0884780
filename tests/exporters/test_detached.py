"""An export without a connection is kept, and does not run until it has one again."""

from __future__ import annotations

import pytest

from exporters import start
from exporters.runs import Run
from shared.errors import Invalid
from shared.models import Export
from tests.exporters.world import World, refresh

ARRIVED = "CustomerInsights_x/BlobExport/Loyal/2026/11/22/0130/Loyal_1.csv"


@pytest.fixture
def detached(world: World) -> Export:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    return world.add_export("Loyal", name="Detached", connection_id=None)


def runs(world: World, export: Export) -> list[Run]:
    return world.services.runs.newest(export.id, 10)


def test_it_cannot_be_started_on_demand_and_it_is_said_why(world: World, detached: Export) -> None:
    with pytest.raises(Invalid, match="“Detached” has no connection"):
        start.start_on_demand(world.services, detached.id, "test")
    assert runs(world, detached) == []


def test_the_schedule_and_new_snapshots_leave_it_out_and_start_the_others(world: World, detached: Export) -> None:
    other = world.add_export("Loyal", name="Other")
    assert [run.export_id for run in refresh(world.services)] == [other.id]
    world.deliver()
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder="2026/11/22/0230")
    assert [run.export_id for run in start.start_for_snapshots(world.services, ARRIVED)] == [other.id]
    assert runs(world, detached) == []


def test_it_runs_again_once_it_has_a_connection(world: World, detached: Export) -> None:
    attach = {"connection_id": world.connection.id}
    world.services.exports.change(detached.id, lambda one: one.model_copy(update=attach))
    assert [run.export_id for run in refresh(world.services)] == [detached.id]
    world.deliver()
    assert world.last_run(detached).status == "successful"


def test_a_run_under_way_goes_on_when_its_export_is_detached(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"connection_id": None}))
    world.deliver()
    assert world.services.runs.get(export.id, run.run_id).status == "successful"


@pytest.mark.parametrize("gone", [False, True], ids=["detached", "removed"])
def test_no_run_follows_when_its_export_has_lost_its_connection_meanwhile(world: World, gone: bool) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).prepared)
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder="2026/11/22/0230")
    start.start_for_snapshots(world.services, ARRIVED)
    assert world.services.runs.slot(export.id).value.start_again
    if gone:
        world.services.exports.remove(export.id)
    else:
        world.services.exports.change(export.id, lambda one: one.model_copy(update={"connection_id": None}))
    world.deliver()
    assert [run.status for run in runs(world, export)] == ["successful"]
