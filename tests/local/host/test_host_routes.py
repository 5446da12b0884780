"""The host's own addresses for operators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.local.host.running import APPS, RunningHost, fresh_id, running_host


@pytest.fixture(scope="module")
def host(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    log = tmp_path_factory.mktemp("queues") / "log"
    settings = {name: fresh_id(name.lower()) for name in ("OK", "FAILS", "SLOW", "BUSY")}
    settings["AzureWebJobsQUEUES"] = azurite.connection_string
    with running_host(APPS / "queues", log, azurite.connection_string, settings) as running:
        yield running


@pytest.fixture(scope="module")
def master(host: RunningHost) -> dict[str, str]:
    return {"x-functions-key": host.keys.master}


def test_ping_is_open(host: RunningHost) -> None:
    assert host.get("/admin/host/ping").status_code == 200


def test_the_status_needs_the_master_key(host: RunningHost, master: dict[str, str]) -> None:
    assert host.get("/admin/host/status", {"x-functions-key": host.keys.default}).status_code == 401
    status = host.get("/admin/host/status", master).json()
    assert (status["id"], status["state"]) == (host.host_id, "Running")


def test_a_queue_function_runs_with_the_input_of_an_operator(host: RunningHost, master: dict[str, str]) -> None:
    response = host.post("/admin/functions/SUCCEEDS", {"input": "by hand"}, master)

    assert response.status_code == 202
    assert host.wait_for(r"succeeds body=b'by hand' id= dequeued=1")


def test_calling_a_function_needs_the_master_key(host: RunningHost) -> None:
    response = host.post("/admin/functions/succeeds", {"input": "x"}, {"x-functions-key": host.keys.default})

    assert response.status_code == 401


def test_an_unknown_function_is_not_found(host: RunningHost, master: dict[str, str]) -> None:
    assert host.post("/admin/functions/nobody", {"input": "x"}, master).status_code == 404


def test_an_input_that_is_no_text_is_refused(host: RunningHost, master: dict[str, str]) -> None:
    assert host.post("/admin/functions/succeeds", {"input": {"a": 1}}, master).status_code == 400
