"""What is put into a real queue: ids, as the host's triggers read them, hidden for as long as was asked, never lost."""

from __future__ import annotations

import base64
import uuid

import pytest
from azure.storage.queue import QueueClient, QueueServiceClient
from pydantic import ValidationError

from local.azurite import Azurite
from shared.queues import Message, Queues
from shared.settings import StorageAccount
from shared.storage import Storage


@pytest.fixture
def name() -> str:
    return f"queue-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def queues(azurite: Azurite) -> Queues:
    return Queues(Storage(StorageAccount(connection_string=azurite.connection_string)))


@pytest.fixture
def service(azurite: Azurite, name: str) -> QueueClient:
    """The queue as it is stored, nothing decoded."""
    return QueueServiceClient.from_connection_string(azurite.connection_string).get_queue_client(name)


def test_a_message_is_base64_of_its_ids_and_nothing_else(queues: Queues, service: QueueClient, name: str) -> None:
    queues.send(name, Message(export_id="export", run_id="run", batch="0001"))
    found = service.receive_message()
    assert found is not None
    assert base64.b64decode(found.content) == b'{"export_id":"export","run_id":"run","batch":"0001"}'


def test_a_message_never_expires(queues: Queues, service: QueueClient, name: str) -> None:
    queues.send(name, Message(export_id="export", run_id="run"))
    found = service.receive_message()
    assert found is not None
    assert found.expires_on is not None
    assert found.expires_on.year == 9999


@pytest.mark.parametrize(
    ("asked_for", "hidden"),
    [(-5, 0), (0, 0), (0.1, 1), (1, 1), (1.5, 2), (86_400, 86_400), (86_401, 86_400), (1e9, 86_400)],
)
def test_a_message_is_hidden_for_whole_seconds_and_a_day_at_the_most(
    queues: Queues, name: str, monkeypatch: pytest.MonkeyPatch, asked_for: float, hidden: int
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(
        QueueClient, "send_message", lambda *_, visibility_timeout, **__: seen.append(visibility_timeout)
    )
    queues.send(name, Message(export_id="export", run_id="run"), after_seconds=asked_for)
    assert seen == [hidden]


def test_a_message_without_a_delay_is_seen_at_once(queues: Queues, service: QueueClient, name: str) -> None:
    queues.send(name, Message(export_id="export", run_id="run"))
    assert service.receive_message() is not None


def test_a_hidden_message_is_not_seen(queues: Queues, service: QueueClient, name: str) -> None:
    queues.send(name, Message(export_id="export", run_id="run"), after_seconds=60)
    assert service.receive_message() is None


def test_a_message_begins_with_its_first_turn() -> None:
    assert Message(export_id="export", run_id="run").turn == 0


def test_a_message_that_carries_more_is_refused() -> None:
    with pytest.raises(ValidationError):
        Message.model_validate({"export_id": "export", "run_id": "run", "email": "ana@example.com"})


def test_what_a_foreign_message_holds_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ValidationError) as error:
        Message.model_validate_json('{"export_id": "e", "run_id": "r", "email": "ana@example.com"}')
    assert "ana@example.com" not in str(error.value)
