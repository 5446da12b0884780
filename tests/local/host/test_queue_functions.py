"""Queue functions: at least once, retried, poisoned, renewed, several at a time."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from local.azurite import Azurite
from tests.local.host.running import APPS, RunningHost, contents, eventually, fresh_id, running_host

QUEUES = ("OK", "FAILS", "SLOW", "BUSY")


class Queues:
    """The queues of one host, by the names of their settings."""

    def __init__(self, connection_string: str) -> None:
        self.connection_string = connection_string
        self.settings = {name: fresh_id(name.lower()) for name in QUEUES}
        for name in self.settings.values():
            self.named(name).create_queue()
        self.settings["QUEUES"] = connection_string

    def named(self, name: str) -> QueueClient:
        return QueueClient.from_connection_string(self.connection_string, name)

    def of(self, setting: str) -> QueueClient:
        return self.named(self.settings[setting])

    def poison_of(self, setting: str) -> QueueClient:
        return self.named(f"{self.settings[setting]}-poison")

    def send(self, setting: str, body: str, hidden: int = 0) -> None:
        self.of(setting).send_message(encoded(body), visibility_timeout=hidden)


def encoded(body: str) -> str:
    return b64encode(body.encode()).decode()


@pytest.fixture(scope="module")
def queues(azurite: Azurite) -> Queues:
    return Queues(azurite.connection_string)


@pytest.fixture(scope="module")
def host(azurite: Azurite, queues: Queues, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    log = tmp_path_factory.mktemp("queues") / "log"
    options = ("--queue-lease", "6")
    with running_host(APPS / "queues", log, azurite.connection_string, queues.settings, options) as running:
        yield running


@pytest.fixture
def other(azurite: Azurite, tmp_path: Path) -> Iterator[tuple[RunningHost, Queues]]:
    """A host of the same app with plain text messages and a second between tries."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "function_app.py").write_text((APPS / "queues" / "function_app.py").read_text())
    options = {"messageEncoding": "none", "visibilityTimeout": "00:00:01", "maxPollingInterval": "00:00:00.2"}
    (app / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"queues": options}}))
    queues = Queues(azurite.connection_string)
    with running_host(app, tmp_path / "log", azurite.connection_string, queues.settings) as running:
        yield running, queues


def empty(queue: QueueClient) -> bool:
    return queue.get_queue_properties().approximate_message_count == 0


def test_a_message_runs_its_function_once_and_is_deleted(host: RunningHost, queues: Queues) -> None:
    queues.send("OK", "once")
    host.wait_for(r"succeeds body=b'once' id=\S+ dequeued=1 inserted=20\d\d-")
    eventually(lambda: empty(queues.of("OK")), "the queue is empty")

    assert len(host.lines("succeeds body=b'once'")) == 1


def test_properties_of_a_json_body_override_the_message_s_own_without_case(host: RunningHost, queues: Queues) -> None:
    queues.send("OK", '{"iD": 42, "list": [1]}')

    assert host.wait_for(r"succeeds body=b'\{\"iD.* id=42 dequeued=1")


def test_a_failing_message_is_tried_five_times_and_then_copied_to_the_poison_queue(
    host: RunningHost, queues: Queues
) -> None:
    queues.send("FAILS", "bad")
    eventually(lambda: empty(queues.of("FAILS")), "the queue is empty")

    assert [line[-1] for line in host.lines("fails body=bad ")] == ["1", "2", "3", "4", "5"]
    host.wait_for("poison body=bad")


def test_a_failing_message_of_a_poison_queue_stays_hidden_instead_of_spinning(
    host: RunningHost, queues: Queues
) -> None:
    queues.send("FAILS", "twice bad")
    host.wait_for("poison body=twice bad")
    host.wait_for("function=fails_too .*outcome=failed")

    assert encoded("twice bad") not in contents(queues.poison_of("FAILS"))
    assert len(host.lines("poison body=twice bad")) == 1


