"""Every check, in order, up to the first that fails; then the tests.

python3 dev.py test                                         every test, in several processes
python3 dev.py test exporters infra                         those of these folders of tests/
python3 dev.py test tests/exporters/test_halving.py -x      pytest with these options (.venv/bin/pytest --help)
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import dev

# Everything at once: each worker has services of its own, so there are few, and one that is done takes from another.
ALL_TESTS = ("--numprocesses=logical", "--maxprocesses=4", "--dist=worksteal")


def main(arguments: Sequence[str]) -> int:
    """The exit code of the first check that fails, else that of pytest."""
    if {"-h", "--help"} & set(arguments):
        dev.say((__doc__ or "").strip())
        return 0
    if failed := check():
        return failed
    # Ctrl-C reaches pytest too, which ends what it has started and sums up: that is waited for.
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.run(pytest_command(arguments), cwd=dev.ROOT, check=False).returncode


def check() -> int:
    """Run the checks and say how long each took; what it said, only if it fails."""
    python = [sys.executable, "-m"]
    checks = {
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "mypy": [*python, "mypy"],
        "lint-imports": [str(Path(sys.executable).with_name("lint-imports" + (".exe" if dev.WINDOWS else "")))],
    }
    for name, command in checks.items():
        dev.say(name.ljust(14), end="")
        began = time.monotonic()
        done = dev.run_quietly(command, dev.ROOT)
        dev.say(f"{'failed' if done.returncode else 'ok':6} {time.monotonic() - began:5.1f} s")
        if done.returncode:
            dev.say(done.stdout.rstrip())
            dev.say(f"\n{name} failed. To run it alone: {' '.join(command)}")
            return done.returncode
    dev.say("pytest")
    return 0


def pytest_command(arguments: Sequence[str]) -> list[str]:
    """Arguments go to pytest as they are, but a name of a folder in tests/ means that folder; without any, all run."""
    folders = {one.name for one in (dev.ROOT / "tests").iterdir() if one.is_dir()}
    chosen = [f"tests/{one}" if one in folders else one for one in arguments]
    return [sys.executable, "-m", "pytest", *(chosen or ALL_TESTS)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
