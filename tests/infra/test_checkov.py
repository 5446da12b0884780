"""checkov judges the Bicep; what it finds is mended or stands with a reason in infra/checkov.toml."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, ROOT, bicep_files
from tests.infra.conftest import Breaking

CHECKOV = ROOT / ".venv-checkov" / ("Scripts/checkov.exe" if os.name == "nt" else "bin/checkov")
REASONS = INFRA / "checkov.toml"


@dataclass(frozen=True)
class Verdict:
    """What checkov said of a folder."""

    failed: dict[str, set[str]]
    passed: int
    unparsed: int
    files: int
    log: str


def judge(folder: Path) -> Verdict:
    """Run checkov on all Bicep files of a folder."""
    if not CHECKOV.exists():
        pytest.fail("checkov is not installed; `python3 dev.py test` makes its virtual environment")
    options = ["--framework", "bicep", "--compact", "--skip-download", "--output", "json"]
    done = subprocess.run(
        [str(CHECKOV), "--directory", str(folder), *options], capture_output=True, encoding="utf-8", check=False
    )
    found = json.loads(done.stdout)
    failed = defaultdict(set)
    for one in found["results"]["failed_checks"]:
        failed[one["check_id"]].add(one["resource"])
    seen = {one["file_path"] for kind in ("passed_checks", "failed_checks") for one in found["results"][kind]}
    return Verdict(dict(failed), found["summary"]["passed"], found["summary"]["parsing_errors"], len(seen), done.stderr)


def not_agreed(verdict: Verdict, reasons: Path) -> list[str]:
    """What checkov found without a reason to leave it, reasons that are not needed, and what it could not do."""
    known = tomllib.loads(reasons.read_text(encoding="utf-8"))
    problems = [
        f"{check} fails for {resource}"
        for check, resources in verdict.failed.items()
        for resource in resources - set(known.get(check, {}).get("resources", []))
    ]
    problems += [
        f"{check} does not fail for {resource}"
        for check, reason in known.items()
        for resource in set(reason["resources"]) - verdict.failed.get(check, set())
    ]
    problems += [f"{check} has no reason" for check, reason in known.items() if not reason["why"].strip()]
    if verdict.unparsed:
        problems.append(f"{verdict.unparsed} files could not be read")
    # A check that breaks is only logged, and counts as if it were not there.
    problems += [line for line in verdict.log.splitlines() if "Failed to run check" in line]
    return sorted(problems)


def test_checkov_reads_every_file_and_finds_nothing_without_a_reason() -> None:
    verdict = judge(INFRA)
    assert not_agreed(verdict, REASONS) == []
    assert verdict.passed > 20
    assert len(bicep_files(INFRA)) > verdict.files > 4


def test_what_checkov_finds_wrong_is_noticed(broken: Breaking) -> None:
    folder = broken(
        ("modules/account.bicep", "TLS1_2", "TLS1_0"),
        (
            "modules/storage.bicep",
            "'locks'\n  properties: {\n    publicAccess: 'None'",
            "'locks'\n  properties: {\n    publicAccess: 'Blob'",
        ),
        ("modules/site.bicep", "httpsOnly: true", "httpsOnly: false"),
        ("modules/identity.bicep", "location: location", "location location"),
        ("checkov.toml", "Microsoft.Web/serverfarms.plan", "Microsoft.Web/serverfarms.other"),
    )
    assert not_agreed(judge(folder), folder / "checkov.toml") == [
        "1 files could not be read",
        "CKV_AZURE_14 fails for Microsoft.Web/sites.site",
        "CKV_AZURE_153 fails for Microsoft.Web/sites.site",
        "CKV_AZURE_225 does not fail for Microsoft.Web/serverfarms.other",
        "CKV_AZURE_225 fails for Microsoft.Web/serverfarms.plan",
        "CKV_AZURE_34 fails for Microsoft.Storage/storageAccounts/blobServices/containers.locks",
        "CKV_AZURE_44 fails for Microsoft.Storage/storageAccounts.account",
        "CKV_AZURE_70 fails for Microsoft.Web/sites.site",
    ]
