"""Child processes: ready, ended, and gone when the process that started them is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local.processes import Child, ProcessError, end, free_ports, module_command, port_is_free


def eventually(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_processes_that_look_for_ports_at_the_same_time_find_different_ones() -> None:
    program = (
        "import sys; from local.processes import free_ports; print(*free_ports(400), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program]
    found = free_ports(400)
    others = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    for other in others:
        assert other.stdout
        found += map(int, other.stdout.readline().split())
    for other in others:
        other.communicate()

    assert len(found) == len(set(found)) == 2000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Child]:
    (port,) = free_ports(1)
    command = module_command("http.server", str(port), "--bind", "127.0.0.1")
    child = Child("the server", command, log=tmp_path / "server.log", port=port)
    yield child
    end([child])


def test_a_child_is_ready_when_its_port_answers_and_its_port_is_free_after_its_end(server: Child) -> None:
    server.start()
    server.wait_until_listening()
    assert not port_is_free(server.port)

    end([server])

    assert server.exit_code is not None
    assert port_is_free(server.port)


def test_a_child_can_be_started_again(server: Child) -> None:
    server.start()
    server.wait_until_listening()
    first = server.pid
    end([server])

    server.start()
    server.wait_until_listening()

    assert server.pid != first


def test_a_child_that_does_not_come_up_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    program = "import sys; print('first line'); sys.exit('the reason')"
    child = Child("the server", [sys.executable, "-c", program], log=tmp_path / "server.log", port=port)
    child.start()

    with pytest.raises(ProcessError, match=r"(?s)the server ended with exit code 1\..*first line.*the reason"):
        child.wait_until_listening()
    end([child])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no request to end that a process could refuse")
def test_a_child_that_does_not_end_when_asked_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.processes.END_SECONDS", 0.3)
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    log = tmp_path / "deaf.log"
    child = Child("deaf", [sys.executable, "-c", program], log=log, port=free_ports(1)[0])
    child.start()
    eventually(lambda: "deaf" in log.read_text())

    end([child])

    assert child.exit_code == -9


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    ports = free_ports(4)
    parent = f"""
import time
from pathlib import Path
from local.azurite import Azurite, azurite_child
from local.processes import Child, module_command
folder = Path({str(tmp_path)!r})
server = Child("server", module_command("http.server", "{ports[3]}", "--bind", "127.0.0.1"),
               log=folder / "server.log", port={ports[3]})
children = [azurite_child(Azurite(*{ports[:3]}), log=folder / "azurite.log"), server]
for child in children:
    child.start()
for child in children:
    child.wait_until_listening()
print(*(child.pid for child in children), flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        children = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        assert len(children) == 2
        process.kill()

    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
