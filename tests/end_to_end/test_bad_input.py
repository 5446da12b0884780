"""Bad input through the command: exit code 1, and a message that names the segment, the column or the file."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

FOLDER = "CustomerInsights_x/BlobExport/Gold/2026/11/21/0430"
HEADER = b"EMail,FirstName\n"
PROFILES = b"".join(b"person%d@example.com,Name\n" % number for number in range(20_000))

CASES: dict[str, tuple[dict[str, bytes], list[str], list[str]]] = {
    "a column that is not there": ({"Gold_1.csv": HEADER + PROFILES}, ["--email", "Mail"], ["Mail", "Gold"]),
    "neither header nor model": ({"Gold_1.csv": PROFILES}, [], ["Gold_1.csv", "model.json"]),
    "two schemas": ({"Gold_1.csv": HEADER + PROFILES, "Gold_2.csv": b"City,EMail\n"}, [], ["Gold_1.csv", "Gold_2.csv"]),
    "a truncated gzip": ({"Gold_1.csv.gz": gzip.compress(HEADER + PROFILES)[:-20]}, [], ["Gold_1.csv.gz"]),
    "not UTF-8": ({"Gold_1.csv": HEADER + PROFILES + "z@example.com,Ană\n".encode("cp1250")}, [], ["Gold_1.csv"]),
    "an empty segment": ({"Gold_1.csv": HEADER}, [], ["Gold"]),
}

Ended = dict[str, tuple[subprocess.CompletedProcess[str], Path]]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Every case at once, in a stand of its own: they mostly wait."""
    base = tmp_path_factory.mktemp("snapshots")

    def call(name: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        files, options, _ = CASES[name]
        folder = base / name.replace(" ", "-")
        for file, content in files.items():
            path = folder / FOLDER / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        report = folder.with_suffix(".json")
        command = [sys.executable, "-m", "local.up", "--once", "--snapshots", str(folder), "--report", str(report)]
        return subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=170), report

    with ThreadPoolExecutor(3) as pool:
        return dict(zip(CASES, pool.map(call, CASES), strict=True))


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_by_name_before_anything_is_sent(ended: Ended, name: str) -> None:
    done, report = ended[name]
    assert done.returncode == 1, done.stdout + done.stderr
    run = json.loads(report.read_text(encoding="utf-8"))
    assert run["status"] == "failed"
    assert run["counts"]["sent"] == 0
    assert run["batches"] == []
    for named in CASES[name][2]:
        assert named in run["error"]
    assert "".join(run["error"].split()) in "".join(done.stdout.split())
