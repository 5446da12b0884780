"""When a run starts, and when there is nothing to start."""

from __future__ import annotations

import pytest

from exporters import start
from exporters.runs import Run
from exporters.services import Services
from shared.errors import NotFound
from shared.models import Schedule
from tests.exporters.world import World, refresh

MODEL = "CustomerInsights_x/BlobExport/model.json"
PARTITION = "CustomerInsights_x/BlobExport/Loyal/2026/11/22/0130/Loyal_1.csv"


def statuses(runs: list[Run]) -> list[str]:
    return [run.status for run in runs]


@pytest.fixture
def services(world: World) -> Services:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    return world.services


def test_an_export_that_nobody_made_cannot_be_started(services: Services) -> None:
    with pytest.raises(NotFound, match="“nobody-made-this”"):
        start.start_on_demand(services, "nobody-made-this", "test")


@pytest.mark.parametrize("odd", ["a/b", "a'b", "a#b", "", "x" * 65])
def test_an_id_that_cannot_be_one_is_not_found(services: Services, odd: str) -> None:
    with pytest.raises(NotFound):
        start.start_on_demand(services, odd, "test")


def test_an_export_has_one_run_at_a_time(world: World, services: Services) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    with pytest.raises(start.AlreadyRunning) as error:
        start.start_on_demand(services, export.id, "test")
    assert error.value.run.run_id == run.run_id
    world.deliver()
    assert len(services.runs.newest(export.id, 10)) == 1


def test_on_demand_an_export_runs_again_though_nothing_is_new(world: World, services: Services) -> None:
    export = world.add_export("Loyal")
    world.run_to_end(export)
    world.run_to_end(export)
    assert statuses(services.runs.newest(export.id, 10)) == ["successful", "successful"]


def test_a_new_snapshot_starts_the_exports_that_have_not_taken_it_up(world: World, services: Services) -> None:
    export = world.add_export("Loyal")
    other = world.add_export("Loyal", schedule=Schedule(active=False))
    assert [run.export_id for run in start.start_for_snapshots(services, PARTITION)] == [export.id]
    world.deliver()
    assert world.last_run(export).trigger == "event"
    assert services.runs.newest(other.id, 1) == []


def test_an_event_that_comes_twice_starts_one_run(world: World, services: Services) -> None:
    export = world.add_export("Loyal")
    start.start_for_snapshots(services, PARTITION)
    start.start_for_snapshots(services, PARTITION)
    world.deliver()
    start.start_for_snapshots(services, PARTITION)
    world.deliver()
    assert statuses(services.runs.newest(export.id, 10)) == ["successful"]


@pytest.mark.parametrize("blob", ["notes.docx", "CustomerInsights_x/_SUCCESS", "a/b/.hidden.csv"])
def test_a_blob_that_is_no_part_of_a_snapshot_starts_nothing(world: World, services: Services, blob: str) -> None:
    world.add_export("Loyal")
    assert start.start_for_snapshots(services, blob) == []


def test_a_snapshot_that_arrives_during_a_run_is_exported_after_it(world: World, services: Services) -> None:
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver(until=lambda: services.runs.newest(export.id, 1)[0].status == "uploading")
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder="2026/11/22/0230")
    assert start.start_for_snapshots(services, PARTITION) == []
    world.deliver()
    assert statuses(services.runs.newest(export.id, 10)) == ["successful", "successful"]
    assert world.members() == ["ana@example.com", "bo@example.com"]


def test_a_partition_that_comes_late_is_not_lost(world: World, services: Services) -> None:
    export = world.add_export("Loyal")
    world.run_to_end(export)
    late = PARTITION.replace("Loyal_1.csv", "Loyal_2.csv")
    world.upload(late, b"EMail,FirstName\nlate@example.com,Lea\n")
    start.start_for_snapshots(services, late)
    world.deliver()
    assert world.members() == ["ana@example.com", "late@example.com"]


def test_a_run_that_failed_is_not_started_again_by_the_same_snapshot(world: World, services: Services) -> None:
    export = world.add_export("Loyal", mapping={"email": "Mail"})
    start.start_for_snapshots(services, PARTITION)
    start.start_for_snapshots(services, PARTITION)
    world.deliver()
    start.start_for_snapshots(services, PARTITION)
    world.deliver()
    assert statuses(services.runs.newest(export.id, 10)) == ["failed"]


def test_the_refresh_schedule_starts_what_has_not_gone_through(world: World, services: Services) -> None:
    export = world.add_export("Loyal")
    assert len(refresh(services)) == 1
    world.deliver()
    assert world.last_run(export).trigger == "timer"
    assert refresh(services) == []


def test_the_refresh_schedule_tries_a_failed_export_again(world: World, services: Services) -> None:
    export = world.add_export("Loyal", mapping={"email": "Mail"})
    world.run_to_end(export)
    assert len(refresh(services)) == 1


def test_the_refresh_schedule_leaves_out_what_is_switched_off(world: World, services: Services) -> None:
    world.add_export("Loyal", schedule=Schedule(active=False))
    assert refresh(services) == []


def test_whoever_starts_an_export_whose_message_was_lost_sends_it_again(world: World, services: Services) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    world.queue.waiting.clear()
    world.clock.advance(180)
    with pytest.raises(start.AlreadyRunning):
        start.start_on_demand(services, export.id, "test")
    world.deliver()
    assert services.runs.get(export.id, run.run_id).status == "successful"


def test_one_export_that_cannot_be_listed_does_not_stop_the_others(world: World, services: Services) -> None:
    for root in ("one", "two"):
        world.upload(f"{root}/Twice/2026/11/22/0130/Twice_1.csv", b"EMail\na@example.com\n")
    broken, good = world.add_export("Twice", mapping={"email": "EMail"}), world.add_export("Loyal")
    assert len(refresh(services)) == 2
    world.deliver()
    assert "Twice" in (world.last_run(broken).error or "")
    assert world.last_run(good).status == "successful"


def test_a_snapshot_that_arrives_as_its_run_ends_is_exported_all_the_same(
    world: World, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = world.add_export("Loyal")
    world.start(export)
    world.write_snapshot("Loyal", ["bo@example.com,Bo"], folder="2026/11/22/0230")
    take = start._take_slot

    def ends_meanwhile(*given: object, **options: object) -> tuple[Run, bool]:
        taken = take(*given, **options)  # type: ignore[arg-type]
        monkeypatch.setattr(start, "_take_slot", take)
        services.runs.change_slot(export.id, seen={"Loyal": "the older one"})
        services.runs.end(taken[0], lambda r: r.model_copy(update={"status": "failed"}))
        return taken

    monkeypatch.setattr(start, "_take_slot", ends_meanwhile)
    assert len(start.start_for_snapshots(services, PARTITION)) == 1
    world.deliver()
    assert "bo@example.com" in world.members()
