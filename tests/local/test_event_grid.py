"""Event Grid as an endpoint meets it: the handshake, the events, and the retries."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from local.event_grid import LARGEST_BATCH, EventGrid
from local.processes import free_ports


class Endpoint(ThreadingHTTPServer):
    """A webhook that keeps what it is sent; it answers with `statuses` first, then with 202."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.statuses: list[int] = []
        self.events: list[dict[str, Any]] = []
        self.validations = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/runtime/webhooks/blobs?functionName=Host.Functions.f&code=k"


class Hook(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["aeg-event-type"] == "SubscriptionValidation":
            self.server.validations += 1
            self.answer(200, {"validationResponse": events[0]["data"]["validationCode"]})
        elif self.server.statuses:
            self.answer(self.server.statuses.pop(0), {})
        else:
            self.server.events += events
            self.answer(202, {})

    def answer(self, status: int, body: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        yield endpoint
        endpoint.shutdown()


def eventually(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_blob_written_after_the_start_is_told_after_a_handshake(
    container: ContainerClient, endpoint: Endpoint
) -> None:
    container.upload_blob("before.csv", b"1")

    with EventGrid(container, [endpoint.url]):
        container.upload_blob("folder/new file.csv", b"12345")
        eventually(lambda: endpoint.events)

    (event,) = endpoint.events
    assert endpoint.validations == 1
    assert event["eventType"] == "Microsoft.Storage.BlobCreated"
    assert event["subject"].endswith(f"/containers/{container.container_name}/blobs/folder/new file.csv")
    assert event["data"]["url"] == container.get_blob_client("folder/new file.csv").url
    assert (event["data"]["contentLength"], event["data"]["blobType"]) == (5, "BlockBlob")


def test_a_blob_that_is_overwritten_is_told_again(container: ContainerClient, endpoint: Endpoint) -> None:
    container.upload_blob("model.json", b"1")

    with EventGrid(container, [endpoint.url]):
        container.upload_blob("model.json", b"2", overwrite=True)
        eventually(lambda: len(endpoint.events) == 1)


def test_more_events_than_go_into_one_call_are_all_delivered(container: ContainerClient, endpoint: Endpoint) -> None:
    names = {f"{number:02d}.csv" for number in range(LARGEST_BATCH + 5)}
    with EventGrid(container, [endpoint.url]):
        for name in names:
            container.upload_blob(name, b"")
        eventually(lambda: len(endpoint.events) >= len(names))

    assert {event["subject"].rpartition("/")[2] for event in endpoint.events} == names


def test_events_are_delivered_again_until_the_endpoint_takes_them(
    container: ContainerClient, endpoint: Endpoint
) -> None:
    endpoint.statuses = [503, 500]

    with EventGrid(container, [endpoint.url]) as grid:
        container.upload_blob("a.csv", b"1")
        eventually(lambda: len(endpoint.events) == 1)
        eventually(lambda: grid.problem is None)


def test_when_one_target_is_away_the_next_gets_the_events(container: ContainerClient, endpoint: Endpoint) -> None:
    (closed,) = free_ports(1)

    with EventGrid(container, [f"http://127.0.0.1:{closed}/hook?code=k", endpoint.url]):
        container.upload_blob("a.csv", b"1")
        eventually(lambda: endpoint.events)


def test_a_problem_names_the_target_without_its_key(container: ContainerClient) -> None:
    (closed,) = free_ports(1)

    with EventGrid(container, [f"http://127.0.0.1:{closed}/hook?code=the-key"]) as grid:
        eventually(lambda: grid.problem)
        assert f"127.0.0.1:{closed}" in str(grid.problem)
        assert "the-key" not in str(grid.problem)
