"""When a host cannot start it says why in one clear message and exits with 1."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.azurite import Azurite
from local.processes import free_ports
from tests.local.host.running import fresh_id, start_host

IMPORTS = "import azure.functions as func\napp = func.FunctionApp()\n"
TIMER = '@app.timer_trigger(arg_name="timer", schedule="{}")\ndef nightly(timer: func.TimerRequest) -> None: ...\n'


class Folder:
    """An app folder whose code is written by a test, and what a host says of it."""

    def __init__(self, path: Path, azurite: Azurite) -> None:
        self._path = path
        self._connection_string = azurite.connection_string

    def refused(
        self, code: str, settings: Mapping[str, str] | None = None, options: tuple[str, ...] = (), host: object = None
    ) -> str:
        """The log of a host that must end with exit code 1."""
        (self._path / "function_app.py").write_text(IMPORTS + code)
        (self._path / "host.json").write_text(json.dumps(host or {"version": "2.0"}))
        started = start_host(self._path, self._path / "log", self._connection_string, fresh_id(), settings, options)
        try:
            assert started.process.wait(60) == 1, started.text
        finally:
            started.process.kill()
        return started.text


@pytest.fixture
def folder(tmp_path: Path, azurite: Azurite) -> Folder:
    return Folder(tmp_path, azurite)


def test_an_app_that_raises_while_it_is_imported_is_refused_with_its_own_words_and_place(folder: Folder) -> None:
    said = folder.refused("raise LookupError('CONSTANT_CONTACT_CLIENT_ID is not set')\n")

    assert "LookupError: CONSTANT_CONTACT_CLIENT_ID is not set" in said
    assert "function_app.py" in said


def test_an_app_without_functions_is_refused(folder: Folder) -> None:
    assert "No functions were found" in folder.refused("")


def test_a_setting_that_a_binding_names_and_nobody_set_is_named(folder: Folder) -> None:
    said = folder.refused(TIMER.format("%REFRESH_SCHEDULE%"))

    assert "Function nightly uses %REFRESH_SCHEDULE%, but there is no setting REFRESH_SCHEDULE" in said


def test_storage_that_does_not_answer_is_named_without_its_key(folder: Folder) -> None:
    blobs, queues = free_ports(2)
    secret = "c2VjcmV0"
    connection_string = (
        f"AccountName=devstoreaccount1;AccountKey={secret};BlobEndpoint=http://127.0.0.1:{blobs}/devstoreaccount1;"
        f"QueueEndpoint=http://127.0.0.1:{queues}/devstoreaccount1"
    )

    said = folder.refused(TIMER.format("0 0 3 * * *"), {"AzureWebJobsStorage": connection_string})

    assert f"The storage account of AzureWebJobsStorage at http://127.0.0.1:{blobs}/devstoreaccount1" in said
    assert secret not in said


def test_a_port_in_use_is_named(folder: Folder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert f"Port {port} cannot be used" in folder.refused("", options=("--port", str(port)))
