"""Who is told of a failure and of a recovery, how often, and how it is signed, delivered and tried again."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from exporters import notifications
from exporters.runs import Run, Status
from exporters.services import Services
from shared.models import Export
from shared.queues import NOTIFICATIONS, Message
from tests.exporters.ended import ended_run
from tests.exporters.receiver import Receiver, running_receiver
from tests.exporters.world import World
from tests.promises.interruption import Killed, death, watching

KEY = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, no less").decode()
WRONG_KEY = "whsec_" + base64.b64encode(b"another key").decode()
A_DAY = 24 * 3600


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as one:
        yield one


@pytest.fixture
def services(world: World, receiver: Receiver) -> Services:
    """With a web address and a key."""
    world.secrets.set(notifications.SECRET_NAME, KEY)
    return posting_to(world, f"{receiver.url}/hook?token=1")


@pytest.fixture
def export(world: World) -> Export:
    return world.add_export("Loyal")


def posting_to(world: World, address: str | None) -> Services:
    settings = world.settings.model_copy(update={"notification_web_address": address})
    return dataclasses.replace(world.services, settings=settings)


def to_deliver(world: World) -> list[Message]:
    found = [one.message for one in world.queue.waiting if one.queue == NOTIFICATIONS]
    world.queue.waiting.clear()
    return found


def deliver(world: World, services: Services) -> None:
    """The next delivery, when its time has come."""
    (waiting,) = world.queue.waiting
    world.queue.waiting.clear()
    world.clock.advance((waiting.due - world.clock.now()).total_seconds())
    notifications.deliver(services, waiting.message.model_dump_json())


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The events of the log: what, of which run."""
    lines = [record for record in caplog.records if record.name == "exporters.events"]
    return [(str(vars(record)["event"]), str(vars(record)["run_id"])) for record in lines]


# What is told


