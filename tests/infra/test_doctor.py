"""azure-functions-doctor looks at what is deployed. It reads a narrower shape of Bicep than ours: a hint, no judge."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.bicep import ROOT

PARTS = ["admin", "exporters", "shared", "infra"]
FILES = ["function_app.py", "host.json", "requirements.txt", "azure.yaml", ".funcignore"]

# What it warns of without need, and why.
NO_TROUBLE = {
    "Native dependency risk": "azd has the packages installed by the platform's own build, for its own system",
    "Binding connection resolution": "it looks in local.settings.json; tests here look in the Bicep",
    "Application Insights configuration": "it looks in local.settings.json; tests here look in the Bicep",
}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """What the doctor is to look at, without what is only on this machine."""
    for name in PARTS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def findings(folder: Path) -> dict[str, str]:
    """What the doctor fails or warns of without a reason here, each with its status."""
    options = ["--path", str(folder), "--format", "json", "--profile", "deploy", "--target-python", "3.13"]
    code = "from azure_functions_doctor.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor", *options], capture_output=True, encoding="utf-8", check=False
    )
    items = [item for one in json.loads(done.stdout)["results"] for item in one["items"]]
    assert len(items) > 25
    found = {item["label"]: item["status"] for item in items if item["status"] not in ("pass", "skip")}
    return {label: status for label, status in found.items() if status != "warn" or label not in NO_TROUBLE}


def test_the_doctor_finds_nothing_that_matters(app: Path) -> None:
    assert findings(app) == {}


def test_what_the_doctor_finds_is_noticed(app: Path) -> None:
    host = json.loads((app / "host.json").read_text(encoding="utf-8"))
    (app / "host.json").write_text(json.dumps(host | {"version": "1.0"}), encoding="utf-8")
    assert findings(app) == {"host.json version": "fail"}
