"""What checks break and hooks talk to: a copy of infra/ with a fault in it, and commands that stand for Azure."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA
from tests.infra.cloud import Cloud

# A file of infra/, what stands in it, and what is to stand there instead.
Change = tuple[str, str, str]
Breaking = Callable[..., Path]


@pytest.fixture
def broken(tmp_path: Path) -> Breaking:
    """Returns a function that copies infra/, makes changes in the copy, and returns its folder."""

    def make(*changes: Change) -> Path:
        folder = tmp_path / "infra"
        shutil.copytree(INFRA, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for name, old, new in changes:
            file = folder / name
            before = file.read_text(encoding="utf-8")
            assert old in before, f"{name} has nothing to break: {old}"
            file.write_text(before.replace(old, new), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """`az` and `azd` that say nothing until they are told what to answer."""
    return Cloud(tmp_path)
