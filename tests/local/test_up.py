"""The `up` command: what it refuses, and what it leaves behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from local.processes import free_ports
from local.samples import Samples, write_samples


def call_up(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.up", *map(str, arguments)]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=300, env=environment)


def test_wrong_usage_ends_with_exit_code_2_and_nothing_but_the_line() -> None:
    ended = call_up("--profiles", "none")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KEY_VAULT_URL", "vault", "The app setting KEY_VAULT_URL is wrong: is not a web address"),
        ("SNAPSHOT_STORAGE", "AccountKey", "The app setting SNAPSHOT_STORAGE is wrong: it is no connection string"),
        (
            "SNAPSHOT_STORAGE",
            "AccountName=x;AccountKey=eA==;BlobEndpoint=http://127.0.0.1:{closed}/x;",
            "a service could not be used: ServiceRequestError: ",
        ),
    ],
)
def test_a_wrong_setting_of_the_environment_is_one_line_and_exit_code_1(name: str, value: str, said: str) -> None:
    ended = call_up("--once", "--profiles", "1", **{name: value.format(closed=free_ports(1)[0])})

    assert ended.returncode == 1
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there, SIGINT cannot be sent to one process")
def test_it_serves_what_it_prints_until_it_is_interrupted_even_when_started_in_the_background() -> None:
    def ignore_interrupts() -> None:  # as a shell does for a background command
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    command = [sys.executable, "-m", "local.up", "--profiles", "1", "--instances", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=ignore_interrupts) as serving:
        assert serving.stdout
        lines = []
        for line in serving.stdout:
            lines.append(line.rstrip("\n"))
            if "Everything is running" in line:
                break
        printed = {line[:15].strip(): line[15:] for line in lines}
        found = requests.get(
            f"{printed['API']}/exports/{printed['Export id']}",
            headers={"x-functions-key": printed["Function key"]},
            timeout=30,
        ).json()
        (hosts,) = [line for line in lines if line.startswith("Hosts, with process ids: host-1 ")]
        killed = int(hosts.rpartition(" host-2 ")[2])
        os.kill(killed, signal.SIGKILL)
        lines.append(serving.stdout.readline().rstrip("\n"))
        serving.send_signal(signal.SIGINT)
        assert serving.wait(120) == 0

    assert (found["connection_id"], found["list_id"]) == (printed["Connection id"], printed["List id"])
    assert f"Open {printed['API'].removesuffix('/api')} and sign in as Ada Administrator." in lines
    assert printed["Storage"].startswith("DefaultEndpointsProtocol=")
    assert lines[-1].startswith(f"host-2 (process {killed}) ended by SIGKILL; started again as process ")
    assert [line for line in lines if line != line.rstrip()] == []
    assert [line for line in lines if len(line) > 80 and not line.startswith("Storage")] == []


@dataclass(frozen=True)
class Call:
    """A run of the command, and the files that it was asked to write."""

    ended: subprocess.CompletedProcess[str]
    report: Path
    contacts: Path


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return write_samples(tmp_path_factory.mktemp("up") / "samples", 300)


@pytest.fixture(scope="module")
def calls(samples: Samples) -> dict[str, Call]:
    """One call for each trigger and one whose run fails, all at the same time: they mostly wait."""

    def call(name: str) -> Call:
        report, contacts = (samples.folder.with_name(f"{name}.{ending}") for ending in ("json", "csv"))
        special = ["--email", "Telephone"] if name == "failing" else ["--trigger", name]
        files: list[str | Path] = ["--snapshots", samples.folder, "--report", report, "--contacts", contacts]
        # Encodings and apps are as different as the environments of those who call.
        encoding = "ascii" if name == "http" else "utf-8"
        app = {"CONSTANT_CONTACT_CLIENT_ID": "an-app-of-my-own"} if name == "timer" else {}
        return Call(call_up("--once", *special, *files, PYTHONIOENCODING=encoding, **app), report, contacts)

    names = ["upload", "http", "timer", "failing"]
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(call, names), strict=True))


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("how", "trigger"), [("upload", "event"), ("http", "http"), ("timer", "timer")])
def test_a_run_is_started_shown_and_reported(how: str, trigger: str, calls: dict[str, Call], samples: Samples) -> None:
    call, expected = calls[how], samples.expected()

    assert call.ended.returncode == 0, call.ended.stdout + call.ended.stderr
    arrow = "?" if how == "http" else "←"
    assert f"Columns: email {arrow} EMail, first_name {arrow} FirstName, last_name {arrow}" in call.ended.stdout
    assert "Run completed with warnings." in call.ended.stdout
    assert f"{expected.rejected} rows were rejected; {call.report} names each" in call.ended.stdout
    run = json.loads(call.report.read_text(encoding="utf-8"))
    assert run["trigger"] == trigger
    assert (run["counts"]["read"], run["counts"]["sent"]) == (expected.read, expected.sent)
    assert len(run["rejected_rows"]) == expected.rejected
    with call.contacts.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == expected.sent


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_run_that_fails_ends_with_exit_code_1_and_says_why(calls: dict[str, Call]) -> None:
    ended = calls["failing"].ended

    assert ended.returncode == 1
    assert "Run failed." in ended.stdout
    assert "'Telephone'" in ended.stdout
