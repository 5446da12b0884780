"""What runs before a commit: the tools of .venv and nothing that is fetched, at work on files as they are committed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dev
from tests.project.workflows import load

CONFIGURATION = ".pre-commit-config.yaml"
SETTINGS = (CONFIGURATION, ".yamllint.yml", "pyproject.toml")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the settings of this one, the tools, and nothing else."""
    for name in (*SETTINGS, ".gitignore"):
        shutil.copy(dev.ROOT / name, tmp_path / name)
    (tmp_path / dev.VENV.name).symlink_to(sys.prefix, target_is_directory=True)
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)


def run_hooks(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """The hooks on these files, but those that look at the whole project, which is not there."""
    # Nothing is fetched: whatever would be has no way out.
    environment = {**os.environ, "SKIP": "mypy,lint-imports", "PRE_COMMIT_HOME": str(folder / ".git" / "pre-commit")}
    environment |= {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    git(folder, "add", *files)
    command = [sys.executable, "-m", "pre_commit", "run", "--files", *files]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_every_hook_is_a_tool_of_the_virtual_environment() -> None:
    for repository in load(dev.ROOT / CONFIGURATION)["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            tool = hook["entry"].partition(" exec ")[2].strip("'").split()[0]
            assert shutil.which(tool, path=str(dev.VENV_PYTHON.parent)), hook["id"]


def test_the_checks_of_the_python_files_are_those_that_every_test_run_makes() -> None:
    hooks = {hook["id"] for repository in load(dev.ROOT / CONFIGURATION)["repos"] for hook in repository["hooks"]}

    assert {"ruff-check", "ruff-format", "mypy", "lint-imports"} <= hooks


@pytest.mark.skipif(os.name == "nt", reason="making a link needs a right there")
def test_a_tidy_file_is_let_through(repository: Path) -> None:
    (repository / "tidy.py").write_text('"""Tidy."""\n\nONE = 1\n')

    done = run_hooks(repository, "tidy.py", CONFIGURATION)

    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="making a link needs a right there")
@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("wrong.py", '"""Wrong."""\n\nimport os\n', "ruff check"),
        ("untidy.py", '"""Untidy."""\n\nONE  =  1\n', "ruff format"),
        ("wrong.yaml", "a: 1\na: 2\n", "yamllint"),
        ("end.md", "No line end", "one line end"),
        ("blanks.md", "Blanks  \n", "no blanks"),
        ("key.txt", "-----BEGIN " + "RSA PRIVATE KEY-----\n", "no private key"),
    ],
)
def test_an_untidy_file_is_held_back(repository: Path, name: str, content: str, found: str) -> None:
    (repository / name).write_text(content)

    done = run_hooks(repository, name)

    assert done.returncode == 1
    [line] = [line for line in done.stdout.splitlines() if line.startswith(found)]
    assert line.endswith("Failed"), done.stdout
