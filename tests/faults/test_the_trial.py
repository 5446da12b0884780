"""200,000 profiles, one 503, one 429, one connection cut after the upload, one contact that poisons its batch."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests

from exporters.runs import ENDED
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Schedule

ROWS = 200_000
PARTITIONS = 4
POISON = 123_456


def address(number: int) -> str:
    """About 3 in 100 are bad or repeat the address before them."""
    if number % 71 == 0:
        return f"person.{number}.example.com"
    if number % 67 == 0:
        return f"person.{number - 1}@mail{(number - 1) % 9}.example.com"
    return f"person.{number}@mail{number % 9}.example.com"


def valid_addresses() -> set[str]:
    """The oracle: worked out from the rows alone, with nothing of the app."""
    return {text for number in range(ROWS) if "@" in (text := address(number))}


def write_segment(folder: Path) -> None:
    target = folder / "CustomerInsights_x" / "BlobExport" / "Trial" / "2026" / "11" / "21" / "0430"
    target.mkdir(parents=True)
    each = ROWS // PARTITIONS
    for partition in range(PARTITIONS):
        numbers = range(partition * each, (partition + 1) * each)
        rows = "".join(f"{number},{address(number)},Name {number}\n" for number in numbers)
        (target / f"Trial_{partition + 1}.csv").write_text("CustomerId,EMail,FirstName\n" + rows, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_contact_but_the_poison_one_is_delivered_once_and_the_one_is_named(tmp_path: Path) -> None:
    write_segment(tmp_path)
    poison = address(POISON)
    faults: list[dict[str, object]] = [{"name": name, "times": 1} for name in ("unavailable", "throttled", "cut-after")]
    with Stand(instances=2) as stand:
        for fault in [*faults, {"name": "poison-contact", "match": poison}]:
            requests.post(f"{stand.simulator_url}/_simulator/faults", json=fault, timeout=10).raise_for_status()
        upload(tmp_path, stand.snapshots)
        export = stand.app.add_export(
            "Trial",
            stand.connect("Local Company"),
            list_id=stand.account.list_id,
            segments=["Trial"],
            mapping={"email": "EMail", "first_name": "FirstName"},
            schedule=Schedule(active=False),
        )
        run = stand.app.run(export.id, stand.app.start_run(export.id))
        deadline = time.monotonic() + 300
        while run.status not in ENDED and time.monotonic() < deadline:
            time.sleep(0.5)
            run = stand.app.run(export.id, run.run_id)
        rejected = [row for row in stand.app.rejected_rows(run) if row["code"] == "constant_contact"]
        members = [line.split(",")[0] for line in stand.members_csv().decode().splitlines()[1:]]
        seen = requests.get(f"{stand.simulator_url}/_simulator/statistics", timeout=10).json()

    assert run.status == "completed_with_warnings", run.error or run.waiting
    assert len(members) == len(set(members))
    assert set(members) == valid_addresses() - {poison}
    assert seen["contacts_imported_more_than_once"] == 0
    assert seen["source_file_names_taken_more_than_once"] == []
    line = POISON - (PARTITIONS - 2) * (ROWS // PARTITIONS) + 2
    assert [(row["partition"].rpartition("/")[2], row["line"]) for row in rejected] == [("Trial_3.csv", line)]
    counts = run.counts
    assert counts.rejected_by_constant_contact == 1
    assert counts.read == ROWS == counts.sent + counts.duplicates + counts.rejected
