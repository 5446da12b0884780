"""Blob functions: Event Grid's webhook, the host's own queue, content and SDK clients, poison."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import cast

import pytest
import requests
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient

from local.azurite import Azurite
from local.host.blobs import BlobEvents, BlobMessage
from local.host.invocations import Invoker
from local.host.settings import Extensions
from local.host.storage import queue_service
from tests.local.host.running import APPS, RunningHost, contents, eventually, fresh_id, running_host


@pytest.fixture(scope="module")
def snapshots(azurite: Azurite) -> ContainerClient:
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    return service.create_container(fresh_id("snapshots"))


@pytest.fixture(scope="module")
def host(
    azurite: Azurite, snapshots: ContainerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    log = tmp_path_factory.mktemp("blobs") / "log"
    settings = {"CONTAINER": snapshots.container_name, "BLOBS": azurite.connection_string}
    with running_host(APPS / "blobs", log, azurite.connection_string, settings) as running:
        yield running


def call(
    host: RunningHost, function: str, events: object, kind: str = "Notification", key: str | None = None
) -> requests.Response:
    code = key or host.keys.blobs_extension
    path = f"/runtime/webhooks/blobs?functionName=Host.Functions.{function}&code={code}"
    return host.post(path, events, {"aeg-event-type": kind})


def created(container: ContainerClient, name: str) -> dict[str, object]:
    return {"data": {"url": container.get_blob_client(name).url, "eTag": "0x1", "blobType": "BlockBlob"}}


def test_a_subscription_is_validated_by_its_code(host: RunningHost) -> None:
    response = call(host, "with_content", [{"data": {"validationCode": "512d38b6"}}], "SubscriptionValidation")

    assert (response.status_code, response.json()) == (200, {"validationResponse": "512d38b6"})


def test_unsubscribing_is_accepted_and_other_kinds_of_event_are_not(host: RunningHost) -> None:
    assert call(host, "with_content", [], "Unsubscribe").status_code == 202
    assert call(host, "with_content", [], "SomethingElse").status_code == 400


def test_only_the_system_key_and_the_master_key_open_the_webhook(host: RunningHost) -> None:
    assert call(host, "with_content", [], "Unsubscribe", host.keys.default).status_code == 401
    assert call(host, "with_content", [], "Unsubscribe", "wrong").status_code == 401
    assert call(host, "with_content", [], "Unsubscribe", host.keys.master).status_code == 202


def test_an_event_brings_content_name_and_metadata_to_an_input_stream(
    host: RunningHost, snapshots: ContainerClient
) -> None:
    blob = snapshots.upload_blob("folder/with content.csv", b"a,b", metadata={"kind": "test"})

    assert call(host, "with_content", [created(snapshots, "folder/with content.csv")]).status_code == 202
    line = host.wait_for("content=b'a,b' .*")[0]
    assert f"name={snapshots.container_name}/folder/with content.csv length=3 uri={blob.url}" in line
    assert "metadata={'kind': 'test'}" in line


def test_an_event_brings_a_blob_client_to_an_sdk_parameter(host: RunningHost, snapshots: ContainerClient) -> None:
    snapshots.upload_blob("deep/client.csv", b"c,d")

    assert call(host, "with_client", [created(snapshots, "deep/client.csv")]).status_code == 202
    assert host.wait_for(f"client={snapshots.container_name}/deep/client.csv content=b'c,d'")


def test_one_post_may_bring_many_events_or_one_cloud_event(host: RunningHost, snapshots: ContainerClient) -> None:
    for name in ("many-1", "many-2", "many-3"):
        snapshots.upload_blob(name, b"")

    assert call(host, "with_client", [created(snapshots, "many-1"), created(snapshots, "many-2")]).status_code == 202
    assert call(host, "with_client", created(snapshots, "many-3")).status_code == 202
    for name in ("many-1", "many-2", "many-3"):
        host.wait_for(f"client={snapshots.container_name}/{name} ")


def test_an_event_that_is_not_in_event_grid_s_form_is_refused(host: RunningHost) -> None:
    assert call(host, "with_content", [{"data": {"url": "http://127.0.0.1/a/b/c"}}]).status_code == 400


def test_a_blob_that_no_longer_exists_is_skipped(host: RunningHost, snapshots: ContainerClient) -> None:
    assert call(host, "with_client", [created(snapshots, "gone.csv")]).status_code == 202

    assert host.wait_for("function=with_client skipped: blob .*/gone.csv no longer exists")


def test_an_event_for_an_unknown_function_is_taken_and_dropped(host: RunningHost, snapshots: ContainerClient) -> None:
    snapshots.upload_blob("dropped.csv", b"")

    assert call(host, "nobody", [created(snapshots, "dropped.csv")]).status_code == 202
    assert host.wait_for("function=Host.Functions.nobody unknown: .*dropped.csv")


def test_a_blob_whose_function_keeps_failing_ends_in_the_poison_queue_of_its_account(
    host: RunningHost, snapshots: ContainerClient
) -> None:
    snapshots.upload_blob("bad.csv", b"")
    poison = QueueClient.from_connection_string(host.connection_string, "webjobs-blobtrigger-poison")

    def of_this_test() -> list[dict[str, str]]:
        messages = [json.loads(b64decode(content)) for content in contents(poison)]
        return [message for message in messages if message["ContainerName"] == snapshots.container_name]

    call(host, "fails", [created(snapshots, "bad.csv")])

    assert eventually(of_this_test, "a poison message") == [
        {
            "Type": "BlobTrigger",
            "FunctionId": "Host.Functions.fails",
            "BlobType": "BlockBlob",
            "ContainerName": snapshots.container_name,
            "BlobName": "bad.csv",
            "ETag": '"0x1"',
        }
    ]
    assert len(host.lines("fails name=")) == 5


def test_an_event_wakes_the_listener_of_the_host_that_took_it(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.host.queues._SHORTEST_WAIT", 60.0)
    monkeypatch.setenv("AzureWebJobsStorage", azurite.connection_string)
    monkeypatch.setattr("local.host.blobs.queue_service", queue_service.__wrapped__)
    host_id = fresh_id()
    events = BlobEvents([], host_id, Extensions(), lease=30, invoker=cast("Invoker", None))
    queue = QueueClient.from_connection_string(azurite.connection_string, f"azure-webjobs-blobtrigger-{host_id}")
    message = BlobMessage(
        function_id="Host.Functions.nobody", blob_type="BlockBlob", container_name="c", blob_name="b", e_tag=""
    )

    events.start()
    try:
        for _ in range(5):
            events.enqueue(message)
            eventually(lambda: queue.get_queue_properties().approximate_message_count == 0, "the event is handled")
    finally:
        events.stop()


def test_a_blob_function_can_be_run_by_an_operator(host: RunningHost, snapshots: ContainerClient) -> None:
    snapshots.upload_blob("by hand.csv", b"e,f")
    master = {"x-functions-key": host.keys.master}

    response = host.post("/admin/functions/with_client", {"input": f"{snapshots.container_name}/by hand.csv"}, master)

    assert response.status_code == 202
    assert host.wait_for("client=.*/by hand.csv content=b'e,f'")