def test_failures_and_the_recovery_are_told_and_nothing_else(
    world: World, services: Services, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    course: list[tuple[Status, str | None]] = [
        ("successful", None),
        ("failed", "export.failed"),
        ("canceled", None),
        ("timed_out", "export.failed"),
        ("up_to_date", "export.recovered"),
        ("completed_with_warnings", None),
        ("failed", "export.failed"),
        ("completed_with_warnings", "export.recovered"),
        ("successful", None),
        ("failed", "export.failed"),
        ("successful", "export.recovered"),
    ]
    expected = []
    for status, event in course:
        run = ended_run(world, export, status)
        notifications.ended(services, run)
        expected += [(event, run.run_id)] if event else []
    assert told(caplog) == expected
    assert [message.run_id for message in to_deliver(world)] == [run_id for _, run_id in expected]


def test_what_is_told_twice_is_said_once(
    world: World, services: Services, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    failed = ended_run(world, export, "failed")
    notifications.ended(services, failed)
    notifications.ended(services, failed)
    good = ended_run(world, export, "successful")
    for run in (good, good, failed):
        notifications.ended(services, run)
    assert told(caplog) == [("export.failed", failed.run_id), ("export.recovered", good.run_id)]
    assert [message.run_id for message in to_deliver(world)] == [failed.run_id, good.run_id]


def test_two_who_find_at_once_that_a_run_has_ended_say_the_same(
    world: World, services: Services, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    failed = ended_run(world, export, "failed")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: notifications.ended(services, failed), range(8)))
    assert set(told(caplog)) == {("export.failed", failed.run_id)}
    # Who receives them knows them by their id.
    assert {message.run_id for message in to_deliver(world)} == {failed.run_id}


@pytest.mark.parametrize("kill_at", range(1, 5))
def test_who_tells_may_die_at_any_request_and_it_is_told(
    world: World, services: Services, export: Export, caplog: pytest.LogCaptureFixture, kill_at: int
) -> None:
    failed = ended_run(world, export, "failed")
    with contextlib.suppress(Killed), watching(death(kill_at)):
        notifications.ended(services, failed)
    notifications.ended(services, failed)
    # Twice where it died between the word and the note that it was said.
    assert set(told(caplog)) == {("export.failed", failed.run_id)}
    assert {message.run_id for message in to_deliver(world)} == {failed.run_id}


def test_a_failure_is_told_though_whoever_told_it_died_as_soon_as_the_slot_said_so(
    world: World, services: Services, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    failed = ended_run(world, export, "failed")

    def dead(_: int) -> None:
        if world.services.runs.slot(export.id).value.told_of == failed.run_id:
            raise Killed

    with pytest.raises(Killed), watching(dead, after=True):
        notifications.ended(services, failed)
    notifications.ended(services, failed)
    assert set(told(caplog)) == {("export.failed", failed.run_id)}


def test_without_a_web_address_the_log_alone_is_told(
    world: World, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    run = ended_run(world, export, "failed")
    notifications.ended(world.services, run)
    assert told(caplog) == [("export.failed", run.run_id)]
    assert to_deliver(world) == []


def test_the_log_has_the_facts_as_fields_and_no_names(
    world: World, services: Services, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    run = ended_run(world, export, "timed_out")
    notifications.ended(services, run)
    (record,) = [one for one in caplog.records if one.name == "exporters.events"]
    assert record.levelname == "ERROR"
    fields = {name: vars(record)[name] for name in ("export_id", "status", "problem", "profiles_sent", "run_url")}
    assert fields == {
        "export_id": export.id,
        "status": "timed_out",
        "problem": "no_snapshot",
        "profiles_sent": 0,
        "run_url": f"{services.settings.site_address}/exports/{export.id}/runs/{run.run_id}",
    }
    assert "Ada" not in str(vars(record))
    assert export.name not in str(vars(record))


def test_a_run_that_fails_and_one_that_goes_through_tell_it_by_themselves(
    world: World, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    object.__setattr__(world, "services", services)
    export = world.add_export("Loyal")
    failed = run_to_end(world, export)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    good = run_to_end(world, export)
    assert told(caplog) == [("export.failed", failed.run_id), ("export.recovered", good.run_id)]
    assert [message.run_id for message in to_deliver(world)] == [failed.run_id, good.run_id]


def run_to_end(world: World, export: Export) -> Run:
    """Without the deliveries, which stay in the queue."""
    run = world.start(export)
    kept = [one for one in world.queue.waiting if one.queue == NOTIFICATIONS]
    world.queue.waiting = [one for one in world.queue.waiting if one.queue != NOTIFICATIONS]
    world.deliver(until=lambda: all(one.queue == NOTIFICATIONS for one in world.queue.waiting))
    world.queue.waiting += kept
    world.queue.waiting.sort()
    return world.services.runs.get(export.id, run.run_id)


# What is posted


def test_a_post_is_signed_and_tells_what_happened_without_a_person(
    world: World, services: Services, export: Export, receiver: Receiver
) -> None:
    run = ended_run(world, export, "failed")
    notifications.ended(services, run)
    deliver(world, services)
    (post,) = receiver.received
    # The clock of the tests is ahead of that of the library by what was waited for.
    assert abs(int(post.headers["webhook-timestamp"]) - world.clock.now().timestamp()) < 60
    assert Webhook(KEY).verify(post.body, post.headers) == json.loads(post.body)
    with pytest.raises(WebhookVerificationError):
        Webhook(WRONG_KEY).verify(post.body, post.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(post.body.replace(b"failed", b"better"), post.headers)
    content = json.loads(post.body)
    assert (content["type"], post.path) == ("export.failed", "/hook?token=1")
    assert post.headers["webhook-id"] == f"{run.run_id}-failed"
    data = content["data"]
    assert (data["export_id"], data["export_name"], data["run_id"]) == (export.id, "Newsletter", run.run_id)
    assert (data["status"], data["problem"], data["connection_name"]) == ("failed", "no_snapshot", "Shop")
    assert data["run_url"].endswith(f"/exports/{export.id}/runs/{run.run_id}")
    assert b"Ada" not in post.body


def test_the_signature_is_that_of_the_published_example() -> None:
    """The example of the specification's own libraries (Standard Webhooks, "Verifying webhook authenticity")."""
    key = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, tz=UTC)
    signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_code_of_the_docs_verifies_a_post(
    world: World, services: Services, export: Export, receiver: Receiver
) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text("utf-8")
    code = docs.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/notifications.md", "exec"), names)  # noqa: S102 - the code of our own docs
    notifications.ended(services, ended_run(world, export, "failed"))
    deliver(world, services)
    (post,) = receiver.received
    assert names["read_notification"](KEY, post.body, post.headers)["type"] == "export.failed"
    assert names["read_notification"](WRONG_KEY, post.body, post.headers) is None
    example = json.loads(docs.partition("base64)\n\n")[2].partition("```")[0])
    assert set(example["data"]) == set(json.loads(post.body)["data"])


# What becomes of a post


@pytest.mark.parametrize("status", [500, 503, 408, 429])
def test_a_receiver_that_cannot_for_now_gets_the_same_again(
    world: World, services: Services, export: Export, receiver: Receiver, status: int
) -> None:
    receiver.answers = [status, status]
    notifications.ended(services, ended_run(world, export, "failed"))
    for _ in range(3):
        deliver(world, services)
    assert world.queue.waiting == []
    first, second, third = receiver.received
    assert first.body == second.body == third.body
    assert len({post.headers["webhook-id"] for post in receiver.received}) == 1
    waited = [int(post.headers["webhook-timestamp"]) for post in receiver.received]
    assert waited[1] - waited[0] >= 5
    assert waited[2] - waited[1] >= 60


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410])
def test_a_receiver_that_does_not_want_it_gets_it_once(
    world: World,
    services: Services,
    export: Export,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    receiver.answers = [status]
    notifications.ended(services, ended_run(world, export, "failed"))
    deliver(world, services)
    assert world.queue.waiting == []
    assert len(receiver.received) == 1
    assert f"was given up: HTTP {status}" in caplog.text
    assert receiver.url not in caplog.text


def test_after_a_day_of_tries_it_is_given_up(
    world: World, services: Services, export: Export, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [503] * 100
    notifications.ended(services, ended_run(world, export, "failed"))
    began = world.clock.now()
    while world.queue.waiting:
        deliver(world, services)
    assert 0.9 * A_DAY < (world.clock.now() - began).total_seconds() <= A_DAY
    assert len(receiver.received) == 9
    assert "was given up: HTTP 503" in caplog.text


def test_a_receiver_that_does_not_answer_is_not_waited_for(
    world: World, services: Services, export: Export, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "_TIME_LIMITS_SECONDS", (0.5, 0.5))
    receiver.slow_seconds = 60
    notifications.ended(services, ended_run(world, export, "failed"))
    began = time.monotonic()
    deliver(world, services)
    assert time.monotonic() - began < 60
    assert len(to_deliver(world)) == 1


def test_nobody_at_the_address_is_tried_again(
    world: World, services: Services, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = posting_to(world, "http://127.0.0.1:9/secret-path")
    notifications.ended(nowhere, ended_run(world, export, "failed"))
    deliver(world, nowhere)
    assert len(to_deliver(world)) == 1
    assert "no answer (ConnectionError)" in caplog.text
    assert "secret-path" not in caplog.text


@pytest.mark.parametrize(("key", "why"), [(None, "there is no"), ("whsec_?", "not base64"), ("whsec_", "not base64")])
def test_without_a_key_nothing_is_posted_and_it_is_tried_again(
    world: World,
    services: Services,
    export: Export,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    key: str | None,
    why: str,
) -> None:
    if key is None:
        world.secrets.delete(notifications.SECRET_NAME)
    else:
        world.secrets.set(notifications.SECRET_NAME, key)
    notifications.ended(services, ended_run(world, export, "failed"))
    deliver(world, services)
    assert receiver.received == []
    assert why in caplog.text
    world.secrets.set(notifications.SECRET_NAME, KEY)
    deliver(world, services)
    assert len(receiver.received) == 1


def test_while_key_vault_is_away_it_is_tried_again(
    world: World, services: Services, export: Export, receiver: Receiver
) -> None:
    notifications.ended(services, ended_run(world, export, "failed"))
    world.vault_fault(times=10, status=503)
    deliver(world, services)
    world.clear_faults()
    assert receiver.received == []
    deliver(world, services)
    assert len(receiver.received) == 1


def test_an_address_that_was_taken_away_ends_it(
    world: World, services: Services, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    notifications.ended(services, ended_run(world, export, "failed"))
    deliver(world, world.services)
    assert world.queue.waiting == []
    assert "NOTIFICATION_WEB_ADDRESS is empty" in caplog.text


def test_what_the_host_gave_up_is_said(caplog: pytest.LogCaptureFixture) -> None:
    notifications.give_up(Message(export_id="e", run_id="r1").model_dump_json())
    notifications.give_up(b"nonsense")
    assert "run r1: its notification was given up" in caplog.text
    assert "export-notifications-poison is not one of ours" in caplog.text
