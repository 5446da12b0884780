"""The `up` command: what it refuses, and what it leaves behind."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.processes import free_ports
from local.samples import Samples, write_samples
from local.up import UsageError, parse


def call_up(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.up", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profiles", "0"], "--profiles 0: must be at least 1"),
        (["--instances", "-1"], "--instances -1: must be at least 1"),
        (["--snapshots", "missing-folder"], "there is no such folder"),
        (["--snapshots", "{empty}"], "there are no files in it"),
        (["--snapshots", "{empty}", "--profiles", "5"], "cannot go with --snapshots"),
        (["--fault", "earthquake"], "There is no fault 'earthquake'; choose one of: throttled"),
        (["--fault", "throttled:often"], "'often' is no number of times"),
        (["--port", "70000"], "must be from 1 to 65535"),
        (["--port", "5000", "--simulator-port", "5000"], "are both 5000"),
        (["--report", "missing-folder/report.json"], "a file cannot be written there"),
        (["--trigger", "moon"], "invalid choice: 'moon'"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_wrong_usage_is_one_clear_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        parse([argument.format(empty=tmp_path) for argument in arguments])

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_port_in_use_is_refused(azurite_port: int) -> None:
    with pytest.raises(UsageError, match=f"--simulator-port {azurite_port}: the port is in use"):
        parse(["--port", str(free_ports(1)[0]), "--simulator-port", str(azurite_port)])


@pytest.fixture
def azurite_port(request: pytest.FixtureRequest) -> int:
    return int(request.getfixturevalue("azurite").blob_port)


def test_wrong_usage_ends_with_exit_code_2_and_nothing_but_the_line() -> None:
    ended = call_up("--profiles", "none")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


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
        return Call(call_up("--once", *special, *files), report, contacts)

    names = ["upload", "http", "timer", "failing"]
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(call, names), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("how", "trigger"), [("upload", "event"), ("http", "http"), ("timer", "timer")])
def test_a_run_is_started_shown_and_reported(how: str, trigger: str, calls: dict[str, Call], samples: Samples) -> None:
    call, expected = calls[how], samples.expected()

    assert call.ended.returncode == 0, call.ended.stdout + call.ended.stderr
    assert "Run completed with warnings." in call.ended.stdout
    run = json.loads(call.report.read_text(encoding="utf-8"))
    assert run["trigger"] == trigger
    assert (run["counts"]["read"], run["counts"]["sent"]) == (expected.read, expected.sent)
    assert len(run["rejected_rows"]) == expected.rejected
    with call.contacts.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == expected.sent


@pytest.mark.slow
def test_a_run_that_fails_ends_with_exit_code_1_and_says_why(calls: dict[str, Call]) -> None:
    ended = calls["failing"].ended

    assert ended.returncode == 1
    assert "Run failed." in ended.stdout
    assert "'Telephone'" in ended.stdout
