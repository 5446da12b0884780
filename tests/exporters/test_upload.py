"""Each batch goes to Constant Contact once, whatever the service answers or fails to answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporters import ending, upload
from exporters.constant_contact.client import Account, Activity
from exporters.runs import Batch, Run
from exporters.services import Services
from exporters.steps import give_up, run_step
from shared.errors import Wait
from shared.queues import ACTIVITIES, BATCHES, Message
from shared.secrets import KeyVaultRefused, Secrets
from shared.tables import Stored
from tests.exporters.world import World

PEOPLE = [f"person{number}@example.com" for number in range(20)]


def export_under(world: World, *faults: str, times: int = 1, **more: object) -> Run:
    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    for fault in faults:
        world.fault(fault, times=times, **more)
    return world.run_to_end(world.add_export("Loyal"))


def assert_delivered_once(world: World, run: Run) -> None:
    assert run.status == "successful", run.error
    assert world.members() == PEOPLE
    statistics = world.statistics()
    assert statistics["source_file_names_taken_more_than_once"] == []
    assert statistics["contacts_imported_more_than_once"] == 0


@pytest.mark.parametrize(
    "fault",
    [
        "throttled",
        "quota-exceeded",
        "queue-full",
        "unauthorized",
        "server-error",
        "unavailable",
        "cut-before",
        "cut-after",
        "answer-lost",
        "token-unavailable",
    ],
)
@pytest.mark.parametrize("times", [1, 3])
def test_the_run_ends_exact_and_nothing_is_sent_twice_under(world: World, fault: str, times: int) -> None:
    if (fault, times) == ("quota-exceeded", 3):
        pytest.skip("three used-up days are longer than a run may take")
    if fault == "token-unavailable":
        world.give_tokens(world.connection, expired=True)
    assert_delivered_once(world, export_under(world, fault, times=times))


def test_an_answer_that_comes_after_the_time_out_is_found_by_the_files_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.settings.__class__, "__setattr__", object.__setattr__)
    object.__setattr__(world.settings, "request_timeout_seconds", 0.5)
    assert_delivered_once(world, export_under(world, "slow", delay_seconds=1.5))


def test_a_quota_that_is_used_up_is_asked_for_again_only_after_minutes(world: World) -> None:
    """Not before midnight alone: what was used up may have been the day before, by Constant Contact's clock."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.fault("quota-exceeded", times=1)
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver(until=lambda: "00:00 UTC" in (world.last_run(export).waiting or ""))
    asked, at = world.last_run(export).requests, world.clock.now()
    world.deliver(until=lambda: world.last_run(export).requests > asked)
    assert world.clock.now() - at >= timedelta(minutes=4)
    world.deliver()
    assert world.last_run(export).status == "successful"


@pytest.mark.parametrize(
    ("fault", "said"), [("forbidden", "HTTP 403"), ("invalid-grant", "signed in to Constant Contact again")]
)
def test_a_refusal_that_concerns_the_whole_run_ends_it_with_the_reason(world: World, fault: str, said: str) -> None:
    if fault == "invalid-grant":
        world.give_tokens(world.connection, expired=True)
    run = export_under(world, fault, times=5)
    assert run.status == "failed"
    assert said in (run.error or "")
    assert run.counts.adds_up
    assert world.members() == []


def test_a_run_whose_upload_key_vault_refuses_has_nothing_to_wait_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> str:
        raise KeyVaultRefused("no")

    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    world.clock.advance(timedelta(minutes=10).total_seconds())  # No token is kept in memory for that long.
    monkeypatch.setattr(Secrets, "get", refuses)
    at = world.clock.now()
    world.deliver()
    run = world.last_run(export)
    assert (run.status, run.problem, run.counts.not_sent) == ("failed", "key_vault", len(PEOPLE))
    assert run.ended_at is not None
    assert run.ended_at - at < timedelta(minutes=1)


def test_a_token_that_is_refused_even_when_fresh_asks_for_a_person(world: World) -> None:
    run = export_under(world, "unauthorized", times=4)
    assert run.status == "failed"
    assert "sign in again" in (run.error or "")


def test_a_message_that_comes_again_sends_nothing(world: World) -> None:
    run = export_under(world)
    world.queue.send(BATCHES, Message(export_id=run.export_id, run_id=run.run_id, batch="0001"))
    world.deliver()
    assert_delivered_once(world, run)


def test_a_message_that_comes_twice_at_once_sends_once(world: World) -> None:
    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    again = Message(export_id=export.id, run_id=run.run_id, batch="0001")
    send = world.services.runs.write_batch
    sent_inside: list[bool] = []

    def deliver_again_inside(*given: object) -> object:
        written = send(*given)  # type: ignore[arg-type]
        if not sent_inside:
            sent_inside.append(True)
            with pytest.raises(Wait, match="by another worker"):
                upload.upload(world.services, again)
        return written

    world.services.runs.write_batch = deliver_again_inside  # type: ignore[method-assign, assignment]
    world.deliver()
    assert sent_inside
    assert_delivered_once(world, world.last_run(export))


