"""When a run that found nothing new shows that its export works again."""

from __future__ import annotations

import logging

import pytest

from exporters import notifications
from exporters.problem_codes import ProblemCode
from shared.models import Export
from tests.exporters.ended import ended_run
from tests.exporters.test_notifications import told
from tests.exporters.world import World, refresh


@pytest.fixture
def export(world: World) -> Export:
    return world.add_export("Loyal")


@pytest.mark.parametrize(
    ("problem", "recovers"), [("broken_snapshot", True), ("sign_in_again", False), ("time_limit", False)]
)
def test_an_export_works_again_by_finding_nothing_new_if_a_snapshot_had_failed_it(
    world: World, export: Export, caplog: pytest.LogCaptureFixture, problem: ProblemCode, recovers: bool
) -> None:
    caplog.set_level(logging.INFO)
    failed = ended_run(world, export, "failed", problem=problem)
    notifications.ended(world.services, failed)
    nothing_new = ended_run(world, export, "up_to_date", problem=None)
    notifications.ended(world.services, nothing_new)
    recovery = [("export.recovered", nothing_new.run_id)] if recovers else []
    assert told(caplog) == [("export.failed", failed.run_id), *recovery]


def test_when_a_broken_snapshot_is_deleted_the_export_is_said_to_work_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.run_to_end(export)
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder="2026/11/23/0130", header="Mail,FirstName")
    failed = world.run_to_end(export)
    world.services.snapshots.delete_blob("CustomerInsights_x/BlobExport/Loyal/2026/11/23/0130/Loyal_1.csv")
    refresh(world.services)
    nothing_new = world.last_run(export)
    assert (failed.status, nothing_new.status) == ("failed", "up_to_date")
    assert told(caplog) == [("export.failed", failed.run_id), ("export.recovered", nothing_new.run_id)]
