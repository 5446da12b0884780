"""The app knows nothing of what runs it locally; import-linter keeps the packages, this keeps the map of the system."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCAL_ONLY = {"local", "tests", "bench", "release", "dev"}


def imported_by(file: Path) -> set[str]:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    return imported


def app_files() -> list[Path]:
    return [
        ROOT / "function_app.py",
        *(file for part in ("admin", "exporters", "shared") for file in (ROOT / part).rglob("*.py")),
    ]


@pytest.mark.parametrize("file", app_files(), ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_part_of_the_app_imports_nothing_that_only_runs_locally(file: Path) -> None:
    assert not imported_by(file) & LOCAL_ONLY


def test_the_app_loads_no_development_requirement() -> None:
    """Every module of the app can be imported with nothing but what requirements.txt brings."""
    production = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    development = [
        line.split("==")[0] for line in (ROOT / "requirements-dev.txt").read_text().splitlines() if "==" in line
    ]
    blocked = [name.replace("-", "_").lower() for name in development if f"{name}==" not in production]
    program = (
        "import sys, pkgutil, importlib\n"
        f"for name in {blocked!r}: sys.modules[name] = None\n"
        "import admin, exporters, shared\n"
        "for package in (admin, exporters, shared):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
