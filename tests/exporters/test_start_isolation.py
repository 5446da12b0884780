"""One export that cannot be read does not stop the others from being started or taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError
from azure.data.tables import TableClient

from exporters import start
from exporters.runs import Run, new_run_id
from exporters.services import Services
from exporters.sweeping import SILENCE, take_up_lost_runs
from shared.models import Export
from tests.exporters.world import World, refresh

ARRIVED = "CustomerInsights_x/BlobExport/Loyal/2026/11/22/0130/Loyal_1.csv"

Start = Callable[[Services], list[Run]]


def by_event(services: Services) -> list[Run]:
    return start.start_for_snapshots(services, ARRIVED)


@pytest.fixture
def exports(world: World) -> list[Export]:
    """Three, of which the one in the middle is the odd one."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    return [world.add_export("Loyal", name=name) for name in ("A", "B", "C")]


def table_of_exports(world: World) -> TableClient:
    return world.services.exports._table._client


def table_of_runs(world: World) -> TableClient:
    return world.services.runs._client


def spoil(table: TableClient, partition: str, row: str) -> None:
    table.upsert_entity({"PartitionKey": partition, "RowKey": row, "document": '{"email": "ana@example.com"'})


def names(runs: list[Run]) -> list[str]:
    return sorted(run.export_name for run in runs)


@contextmanager
def without(world: World, export: Export, error: AzureError) -> Iterator[None]:
    """The storage has an error for whatever concerns the runs of this export."""
    get = TableClient.get_entity

    def fails(table: TableClient, partition: str, *given: object, **more: object) -> object:
        if partition == export.id and table.table_name == table_of_runs(world).table_name:
            raise error
        return get(table, partition, *given, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TableClient, "get_entity", fails)
        yield


STARTS = pytest.mark.parametrize("start_all", [refresh, by_event])


@STARTS
def test_an_export_whose_document_cannot_be_read_is_passed_over(
    world: World, exports: list[Export], start_all: Start, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(table_of_exports(world), "export", exports[1].id)
    assert names(start_all(world.services)) == ["A", "C"]
    assert exports[1].id in caplog.text
    assert "ana@example.com" not in caplog.text


@STARTS
def test_an_export_whose_slot_cannot_be_read_is_passed_over(
    world: World, exports: list[Export], start_all: Start, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(table_of_runs(world), exports[1].id, "slot")
    assert names(start_all(world.services)) == ["A", "C"]
    assert f"export {exports[1].id} was passed over" in caplog.text
    assert "ana@example.com" not in caplog.text


@STARTS
def test_an_export_whose_slot_is_held_by_no_run_is_passed_over_until_the_sweep_frees_it(
    world: World, exports: list[Export], start_all: Start
) -> None:
    world.services.runs.slot(exports[1].id)
    world.services.runs.change_slot(exports[1].id, run_id=new_run_id(world.clock.now()))
    assert names(start_all(world.services)) == ["A", "C"]
    take_up_lost_runs(world.services)
    assert names(start_all(world.services)) == ["B"]


@STARTS
@pytest.mark.parametrize("error", [HttpResponseError("busy"), ServiceRequestError("nobody answers")])
def test_an_outage_for_one_export_starts_the_others_and_asks_to_come_again(
    world: World, exports: list[Export], start_all: Start, error: AzureError
) -> None:
    with without(world, exports[1], error), pytest.raises(type(error)):
        start_all(world.services)
    assert sorted(one.message.export_id for one in world.queue.waiting) == sorted([exports[0].id, exports[2].id])
    # The host comes again: the others have their runs.
    assert names(start_all(world.services)) == ["B"]


@STARTS
def test_an_outage_for_all_is_raised(
    world: World, exports: list[Export], start_all: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise ServiceRequestError("nobody answers")

    monkeypatch.setattr(TableClient, "get_entity", away)
    with pytest.raises(ServiceRequestError):
        start_all(world.services)
    assert world.queue.waiting == []


def test_a_lost_run_that_cannot_be_read_does_not_stop_the_sweep(
    world: World, exports: list[Export], caplog: pytest.LogCaptureFixture
) -> None:
    runs = [world.start(export) for export in exports]
    spoil(table_of_runs(world), runs[1].export_id, runs[1].key.row)
    world.clock.advance(SILENCE.total_seconds() + 60)
    assert names(take_up_lost_runs(world.services)) == ["A", "C"]
    assert f"export {exports[1].id} was passed over: ValidationError" in caplog.text
    assert "ana@example.com" not in caplog.text


def test_an_outage_for_one_run_does_not_keep_the_sweep_from_the_others(world: World, exports: list[Export]) -> None:
    for export in exports:
        world.start(export)
    world.queue.waiting.clear()
    world.clock.advance(SILENCE.total_seconds() + 60)
    with without(world, exports[1], HttpResponseError("busy")), pytest.raises(HttpResponseError):
        take_up_lost_runs(world.services)
    assert sorted(one.message.export_id for one in world.queue.waiting) == sorted([exports[0].id, exports[2].id])
