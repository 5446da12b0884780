"""Bad input: the run fails before anything is sent, and says which segment, column or file it is; also as a command."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.runs import ENDED
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Schedule

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HEADER = b"EMail,FirstName\n"
PROFILES = b"".join(b"person%d@example.com,Name\n" % number for number in range(20_000))

# The files of a segment, the column that the address is taken from, and what the error has to name.
CASES: dict[str, tuple[dict[str, bytes], str, list[str]]] = {
    "a column that is not there": ({"Gold_1.csv": HEADER + PROFILES}, "Mail", ["Mail", "Gold"]),
    "neither header nor model": ({"Iron_1.csv": PROFILES}, "EMail", ["Iron_1.csv", "model.json"]),
    "two schemas": (
        {"Lead_1.csv": HEADER + PROFILES, "Lead_2.csv": b"City,EMail\n"},
        "EMail",
        ["Lead_1.csv", "Lead_2.csv"],
    ),
    "a truncated gzip": ({"Tin_1.csv.gz": gzip.compress(HEADER + PROFILES)[:-20]}, "EMail", ["Tin_1.csv.gz"]),
    "not UTF-8": ({"Zinc_1.csv": HEADER + PROFILES + "z@example.com,Ană\n".encode("cp1250")}, "EMail", ["Zinc_1.csv"]),
    "an empty segment": ({"Copper_1.csv": HEADER}, "EMail", ["Copper"]),
}


def segment_of(name: str) -> str:
    return next(iter(CASES[name][0])).split("_")[0]


def write(folder: Path, name: str) -> None:
    for file, content in CASES[name][0].items():
        path = folder / "CustomerInsights_x/BlobExport" / segment_of(name) / "2026/11/21/0430" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("snapshots")
    for name in CASES:
        write(folder, name)
    with Stand() as stand:
        upload(folder, stand.snapshots)
        yield stand


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_by_name_before_anything_is_sent(stand: Stand, name: str) -> None:
    _, column, named = CASES[name]
    export = stand.app.add_export(
        name,
        stand.connect("Local Company"),
        list_id=stand.account.list_id,
        segments=[segment_of(name)],
        mapping={"email": column},
        schedule=Schedule(active=False),
    )
    run_id = stand.app.start_run(export.id)
    deadline = time.monotonic() + 150
    while (run := stand.app.run(export.id, run_id)).status not in ENDED:
        assert time.monotonic() < deadline, run
        time.sleep(0.1)
    assert (run.status, run.counts.sent, run.batches) == ("failed", 0, [])
    assert [word for word in named if word not in (run.error or "")] == []


def test_the_command_ends_with_exit_code_1_and_says_why(tmp_path: Path) -> None:
    name = "a column that is not there"
    folder, report = tmp_path / "snapshots", tmp_path / "report.json"
    write(folder, name)
    command = [sys.executable, "-m", "local.up", "--once", "--snapshots", str(folder), "--report", str(report)]
    done = subprocess.run([*command, "--email", "Mail"], capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode == 1, done.stdout + done.stderr
    run = json.loads(report.read_text(encoding="utf-8"))
    assert (run["status"], run["counts"]["sent"], run["batches"]) == ("failed", 0, [])
    assert [word for word in CASES[name][2] if word not in run["error"]] == []
    assert "".join(run["error"].split()) in "".join(done.stdout.split())
