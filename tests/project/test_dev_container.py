"""The dev container: the Python of production, the tools to deploy with, and the project's own set-up."""

from __future__ import annotations

import json
import re
from typing import Any

import dev

CONTAINER: dict[str, Any] = json.loads((dev.ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))


def test_its_python_is_the_one_that_production_runs() -> None:
    site = (dev.ROOT / "infra" / "modules" / "site.bicep").read_text(encoding="utf-8")
    production = re.search(r"runtime: \{\s+name: 'python'\s+version: '([\d.]+)'", site)

    assert production
    assert f":{production.group(1)}-" in CONTAINER["image"]


def test_it_has_what_azd_and_the_hooks_call() -> None:
    assert any("/azure-cli" in feature for feature in CONTAINER["features"])
    assert any("/azd" in feature for feature in CONTAINER["features"])


def test_it_is_set_up_by_the_command_that_everybody_uses() -> None:
    command = CONTAINER["postCreateCommand"].split()

    assert command[:2] == ["python3", "dev.py"]
    assert command[2] in dev.COMMANDS