def test_a_message_taken_too_often_already_goes_to_the_poison_queue_without_running(
    azurite: Azurite, tmp_path: Path
) -> None:
    queues = Queues(azurite.connection_string)
    queues.send("SLOW", "worn out")
    for _ in range(5):
        message = next(iter(queues.of("SLOW").receive_messages(visibility_timeout=60)))
        queues.of("SLOW").update_message(message, visibility_timeout=0)

    with running_host(APPS / "queues", tmp_path / "log", azurite.connection_string, queues.settings) as host:
        eventually(lambda: contents(queues.poison_of("SLOW")) == [encoded("worn out")], "the poison message")
        assert "slow starts" not in host.text


def test_what_is_not_base64_fails_without_running_and_ends_unchanged_in_the_poison_queue(
    host: RunningHost, queues: Queues
) -> None:
    queues.of("OK").send_message("{abcdefgh}")

    eventually(lambda: contents(queues.poison_of("OK")) == ["{abcdefgh}"], "the poison message")
    assert "{abcdefgh}" not in host.text


def test_a_message_that_runs_longer_than_its_lease_is_renewed_and_runs_once(host: RunningHost, queues: Queues) -> None:
    queues.send("SLOW", "7")
    eventually(lambda: empty(queues.of("SLOW")), "the queue is empty")

    assert len(host.lines("slow starts body=7")) == 1


def test_no_more_run_at_once_than_a_batch_and_the_threshold(host: RunningHost, queues: Queues) -> None:
    for _ in range(4):
        queues.send("BUSY", "short")
        queues.send("BUSY", "long")
    eventually(lambda: len(host.lines("function=busy .*succeeded")) == 8, "eight runs")

    assert max(int(line[-1]) for line in host.lines("busy running=")) == 3


def test_messages_that_cannot_run_yet_are_left_for_other_instances(azurite: Azurite, tmp_path: Path) -> None:
    queues = Queues(azurite.connection_string)
    for _ in range(7):
        queues.send("SLOW", "600")
    with running_host(APPS / "queues", tmp_path / "log", azurite.connection_string, queues.settings) as host:
        eventually(lambda: len(host.lines("slow starts")) == 2, "as many as are fetched at once")

        assert len(contents(queues.of("SLOW"))) == 5


def test_plain_text_messages_run_when_host_json_says_so(other: tuple[RunningHost, Queues]) -> None:
    host, queues = other
    queues.of("OK").send_message("plain")

    assert host.wait_for("succeeds body=b'plain'")


def test_a_failed_message_waits_for_the_visibility_timeout(other: tuple[RunningHost, Queues]) -> None:
    host, queues = other
    queues.of("FAILS").send_message("bad")
    host.wait_for("fails body=bad dequeued=2")

    first, second = (float(re.findall(r":(\d\d\.\d{3})Z", line)[0]) for line in host.lines("fails body=bad")[:2])
    assert 1 <= (second - first) % 60 < 50


def test_the_message_of_a_killed_instance_runs_again_on_another_after_its_lease(
    azurite: Azurite, tmp_path: Path
) -> None:
    queues = Queues(azurite.connection_string)
    options = ("--queue-lease", "2")
    with running_host(APPS / "queues", tmp_path / "a", azurite.connection_string, queues.settings, options) as killed:
        queues.send("SLOW", "600")
        killed.wait_for("slow starts body=600 dequeued=1")
        killed.process.kill()
        with running_host(
            APPS / "queues", tmp_path / "b", azurite.connection_string, queues.settings, options
        ) as survivor:
            survivor.wait_for("slow starts body=600 dequeued=2")
            eventually(lambda: empty(queues.of("SLOW")), "the queue is empty")


def test_a_host_that_stops_finishes_what_runs_and_fetches_nothing_more(azurite: Azurite, tmp_path: Path) -> None:
    queues = Queues(azurite.connection_string)
    with running_host(APPS / "queues", tmp_path / "log", azurite.connection_string, queues.settings) as host:
        queues.send("SLOW", "1")
        host.wait_for("slow starts")
        host.process.terminate()
        host.wait_for("stopping")
        queues.send("OK", "too late")

        assert host.process.wait(60) == 0
        assert "slow ends" in host.text
        assert "too late" not in host.text
        assert empty(queues.of("SLOW"))
