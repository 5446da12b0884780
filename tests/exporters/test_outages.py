"""Hours without a service: runs go on by themselves, say what they wait for, and spend few calls meanwhile."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from datetime import timedelta

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient

from exporters import prepare
from exporters.batches import cut_batches
from exporters.runs import Run
from local.processes import free_ports
from shared.models import Export
from tests.exporters.world import World

HOURS = 3


@pytest.fixture
def export(world: World) -> Export:
    world.write_snapshot("Loyal", [f"p{number}@example.com,Name" for number in range(50)])
    return world.add_export("Loyal")


def go_on_for_hours(world: World, export: Export) -> set[str]:
    """Deliver messages for three hours; what the run said it was waiting for, whenever it waited for minutes."""
    until, said = world.clock.now() + timedelta(hours=HOURS), set()
    while world.clock.now() < until:
        world.deliver_next()
        run = world.last_run(export)
        if run.waiting and run.waiting_until and run.waiting_until > world.clock.now() + timedelta(minutes=1):
            said.add(run.waiting)
    return said


@pytest.fixture(autouse=True)
def healthy_afterwards(world: World) -> Iterator[None]:
    yield
    world.clear_faults()


def batch_states(world: World, export: Export) -> list[str]:
    return [stored.value.state for stored in world.services.runs.batches(world.last_run(export).run_id)]


def is_exact(world: World, run: Run) -> bool:
    return run.status == "successful" and run.counts.sent == 50 == len(world.members())


@pytest.mark.parametrize(
    ("fault", "status"), [("cut-before", "queued"), ("unavailable", "uploading"), ("server-error", "uploaded")]
)
def test_constant_contact_away_for_hours_is_waited_for(world: World, export: Export, fault: str, status: str) -> None:
    world.start(export)
    world.deliver(until=lambda: status in (world.last_run(export).status, *batch_states(world, export)))
    world.fault(fault, path="/v3")
    spent = world.last_run(export).requests
    said = go_on_for_hours(world, export)
    assert not world.last_run(export).ended
    assert any("Constant Contact" in reason for reason in said)
    assert world.last_run(export).requests - spent < 100
    world.clear_faults()
    world.deliver()
    assert is_exact(world, world.last_run(export))
    assert world.statistics()["source_file_names_taken_more_than_once"] == []


def test_an_outage_costs_few_calls_however_many_runs_wait_for_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "cut_batches", functools.partial(cut_batches, max_contacts=2))
    exports = []
    for number in range(5):
        world.write_snapshot(f"Segment{number}", [f"p{number}.{row}@example.com,Name" for row in range(10)])
        exports.append(world.add_export(f"Segment{number}", name=f"Export {number}"))
        world.start(exports[-1])
    world.deliver(until=lambda: all(world.last_run(export).prepared for export in exports))
    world.fault("unavailable", path="/v3")
    go_on_for_hours(world, exports[0])
    # Three to notice it, and one every five minutes.
    assert sum(world.last_run(export).requests for export in exports) < 5 + 3 + HOURS * 12 + 15
    world.clear_faults()
    world.deliver(most=2000)
    assert [world.last_run(export).status for export in exports] == ["successful"] * 5
    assert len(world.members()) == 50


def test_uploads_alone_that_fail_for_hours_are_tried_again_and_again(world: World, export: Export) -> None:
    world.start(export)
    world.fault("unavailable", path="/contacts_file_import")
    go_on_for_hours(world, export)
    assert not world.last_run(export).ended
    world.clear_faults()
    world.deliver()
    assert is_exact(world, world.last_run(export))
    assert world.statistics()["source_file_names_taken_more_than_once"] == []


def test_constant_contact_away_for_longer_than_a_run_may_take_ends_it_with_a_reason(
    world: World, export: Export
) -> None:
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    world.fault("unavailable", path="/v3")
    world.clock.advance((world.settings.run_time_limit_hours - HOURS) * 3600)
    world.deliver()
    ended = world.last_run(export)
    assert ended.status == "timed_out"
    assert "time limit" in (ended.error or "")
    assert ended.counts.not_sent == 50
    world.clear_faults()
    world.clock.advance(600)
    assert is_exact(world, world.run_to_end(export))


def test_the_queue_of_activities_full_for_hours_is_asked_once_in_a_while(world: World, export: Export) -> None:
    world.start(export)
    world.fault("queue-full")
    said = go_on_for_hours(world, export)
    assert any("1,000 activities" in reason for reason in said)
    assert world.last_run(export).requests < 100
    world.clear_faults()
    world.deliver()
    assert is_exact(world, world.last_run(export))


def test_the_storage_account_of_the_snapshots_away_is_waited_for(world: World, export: Export) -> None:
    healthy, (port,) = world.services, free_ports(1)
    nobody = ContainerClient(f"http://127.0.0.1:{port}/account", "segments", retry_total=0)
    world.services = dataclasses.replace(healthy, snapshots=nobody)
    world.start(export)
    for _ in range(20):
        world.deliver_next()
    assert "storage account does not answer" in (world.last_run(export).waiting or "")
    world.services = healthy
    world.deliver()
    assert is_exact(world, world.last_run(export))


def test_the_tables_away_while_the_queues_are_not_is_waited_for(
    world: World, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    with monkeypatch.context() as patch:
        for call in ("get_entity", "update_entity", "query_entities", "submit_transaction"):
            patch.setattr(TableClient, call, away)
        for _ in range(20):
            world.deliver_next()
        assert len(world.queue.waiting) == 2
    world.deliver()
    assert is_exact(world, world.last_run(export))


def away(*_: object, **__: object) -> None:
    raise ServiceRequestError("nobody answers")


def test_key_vault_away_does_not_matter_while_a_token_is_at_hand(world: World, export: Export) -> None:
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    world.clock.advance(600)
    world.vault_fault(status=503, times=100_000)
    world.deliver()
    world.clear_faults()
    assert is_exact(world, world.last_run(export))


def test_key_vault_away_after_the_token_has_ended_is_waited_for(world: World, export: Export) -> None:
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    world.clock.advance(25 * 3600)
    world.vault_fault(status=503, times=100_000)
    for _ in range(3):
        world.deliver_next()
    assert "Key Vault" in (world.last_run(export).waiting or "")
    world.clear_faults()
    world.deliver()
    assert is_exact(world, world.last_run(export))
