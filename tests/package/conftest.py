"""Fixtures: the package as it would be uploaded now, and an instance that was made from it alone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import dev
from release.package import write_package
from release.production import make_environment
from tests.package.deployed import ROOT, Deployment, make_platform, unpack


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of the project as it is now."""
    target = tmp_path_factory.mktemp("package") / "package.zip"
    write_package(ROOT, target)
    return target


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with `production`, the environment of requirements.txt alone, and `platform`, what Azure brings.

    Made once for all processes that run tests together.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "installed"
    folder.mkdir(exist_ok=True)
    with (folder.with_suffix(".lock")).open("a+b") as lock:
        while not dev.locked(lock.fileno()):
            time.sleep(0.2)
        if not (folder / "done").exists():
            python = make_environment(folder / "production")
            make_platform(python, folder / "platform")
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def deployment(package: Path, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """What lies on the disk of an instance after a deployment."""
    app = unpack(package, tmp_path_factory.mktemp("instance") / "app")
    return Deployment(app, installed / "production" / dev.PYTHON_IN_VENV, installed / "platform")
