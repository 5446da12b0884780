"""A folder as the product writes it, with all that is awkward in real files, against an oracle worked out by hand."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(300)

ROOT = "CustomerInsights_0a1b2c3d-0000-4000-8000-123456789abc/BlobExport"
COLUMNS = ["CustomerId", "FirstName", "LastName", "EMail", "City"]
BOM = "\ufeff"

# Headers are off, as the product's default is; so the first line of each file is a profile.
GOLD_1 = (
    f"{BOM}1,Ana,Ionescu,ana@example.com,Iași\r\n"
    '2,Bo,"van ""B"" Dyk",bo@example.com,"Den\r\nHaag"\r\n'
    "3,Cy,,not an address,Rome\r\n"
    "4,Di,Rossi,  DI.Rossi@Example.com  ,Rome\r\n"
)
GOLD_2 = '5,Ed,Verdi,ed@bücher.example,Bologna\n6,Flo,Bianchi,"ana@example.com",Bari\n7,Gus\n8,Hy,Neri,,Bari\n'
SILVER_1 = "9,Di,Rossi,di.rossi@example.com,Rome\n10,Iva,Blu,iva@example.com,Turin\n11,Jo,Blu,jo@@example.com,Turin\n"
SILVER_OLD = "12,Old,Snapshot,old@example.com,Nowhere\n"

EXPECTED_LIST = {
    "ana@example.com",
    "bo@example.com",
    "di.rossi@example.com",
    "ed@xn--bcher-kva.example",
    "iva@example.com",
}
EXPECTED_REJECTED = {
    ("Gold", "Gold_1.csv", 4),
    ("Gold", "Gold_2.csv", 3),
    ("Gold", "Gold_2.csv", 4),
    ("Silver", "Silver_1.csv", 3),
}
READ, DUPLICATES = 11, 2


def write(folder: Path, path: str, content: str) -> None:
    file = folder / ROOT / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode())


def entity(name: str, *paths: str) -> dict[str, Any]:
    return {
        "$type": "LocalEntity",
        "name": name,
        "attributes": [{"name": column, "dataType": "string"} for column in COLUMNS],
        "partitions": [
            {"name": Path(path).stem, "location": f"https://acct.blob.core.windows.net/c1/{ROOT}/{path}?snapshot=2026"}
            for path in paths
        ],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("product")
    gold = [f"Gold/2026/11/21/0430/Gold_{number}.csv" for number in (1, 2)]
    silver, old = "Silver/2026/11/21/0430/Silver_1.csv", "Silver/2026/11/20/0430/Silver_1.csv"
    for path, content in [*zip(gold, (GOLD_1, GOLD_2), strict=True), (silver, SILVER_1), (old, SILVER_OLD)]:
        write(folder, path, content)
    model = {"name": "BlobExport", "version": "1.0", "entities": [entity("Gold", *gold), entity("Silver", silver)]}
    write(folder, "model.json", json.dumps(model))
    return folder


@pytest.fixture(scope="module")
def result(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The report and the contacts of one call."""
    out = tmp_path_factory.mktemp("out")
    command = [sys.executable, "-m", "local.up", "--once", "--snapshots", str(folder)]
    files = ["--report", str(out / "r.json"), "--contacts", str(out / "c.csv")]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    with (out / "c.csv").open(encoding="utf-8", newline="") as file:
        return json.loads((out / "r.json").read_text(encoding="utf-8")), list(csv.DictReader(file))


Result = tuple[dict[str, Any], list[dict[str, str]]]


def test_the_list_holds_exactly_the_right_addresses(result: Result) -> None:
    assert sorted(contact["email"].lower() for contact in result[1]) == sorted(EXPECTED_LIST)


def test_the_names_go_with_their_addresses(result: Result) -> None:
    names = {contact["email"].lower(): (contact["first_name"], contact["last_name"]) for contact in result[1]}
    assert names["bo@example.com"] == ("Bo", 'van "B" Dyk')
    assert names["ana@example.com"] == ("Ana", "Ionescu")


def test_the_counts_add_up(result: Result) -> None:
    counts = result[0]["counts"]
    expected = {"read": READ, "sent": len(EXPECTED_LIST), "duplicates": DUPLICATES, "rejected": len(EXPECTED_REJECTED)}
    assert {name: counts[name] for name in expected} == expected
    assert counts["read"] == counts["sent"] + counts["duplicates"] + counts["rejected"]


def test_every_rejected_row_is_named(result: Result) -> None:
    rows = result[0]["rejected_rows"]
    assert {(row["segment"], Path(row["partition"]).name, row["line"]) for row in rows} == EXPECTED_REJECTED
    assert all(row["reason"] for row in rows)


def test_the_older_date_folder_was_not_used(result: Result) -> None:
    assert result[0]["snapshots"]["Silver"].endswith("2026/11/21/0430")
