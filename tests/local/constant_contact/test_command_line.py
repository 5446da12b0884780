import socket
import subprocess
import sys
import time

import pytest
import requests

from local.constant_contact.__main__ import main
from local.constant_contact.faults import FAULTS
from local.processes import free_ports


def test_the_module_serves_on_its_port_with_the_faults_asked_for_and_prints_nothing() -> None:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "local.constant_contact", "--port", str(port), "--fault", "throttled:2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                faults = requests.get(f"http://127.0.0.1:{port}/_simulator/faults", timeout=5).json()["faults"]
                break
            except requests.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=60)
    assert [(fault["name"], fault["times"]) for fault in faults] == [("throttled", 2)]
    assert output == b""


def test_a_port_in_use_is_told_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"Port {port}" in told.err


def test_the_help_names_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in FAULTS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "typo"],
        ["--fault", "throttled:0"],
        ["--fault", "poison-contact"],
        ["--activity-rows-per-second", "0"],
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_served(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--port", "1", *arguments])
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err