def test_a_worker_that_was_held_up_past_its_claim_does_not_send(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = upload._claim
    held_up: list[bool] = []

    def slowly(*given: object) -> object:
        claimed = claim(*given)  # type: ignore[arg-type]
        if not held_up:
            held_up.append(True)
            world.clock.advance(3600)
        return claimed

    monkeypatch.setattr(upload, "_claim", slowly)
    world.give_tokens(world.connection)
    run = export_under(world)
    assert held_up
    assert_delivered_once(world, run)


def test_a_batch_of_a_run_that_has_ended_is_not_sent(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    world.services.runs.end(run, lambda r: r.model_copy(update={"status": "canceled"}))
    world.deliver()
    assert world.members() == []


def test_a_run_that_is_stopped_just_before_a_batch_is_claimed_does_not_send_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = upload._claim

    def stopped_meanwhile(services: Services, stored: Stored[Batch]) -> Stored[Batch]:
        run = world.last_run(export)
        services.runs.change(run, lambda r: r.model_copy(update={"stop": "somebody stopped it"}))
        return claim(services, stored)

    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    monkeypatch.setattr(upload, "_claim", stopped_meanwhile)
    run = world.run_to_end(export)
    assert (run.status, run.error, run.counts.not_sent) == ("failed", "somebody stopped it", 1)
    assert world.members() == []


def test_a_run_does_not_end_while_a_batch_may_be_on_its_way(world: World) -> None:
    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    world.fault("cut-after", times=1)
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: "did not answer" in (world.last_run(export).waiting or ""))
    give_up(world.services, ACTIVITIES, Message(export_id=export.id, run_id=run.run_id).model_dump_json())
    assert not world.last_run(export).ended
    world.deliver()
    ended = world.last_run(export)
    assert ended.status == "failed"
    assert ended.counts.sent == len(world.members()) == len(PEOPLE)


def test_an_upload_whose_fate_stays_unclear_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MOST_UNCLEAR_SENDS", 2)
    run = export_under(world, "cut-before", times=5)
    assert run.status == "failed"
    assert "is not clear" in (run.error or "")
    assert world.members() == []
    assert run.counts.adds_up


def test_an_unclear_answer_ends_the_claim_and_is_counted(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.fault("cut-before", times=1)
    run = world.start(world.add_export("Loyal"))
    world.deliver(until=lambda: "did not answer" in (world.services.runs.get(run.export_id, run.run_id).waiting or ""))
    (stored,) = world.services.runs.batches(run.run_id)
    batch = stored.value
    assert (batch.state, batch.claimed_until, batch.unclear_sends) == ("sending", None, 1)
    assert batch.unclear_until is not None
    assert 0 < (batch.unclear_until - world.clock.now()).total_seconds() <= world.settings.unclear_upload_seconds


@pytest.mark.parametrize("lagging_looks", [1, 2])
def test_an_activity_that_is_listed_late_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, lagging_looks: int
) -> None:
    find = Account.find_import
    looks: list[str] = []

    def lagging(self: Account, file_name: str) -> Activity | None:
        looks.append(file_name)
        return find(self, file_name) if len(looks) > lagging_looks else None

    monkeypatch.setattr(Account, "find_import", lagging)
    assert_delivered_once(world, export_under(world, "cut-after"))
    assert len(looks) > lagging_looks


def test_the_activity_of_a_worker_that_died_is_waited_for_though_it_is_listed_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    send, find = Account.import_file, Account.find_import
    looks: list[str] = []

    def dies_after_sending(self: Account, *given: object, **options: object) -> Activity:
        monkeypatch.setattr(Account, "import_file", send)
        send(self, *given, **options)  # type: ignore[arg-type]
        raise Killed

    def lagging(self: Account, file_name: str) -> Activity | None:
        looks.append(file_name)
        return find(self, file_name) if len(looks) > 1 else None

    monkeypatch.setattr(Account, "import_file", dies_after_sending)
    monkeypatch.setattr(Account, "find_import", lagging)
    world.write_snapshot("Loyal", [f"{address},Name" for address in PEOPLE])
    export = world.add_export("Loyal")
    run = world.start(export)
    with pytest.raises(Killed):
        world.deliver()
    world.queue.send(BATCHES, Message(export_id=export.id, run_id=run.run_id, batch="0001"), after_seconds=30)
    world.deliver()
    assert len(looks) > 1
    assert_delivered_once(world, world.last_run(export))


def test_an_upload_that_stops_its_worker_each_time_ends_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Account, "import_file", stops)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    for _ in range(2000):
        if not world.queue.waiting:
            break
        following = min(world.queue.waiting)
        try:
            world.deliver_next()
        except MemoryError:
            # The host delivers the message again.
            world.queue.send(following.queue, following.message, after_seconds=10)
    ended = world.last_run(export)
    assert ended.status == "failed"
    assert "stopped each of 10 times" in (ended.error or "")
    assert ended.requests < 200


def test_a_batch_that_is_claimed_as_the_time_limit_comes_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker claims the batch right after another one has looked whether anything is on its way."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    (batch,) = (one for one in world.queue.waiting if one.queue == BATCHES)
    (following,) = (one for one in world.queue.waiting if one.queue == ACTIVITIES)
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 60)
    look = ending.is_sending

    def look_and_be_overtaken(services: Services, run: Run) -> bool:
        found = look(services, run)
        monkeypatch.setattr(ending, "is_sending", look)
        run_step(world.services, BATCHES, batch.message.model_dump_json())
        return found

    monkeypatch.setattr(ending, "is_sending", look_and_be_overtaken)
    run_step(world.services, ACTIVITIES, following.message.model_dump_json())
    world.deliver()
    ended = world.services.runs.get(export.id, run.run_id)
    assert ended.status == "timed_out"
    assert ended.counts.sent == len(world.members())
