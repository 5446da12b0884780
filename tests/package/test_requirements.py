"""What is installed in Azure: exactly what the lock says, by its hashes, and nothing that the app does not need."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import dev
from release.licences import normal
from release.lock import REQUIREMENTS, read_lock
from release.package import TOP_LEVEL
from tests.package.deployed import PLATFORM, ROOT, Deployment

# Whoever comes first waits until the environment is made.
pytestmark = pytest.mark.timeout(180)

LOCK = dev.PRODUCTION_PINS.read_text(encoding="utf-8")
# What the app needs without importing it: time zones, forms of the pages, checks of addresses, telemetry in Azure.
NOT_IMPORTED = {"tzdata", "python-multipart", "azure-monitor-opentelemetry"}

SETTINGS = {
    "AzureWebJobsStorage__blobServiceUri": "https://storage.example.com",
    "AzureWebJobsStorage__queueServiceUri": "https://storage.example.com",
    "AzureWebJobsStorage__tableServiceUri": "https://storage.example.com",
    "SNAPSHOT_STORAGE__blobServiceUri": "https://storage.example.com",
    "SNAPSHOT_CONTAINER": "segments",
    "REFRESH_SCHEDULE": "0 0 3 * * *",
    "CONSTANT_CONTACT_CLIENT_ID": "client",
    "KEY_VAULT_URL": "https://vault.example.com",
}


def direct() -> dict[str, list[Requirement]]:
    lines = [line.strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {normal(one.name): [other for other in wanted if other.name == one.name] for one in wanted}


def imported_packages() -> set[str]:
    """The distributions that the deployed modules import, by the names of the lock."""
    files = [ROOT / "function_app.py"]
    files += [file for name in TOP_LEVEL if (ROOT / name).is_dir() for file in (ROOT / name).rglob("*.py")]
    modules: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    owners = {
        str(file.with_suffix("")).removesuffix("/__init__").replace("/", "."): normal(distribution.name)
        for distribution in metadata.distributions()
        for file in distribution.files or ()
        if file.suffix == ".py"
    }
    return {owners[module] for module in modules if module in owners}


def import_app(python: Path, app: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import the app as a worker does, in an environment made from nothing."""
    command = [str(python), "-P", "-c", "import function_app; print(len(function_app.app.get_functions()))"]
    made = {"PYTHONPATH": str(app), **SETTINGS, **environment}
    return subprocess.run(command, cwd=app, env=made, capture_output=True, text=True, check=False)


# --- The lock ---------------------------------------------------------------------------------------------------------


def test_every_package_is_locked_exactly_and_by_hashes() -> None:
    assert [one.name for one in read_lock() if not one.hashes] == []
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for one in read_lock() for digest in one.hashes)


def test_the_lock_names_no_index() -> None:
    assert "://" not in LOCK
    assert not [line for line in LOCK.splitlines() if line.startswith("-")]


def test_the_lock_has_what_the_app_asks_for_in_that_version() -> None:
    locked = {(one.name, one.version) for one in read_lock()}
    asked = {(name, str(one.specifier).removeprefix("==")) for name, wanted in direct().items() for one in wanted}

    assert asked <= locked


def test_a_line_that_is_no_exact_version_is_refused() -> None:
    with pytest.raises(ValueError, match="requests>=2 is no exact version"):
        read_lock("requests>=2 \\\n    --hash=sha256:00\n")


def test_the_app_asks_for_what_it_imports_and_for_no_more() -> None:
    assert imported_packages() == direct().keys() - NOT_IMPORTED


def test_what_develops_the_app_is_pinned_exactly_too() -> None:
    for name in ("requirements-dev.txt", "requirements-checkov.txt"):
        lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
        assert [line for line in lines if not re.match(r"[\w.-]+==[\w.]+(; .*)?$", line)] == []


def test_what_develops_the_app_has_changed_no_version_of_what_runs() -> None:
    installed = {normal(one.name): one.version for one in metadata.distributions()}
    locked = {one.name: one.version for one in read_lock() if one.is_for_this_python}

    assert {name: installed.get(name) for name in locked} == locked


# --- The environment --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_environment_holds_the_lock_and_nothing_else(deployment: Deployment) -> None:
    ask = "from importlib.metadata import distributions as d; print(*(f'{o.name}=={o.version}' for o in d()))"
    answer = subprocess.run([str(deployment.python), "-I", "-c", ask], capture_output=True, text=True, check=True)
    installed = {(normal(name), version) for name, _, version in (one.partition("==") for one in answer.stdout.split())}

    assert installed == {(one.name, one.version) for one in read_lock() if one.is_for_this_python}


@pytest.mark.slow
def test_the_platform_brings_what_is_listed_and_nothing_else(deployment: Deployment) -> None:
    brought = {normal(one.name) for one in metadata.distributions(path=[str(deployment.platform)])}

    assert brought == set(PLATFORM)
    assert brought.isdisjoint({one.name for one in read_lock()})


@pytest.mark.slow
def test_the_app_can_be_imported_with_its_requirements_alone(deployment: Deployment) -> None:
    answer = import_app(deployment.python, deployment.app)

    assert (answer.returncode, answer.stdout.strip()) == (0, "15"), answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["shared/settings.py", "admin/site.py", "exporters/constant_contact/client.py"])
def test_without_one_of_its_files_the_app_cannot_be_imported(
    missing: str, deployment: Deployment, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    shutil.copytree(deployment.app, app)
    (app / missing).unlink()
    answer = import_app(deployment.python, app)

    assert answer.returncode == 1
    assert "No module named" in answer.stderr


@pytest.mark.slow
def test_without_one_of_its_requirements_the_app_cannot_be_imported(deployment: Deployment, tmp_path: Path) -> None:
    # A module that says it is not there hides the one that is.
    (tmp_path / "standardwebhooks.py").write_text("raise ModuleNotFoundError('No module named standardwebhooks')")
    answer = import_app(
        deployment.python, deployment.app, PYTHONPATH=os.pathsep.join([str(tmp_path), str(deployment.app)])
    )

    assert answer.returncode == 1
    assert "No module named standardwebhooks" in answer.stderr


def test_a_package_whose_file_was_exchanged_is_not_installed(tmp_path: Path) -> None:
    wheel = tmp_path / "one-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("one-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        packed.writestr("one-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr("one-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def install(digest: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pins.txt").write_text(f"one==1.0 --hash=sha256:{digest}\n")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--isolated", "--no-index", "--require-hashes"]
        command += ["--find-links", str(tmp_path), "--target", str(tmp_path / "site"), "-r", str(tmp_path / "pins.txt")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert install(digest).returncode == 0
    exchanged = install("0" * 64)
    assert exchanged.returncode == 1
    assert "DO NOT MATCH" in exchanged.stderr
