"""An environment that holds what is installed in Azure, exactly as it is installed there, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dev


def make_environment(folder: Path) -> Path:
    """Make it anew in `folder`; its Python. Takes half a minute.

    pip stays outside: what is not in the lock is not in the environment. A file whose hash the lock does not know is
    refused. Raises subprocess.CalledProcessError, with pip's output.
    """
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)])
    python = folder / dev.PYTHON_IN_VENV
    install_into(python, "--require-hashes", "--requirement", str(dev.PRODUCTION_PINS))
    return python


def install_into(python: Path, *what: str) -> None:
    """Call pip for the environment of this Python; subprocess.CalledProcessError, with pip's output, if it fails."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--no-input"]
    _run([*pip, "install", "--no-compile", "--quiet", "--timeout", "60", *what])


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    except subprocess.CalledProcessError as error:
        error.add_note(error.output)
        raise


def _make(folder: Path) -> None:
    make_environment(folder)


def production_python() -> Path:
    """The Python of the environment that the commands share; it is made when the lock has changed."""
    folder = dev.LOGS / "production"
    with dev.only_one():
        made_from = dev.fingerprint([dev.PRODUCTION_PINS], sys.version_info[:3])
        dev.keep_or_make(folder, made_from, lambda: _make(folder))
    return folder / dev.PYTHON_IN_VENV
