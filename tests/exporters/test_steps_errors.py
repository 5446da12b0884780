"""What each error of a step asks for: how long its message waits, or that its run ends."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from exporters import steps
from exporters.constant_contact.errors import (
    NoAnswer,
    QueueFull,
    ServerError,
    Throttled,
    Unreachable,
)
from exporters.runs import Batch, Run
from exporters.steps import back_off, give_up, run_step
from shared import telemetry
from shared.errors import Conflict, ExportError, Wait
from shared.queues import ACTIVITIES, BATCHES, RUNS, Message
from tests.exporters.world import World


def storage(status: int | None) -> HttpResponseError:
    error = HttpResponseError(message="storage says no")
    error.status_code = status
    return error


def step_that_raises(world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, turn: int = 0) -> Run:
    def raises(*_: object) -> None:
        raise error

    run = world.start(world.add_export("Loyal"))
    world.queue.waiting.clear()
    monkeypatch.setitem(steps.STEPS, RUNS, raises)
    message = Message(export_id=run.export_id, run_id=run.run_id, turn=turn)
    run_step(world.services, RUNS, message.model_dump_json())
    return world.services.runs.get(run.export_id, run.run_id)


def waits(world: World) -> float:
    (waiting,) = world.queue.waiting
    return (waiting.due - world.clock.now()).total_seconds()


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (Wait(7, "for something"), 7, 7),
        (Conflict("somebody else was quicker"), 1, 1),
        (Throttled(5), 5, 6),
        (QueueFull("full"), 60, 60),
        (Unreachable("away"), 2, 3),
        (NoAnswer("cut"), 2, 3),
        (ServerError(503), 2, 3),
        (ServerError(503, 120), 120, 120),
        (ServerError(503, 1), 2, 3),
        (storage(500), 2, 3),
        (storage(503), 2, 3),
        (storage(408), 2, 3),
        (storage(429), 2, 3),
        (ServiceRequestError("no connection"), 2, 3),
        (ServiceResponseError("no answer"), 2, 3),
    ],
    ids=repr,
)
def test_a_step_that_has_to_wait_comes_back_after(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, least: float, most: float
) -> None:
    run = step_that_raises(world, monkeypatch, error)
    assert least - 1 <= waits(world) <= most
    assert not run.ended
    assert run.waiting
    assert run.waiting_until is not None
    assert least - 1 <= (run.waiting_until - world.clock.now()).total_seconds() <= most


@pytest.mark.parametrize("error", [Unreachable("away"), NoAnswer("cut"), storage(503)])
def test_a_service_that_stays_away_is_asked_less_often_each_turn(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    step_that_raises(world, monkeypatch, error, turn=4)
    (waiting,) = world.queue.waiting
    assert waiting.message.turn == 5
    assert 31 <= waits(world) <= 33


@pytest.mark.parametrize("error", [Wait(7, "w"), Throttled(5), QueueFull("full")])
def test_a_wait_that_is_no_outage_counts_no_turn(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    step_that_raises(world, monkeypatch, error, turn=4)
    assert [one.message.turn for one in world.queue.waiting] == [4]


@pytest.mark.parametrize(
    "error", [storage(400), storage(404), storage(499), storage(None), AzureError("odd"), ValueError()]
)
def test_an_error_that_nobody_foresaw_is_left_to_the_host(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with pytest.raises(type(error)):
        step_that_raises(world, monkeypatch, error)
    assert world.queue.waiting == []


@pytest.mark.parametrize("error", [ValueError("of Ana"), storage(404), AzureError("odd, of Ana")], ids=repr)
def test_the_log_says_under_the_id_of_the_run_where_an_error_came_from_that_nobody_foresaw(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    telemetry.put_fields_on_log_records()
    with pytest.raises(type(error)):
        step_that_raises(world, monkeypatch, error)
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    run_id, said = vars(record)["run_id"], record.getMessage()
    assert run_id == world.last_run(world.services.exports.all()[0]).run_id
    assert run_id in said
    assert f": {type(error).__name__}\n" in said
    assert f'{Path(__file__).name}", line ' in said
    assert "in raises" in said


def test_the_log_does_not_repeat_what_an_error_says_that_nobody_foresaw(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="Ana"):
        step_that_raises(world, monkeypatch, ValueError("Ana is not a number"))
    assert "ValueError" in caplog.text
    assert "Ana" not in caplog.text


def test_an_error_that_a_person_has_to_know_ends_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = step_that_raises(world, monkeypatch, ExportError("the reason"))
    assert (run.status, run.error) == ("failed", "the reason")
    assert world.queue.waiting == []
    assert world.services.runs.slot(run.export_id).value.run_id is None


@pytest.mark.parametrize(("turn", "seconds"), [(0, 2), (1, 4), (2, 8), (6, 128), (7, 256), (8, 300), (50, 300)])
def test_the_wait_doubles_up_to_five_minutes(turn: int, seconds: float) -> None:
    waited = {back_off(turn) for _ in range(20)}
    assert all(seconds <= one < seconds + 1 for one in waited)
    assert len(waited) > 10


def uploading(world: World, *batches: Batch) -> Run:
    run = world.start(world.add_export("Loyal"))
    world.queue.waiting.clear()
    for batch in batches:
        world.services.runs.add_batch(batch.model_copy(update={"run_id": run.run_id}))
    return world.services.runs.change(
        run, lambda r: r.model_copy(update={"status": "uploading", "batches": len(batches), "waiting": "for a slot"})
    )


def given_up(world: World, run: Run, queue: str) -> Run:
    give_up(world.services, queue, Message(export_id=run.export_id, run_id=run.run_id, batch="0001").model_dump_json())
    return world.services.runs.get(run.export_id, run.run_id)


def test_a_prepared_run_goes_on_whatever_its_first_step_stumbled_over(world: World) -> None:
    run = given_up(world, uploading(world, Batch(run_id="", number=1, contacts=1)), RUNS)
    assert (run.status, run.stop, run.error) == ("uploading", None, None)


def test_a_batch_that_is_given_up_stops_the_run_with_the_first_reason(world: World) -> None:
    run = given_up(world, uploading(world, Batch(run_id="", number=1, contacts=1)), BATCHES)
    assert (run.status, run.waiting) == ("uploading", None)
    assert "again and again" in (run.stop or "")
    stopped = world.services.runs.change(run, lambda r: r.model_copy(update={"stop": "the first reason"}))
    assert given_up(world, stopped, BATCHES).stop == "the first reason"


def test_following_that_is_given_up_ends_the_run(world: World) -> None:
    run = given_up(world, uploading(world, Batch(run_id="", number=1, contacts=1)), ACTIVITIES)
    assert run.status == "failed"
    assert world.services.runs.slot(run.export_id).value.run_id is None


def test_following_that_is_given_up_waits_for_a_batch_that_may_be_on_its_way(world: World) -> None:
    world.clock.advance(1)
    until = world.clock.now() + timedelta(days=365)
    run = given_up(
        world,
        uploading(world, Batch(run_id="", number=1, contacts=1, state="sending", unclear_until=until)),
        ACTIVITIES,
    )
    assert run.status == "uploading"
    assert run.stop
    assert [one.queue for one in world.queue.waiting] == [ACTIVITIES]
    assert 9 <= waits(world) <= 10


def test_a_message_of_a_run_that_is_not_there_is_given_up_without_a_word(world: World) -> None:
    give_up(world.services, RUNS, Message(export_id="export", run_id="20261122T120000123-4f2a9c").model_dump_json())
    assert world.queue.waiting == []


def test_a_run_that_fails_before_it_has_batches_leaves_no_batch_files(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    files = world.files(run)
    files.write_batch(1, b"content", b"places")
    given_up(world, run, RUNS)
    assert list(world.services.files.list_blob_names()) == []


def test_the_log_names_a_failed_run_by_its_id_and_not_by_what_people_called_its_connection(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """People may call a connection anything, an e-mail address too."""
    called = {"display_name": "A name of theirs"}
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update=called))
    world.give_tokens(world.connection, expired=True)
    world.fault("invalid-grant", times=1)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    with caplog.at_level("INFO"):
        run = world.run_to_end(world.add_export("Loyal"))
    assert run.problem == "sign_in_again"
    assert run.run_id in caplog.text
    assert "A name of theirs" not in caplog.text
