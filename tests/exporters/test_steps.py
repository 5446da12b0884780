"""What becomes of a message: done, put back, or the end of its run."""

from __future__ import annotations

import logging

import pytest

from exporters.steps import back_off, give_up, run_step
from shared.queues import ACTIVITIES, BATCHES, RUNS, Message
from tests.exporters.world import World


def test_a_step_that_waits_shows_why_on_the_run_and_until_when(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver_next()
    run = world.last_run(export)
    assert run.waiting
    assert run.waiting_until is not None
    assert run.waiting_until > world.clock.now()
    assert len(world.queue.waiting) == 1


@pytest.mark.parametrize("queue", [RUNS, ACTIVITIES])
def test_a_message_that_failed_as_often_as_the_host_tries_ends_its_run(world: World, queue: str) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    give_up(world.services, queue, Message(export_id=export.id, run_id=run.run_id).model_dump_json())
    ended = world.last_run(export)
    assert ended.status == "failed"
    assert "again and again" in (ended.error or "")


def test_a_batch_that_failed_as_often_as_the_host_tries_stops_the_run_which_ends_by_itself(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    give_up(world.services, BATCHES, Message(export_id=export.id, run_id=run.run_id, batch="0001").model_dump_json())
    world.deliver()
    ended = world.last_run(export)
    assert ended.status == "failed"
    assert (ended.counts.sent, ended.counts.not_sent) == (0, 1)


def test_a_message_that_is_none_of_ours_is_left_to_the_poison_queue_and_dropped_there(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="JSON"):
        run_step(world.services, RUNS, b"nonsense")
    with caplog.at_level(logging.ERROR):
        give_up(world.services, RUNS, b"nonsense")
    assert "not one of ours" in caplog.text


def test_a_service_that_is_away_is_asked_less_and_less_often() -> None:
    assert 2 <= back_off(0) < 4 <= back_off(1) < 6
    assert 300 <= back_off(50) <= 301


def test_key_vault_away_is_waited_for(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    world.clock.advance(60)
    # The SDK tries four times by itself before it gives up.
    world.vault_fault(status=503, times=4)
    world.deliver(until=lambda: "Key Vault" in (world.last_run(export).waiting or ""))
    world.deliver()
    assert world.last_run(export).status == "successful"


def test_a_run_goes_through_though_every_message_comes_twice(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "bo@example.com,Bo"])
    export = world.add_export("Loyal")
    world.start(export)
    for _ in range(200):
        if not world.queue.waiting:
            break
        following = world.deliver_next()
        run_step(world.services, following.queue, following.message.model_dump_json())
        unique = {(one.queue, one.message): one for one in world.queue.waiting}
        world.queue.waiting = list(unique.values())
    assert world.last_run(export).status == "successful"
    assert world.statistics()["source_file_names_taken_more_than_once"] == []
    assert world.members() == ["ana@example.com", "bo@example.com"]


@pytest.mark.parametrize("queue", [BATCHES, ACTIVITIES])
def test_a_message_of_a_later_step_that_comes_before_its_time_does_nothing(world: World, queue: str) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    batch = "0001" if queue == BATCHES else None
    early = Message(export_id=export.id, run_id=run.run_id, batch=batch, turn=3).model_dump_json()
    while world.last_run(export).status != "uploading":
        run_step(world.services, queue, early)
        world.deliver_next()
    world.deliver()
    ended = world.last_run(export)
    assert (ended.status, ended.counts.sent) == ("successful", 1)
    assert world.members() == ["ana@example.com"]


def test_a_look_that_fails_late_in_a_run_is_made_again_within_a_minute(world: World) -> None:
    """The turns of a message that follows count its looks, and not its failures."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: any(s.value.state == "uploaded" for s in world.services.runs.batches(run.run_id)))
    world.fault("unavailable", path="/v3/activities", times=1)
    late = Message(export_id=export.id, run_id=run.run_id, turn=30)
    run_step(world.services, ACTIVITIES, late.model_dump_json())
    until = world.last_run(export).waiting_until
    assert until is not None
    assert (until - world.clock.now()).total_seconds() <= 61
