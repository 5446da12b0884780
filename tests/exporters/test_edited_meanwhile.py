"""An export is edited while its run waits: the run goes on as it was started, and the next one is the new one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporters.runs import Run
from shared.models import Export
from shared.snapshots import ReadOptions
from tests.exporters.world import World, refresh

NO_LIST = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(autouse=True)
def _a_segment(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])


def edit(world: World, export: Export, **update: object) -> None:
    world.services.exports.change(export.id, lambda one: one.model_copy(update=update))


def ended_after(world: World, export: Export, **update: object) -> Run:
    """A run of the export, which is edited between the run's start and its first step."""
    world.start(export)
    edit(world, export, **update)
    world.deliver()
    return world.last_run(export)


def test_a_run_sends_what_was_mapped_when_it_was_started(world: World) -> None:
    export = world.add_export("Loyal")
    run = ended_after(world, export, mapping={"email": "EMail"})
    plan = world.files(run).plan()
    assert run.status == "successful"
    assert plan is not None
    assert plan.mapping.fields == export.mapping


def test_what_was_edited_and_put_back_is_up_to_date_for_it_was_sent(world: World) -> None:
    export = world.add_export("Loyal")
    ended_after(world, export, mapping={"email": "EMail"})
    assert len(refresh(world.services)) == 1
    world.deliver()
    edit(world, export, mapping=export.mapping)
    world.clock.advance(60)
    assert len(refresh(world.services)) == 1, "the last run has sent no first names"


def test_a_run_reads_the_files_as_was_said_when_it_was_started(world: World) -> None:
    export = world.add_export("Loyal", mapping={"email": "EMail"})
    run = ended_after(world, export, reading=ReadOptions(delimiter=";"))
    assert (run.status, run.counts.sent) == ("successful", 1)


def test_a_run_goes_to_the_list_that_was_chosen_when_it_was_started(world: World) -> None:
    run = ended_after(world, world.add_export("Loyal"), list_id=NO_LIST)
    assert (run.status, run.error) == ("successful", None)
    assert world.members() == ["ana@example.com"]


def test_a_list_that_is_gone_is_called_by_its_name(world: World) -> None:
    export = world.add_export("Loyal", list_id=NO_LIST, list_name="Loyal customers")
    run = ended_after(world, export, list_id="another", list_name="Another")
    assert (run.status, run.problem) == ("failed", "list_missing")
    assert "The list “Loyal customers” of the export “Newsletter”" in (run.error or "")


def test_a_run_whose_export_is_removed_meanwhile_goes_on(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    world.services.exports.remove(export.id)
    world.clock.advance(timedelta(minutes=1).total_seconds())
    world.deliver()
    assert world.services.runs.get(export.id, run.run_id).status == "successful"
