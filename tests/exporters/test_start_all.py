"""Starting all exports at once, and what a run keeps of who started it and of what it was to do."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.data.tables import TableClient

from exporters import start
from shared.models import ConstantContactAccount, Export, Schedule
from tests.exporters.world import World


@pytest.fixture(autouse=True)
def _a_segment(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])


def start_all(world: World, *exports: Export) -> start.StartedAll:
    return start.start_all(world.services, "Ada", "ada-id", exports)


def test_all_starts_exports_with_an_active_schedule_and_a_connection_whatever_was_exported_before(world: World) -> None:
    own = Schedule(recurrence="daily", times=("06:00",))
    done, weekly = world.add_export("Loyal", name="Done"), world.add_export("Loyal", schedule=own)
    off = world.add_export("Loyal", schedule=own.model_copy(update={"active": False}))
    detached = world.add_export("Loyal", connection_id=None)
    world.run_to_end(done)
    result = start_all(world, done, weekly, off, detached)
    assert [run.export_id for run in result.started] == [done.id, weekly.id]
    assert {(run.trigger, run.started_by, run.started_by_id) for run in result.started} == {("http", "Ada", "ada-id")}
    assert (result.already_running, result.not_started) == ([], [])


def test_one_that_is_running_already_is_named_with_its_run(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    result = start_all(world, export)
    assert result == start.StartedAll([], [run], [])


def test_one_that_cannot_be_started_does_not_keep_the_others_and_it_is_said_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, held, good = (world.add_export("Loyal", name=name) for name in ("Away", "Held", "Good"))
    world.services.runs.slot(held.id)
    world.services.runs.change_slot(held.id, run_id="20260101T000000000-abcdef")
    get = TableClient.get_entity

    def fails(table: TableClient, partition: str, *given: object, **more: object) -> object:
        if partition == away.id:
            raise ServiceRequestError("nobody answers")
        return get(table, partition, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(TableClient, "get_entity", fails)
    result = start_all(world, away, held, good)
    assert [run.export_id for run in result.started] == [good.id]
    assert [export.name for export, _ in result.not_started] == ["Away", "Held"]
    assert "storage account does not answer" in result.not_started[0][1]


def test_a_run_keeps_the_names_of_what_it_was_to_do(world: World) -> None:
    account = ConstantContactAccount(id="an-account", name="Local Company")
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update={"account": account}))
    export = world.add_export("Loyal", name="Newsletter", list_name="Loyal customers")
    run = start.start_on_demand(world.services, export.id, "Ada", "ada-id")
    assert (run.started_by, run.started_by_id, run.schedule_due) == ("Ada", "ada-id", None)
    assert (run.connection_name, run.account_id) == ("Shop", "an-account")
    assert (run.export_name, run.list_name) == ("Newsletter", "Loyal customers")


def test_an_export_whose_connection_is_gone_starts_a_run_that_says_so(world: World) -> None:
    run = world.run_to_end(world.add_export("Loyal", connection_id="removed-long-ago"))
    assert (run.status, run.connection_name, run.problem) == ("failed", None, "no_connection")
