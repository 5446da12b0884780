"""What goes into the package, and what stays out."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest

import dev
from release import package as package_command
from release.package import LARGEST_BYTES, TOP_LEVEL, UnexpectedFiles, packaged_files, write_package
from tests.package.deployed import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one file of each kind."""
    root = tmp_path / "project"
    for name in (
        "function_app.py",
        "host.json",
        "requirements.txt",
        "admin/site.py",
        "admin/pages/templates/home.html",
        "admin/__pycache__/site.cpython-313.pyc",
        "exporters/start.py",
        "shared/models.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    shutil.copy(ROOT / ".funcignore", root)
    return root


def test_only_what_runs_is_deployed(package: Path) -> None:
    with zipfile.ZipFile(package) as packed:
        names = packed.namelist()

    assert {name.split("/")[0] for name in names} == {
        "admin",
        "exporters",
        "shared",
        "function_app.py",
        "host.json",
        "requirements.txt",
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc") or "/." in name]


def test_every_file_of_the_apps_folders_is_deployed(package: Path) -> None:
    with zipfile.ZipFile(package) as packed:
        names = set(packed.namelist())

    folders = (ROOT / name for name in sorted(TOP_LEVEL) if (ROOT / name).is_dir())
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    missing = [one.relative_to(ROOT).as_posix() for one in files if "__pycache__" not in one.parts]
    assert set(missing) <= names


def test_the_package_is_small(package: Path) -> None:
    assert package.stat().st_size < LARGEST_BYTES


@pytest.mark.parametrize(
    "place",
    [
        ".azure/segments/.env",
        ".env",
        ".git/config",
        ".github/workflows/ci.yml",
        ".local/package.zip",
        ".venv/lib/site.py",
        ".venv-checkov/lib/site.py",
        ".vscode/settings.json",
        "azure.yaml",
        "backup-folder/Audit.jsonl",
        "bench/__main__.py",
        "c.csv",
        "CHANGELOG.md",
        "dev.py",
        "docs/install.md",
        "infra/main.bicep",
        "local/stand.py",
        "local.settings.json",
        "local.settings.sample.json",
        "pyproject.toml",
        "r.json",
        "README.md",
        "release/lock.py",
        "requirements-checkov.txt",
        "requirements-dev.txt",
        "requirements.in",
        "shared/.DS_Store",
        "tables.py",
        "tests/conftest.py",
    ],
)
def test_what_does_not_run_stays_out(place: str, project: Path) -> None:
    before = packaged_files(project)
    (project / place).parent.mkdir(parents=True, exist_ok=True)
    (project / place).write_text("not to be deployed")

    assert packaged_files(project) == before


def test_something_unknown_beside_the_app_is_refused_by_name(project: Path) -> None:
    (project / "customers.xlsx").write_text("addresses")

    with pytest.raises(UnexpectedFiles, match=r"customers\.xlsx"):
        packaged_files(project)


def test_the_rules_hold_without_negations(project: Path) -> None:
    lines = (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()

    assert not [line for line in lines if line.startswith("!")]


def test_the_same_files_give_the_same_bytes(project: Path, tmp_path: Path) -> None:
    write_package(project, tmp_path / "first.zip")
    for file in project.rglob("*"):
        file.touch()
    write_package(project, tmp_path / "second.zip")

    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_the_command_says_what_is_in_the_package_and_how_large_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "ROOT", project)
    monkeypatch.setattr(package_command, "PACKAGE", project / ".local" / "package.zip")

    assert package_command.main() == 0
    said = capsys.readouterr().out
    assert re.search(r"^admin +2 files", said, re.MULTILINE)
    size = (project / ".local" / "package.zip").stat().st_size
    assert re.search(rf"^7 files, {size:,} bytes, SHA-256 [0-9a-f]{{64}}$", said, re.MULTILINE)


def test_the_command_fails_when_something_unknown_would_be_deployed(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "customers.xlsx").write_text("addresses")
    monkeypatch.setattr(dev, "ROOT", project)

    assert package_command.main() == 1
    assert "customers.xlsx" in capsys.readouterr().out
