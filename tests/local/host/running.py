"""Runs sample apps in host processes of their own and reads what they say."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from local.host.keys import HostKeys, read_or_create_function_keys, read_or_create_host_keys

T = TypeVar("T")

APPS = Path(__file__).parent / "apps"
_ROOT = Path(__file__).parents[3]


def fresh_id(prefix: str = "test") -> str:
    """A host id, queue or container name that nobody else uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def eventually(look: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """The first truthy result of `look`; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


@dataclass
class RunningHost:
    """A host process; its log is a file."""

    process: subprocess.Popen[bytes]
    log: Path
    connection_string: str
    host_id: str

    @property
    def text(self) -> str:
        """All it has logged."""
        return self.log.read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        """Its address."""
        return self.wait_for(r"listening on (http://\S+)")[1]

    @property
    def keys(self) -> HostKeys:
        """The keys that all hosts with this id share."""
        with BlobServiceClient.from_connection_string(self.connection_string) as storage:
            return read_or_create_host_keys(storage, self.host_id)

    def function_key(self, function: str) -> dict[str, str]:
        """A header that opens this function only."""
        with BlobServiceClient.from_connection_string(self.connection_string) as storage:
            return {"x-functions-key": read_or_create_function_keys(storage, self.host_id, function)["default"]}

    def lines(self, pattern: str) -> list[str]:
        """Lines of the log that hold the pattern."""
        return [line for line in self.text.splitlines() if re.search(pattern, line)]

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """The first match in the log."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.text)
            assert found or self.process.poll() is None, f"the host has ended:\n{self.text}"
            return found

        return eventually(look, f"{pattern} in the log:\n{self.text}", seconds)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """GET a path of the host."""
        return requests.get(self.url + path, headers=headers, timeout=60, allow_redirects=False)

    def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> requests.Response:
        """POST JSON to a path of the host."""
        return requests.post(self.url + path, json=body, headers=headers, timeout=60)

    def ask_to_stop(self) -> int:
        """Ask the host to stop and give its exit code."""
        self.process.terminate()
        return self.process.wait(60)


def start_host(
    app: Path,
    log: Path,
    connection_string: str,
    host_id: str,
    settings: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> RunningHost:
    """Start a host without waiting for it; `options` go to its command line."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "AzureWebJobsStorage": connection_string,
        "AzureFunctionsWebHost__hostid": host_id,
        **(settings or {}),
    }
    command = [sys.executable, "-m", "local.host", "--app", str(app), "--port", "0", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=output, stderr=output)
    return RunningHost(process, log, connection_string, host_id)


@contextlib.contextmanager
def running_host(
    app: Path,
    log: Path,
    connection_string: str,
    settings: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
    host_id: str | None = None,
) -> Iterator[RunningHost]:
    """A host that serves, for the length of the block."""
    host = start_host(app, log, connection_string, host_id or fresh_id(), settings, options)
    try:
        assert host.url
        yield host
    finally:
        host.process.kill()
        host.process.wait()


def contents(queue: QueueClient) -> list[str]:
    """The raw texts of the messages one can see."""
    try:
        return [message.content for message in queue.peek_messages(32)]
    except ResourceNotFoundError:
        return []
