"""The command line: copies the tree, tries the mutants in the copy, says what became of them."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.mutation.page import FOLDERS, PAGE, modules, page, summary
from tests.mutation.results import Results, say

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".local" / "mutation"
_LEFT_OUT = (".git", ".venv", ".local", "node_modules", "__pycache__", ".hypothesis", "*_cache")
# The tests of the two folders; what runs in other processes cannot be changed from here.
TESTS = ("tests/exporters", "tests/shared", "tests/hostile")


def main() -> int:
    """Try mutants; 0 when each was noticed or is judged, 1 when one is neither, 2 when it cannot run here."""
    parser = argparse.ArgumentParser(prog="python3 dev.py mutate", description=__doc__)
    parser.add_argument("paths", nargs="*", help="modules or folders to change (default: all, and the page is written)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (default 1)")
    parser.add_argument("--sample", type=int, help="at most so many of each module, always the same ones")
    parser.add_argument("--seconds", type=float, default=20, help="of tests that a mutant meets at most (default 20)")
    parser.add_argument("--again", action="store_true", help="try again what survived and is not judged")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="the tests to choose from")
    parser.add_argument("--all", action="store_true", help="the slow tests too")
    options = parser.parse_args()
    if not hasattr(sys, "monitoring") or not hasattr(os, "fork"):
        say("Mutants need Python 3.12 or newer, and a system that can fork: Linux or macOS.")
        return 2
    # Not before: it imports what only such a system has.
    from tests.mutation.session import Orders

    say("Copying the tree, and collecting the tests")
    copy = WORK / "tree"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (copy / "local" / "node_modules").symlink_to((ROOT / "local" / "node_modules").resolve())
    paths = tuple(Path(path).as_posix().removeprefix("./") for path in options.paths or FOLDERS)
    orders = Orders(paths, str(WORK / "results.jsonl"), options.jobs, options.sample, options.again, options.seconds)
    environment = dict(os.environ, MUTATION_ORDERS=orders.written(), PYTHONPATH=str(copy), PYTHONDONTWRITEBYTECODE="1")
    chosen = [] if options.all else ["-m", "not slow"]
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-p",
        "tests.mutation.session",
        "-s",
        "-q",
        *chosen,
        *options.tests,
    ]
    ended = subprocess.run(command, cwd=copy, env=environment, check=False).returncode
    if ended:
        return ended
    found = list(modules(ROOT, Results(WORK / "results.jsonl")))
    say(summary(found))
    if not options.paths:
        (ROOT / PAGE).write_text(page(found), encoding="utf-8")
    return 1 if any(module.open for module in found) else 0


if __name__ == "__main__":
    sys.exit(main())
