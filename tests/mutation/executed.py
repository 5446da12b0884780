"""Which lines of the app each test executes, and how long it takes: what is needed to choose tests for a mutant."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from types import CodeType
from typing import Any

from tests.mutation.mutants import Mutant

_TOOL = 4
# What Python 3.12 brought; the type checker is told of 3.11.
_monitoring: Any = vars(sys).get("monitoring")


@dataclass(frozen=True)
class Run:
    """One test: its seconds, and the lines that it executes, by path below the root."""

    seconds: float
    lines: dict[str, list[int]]


@dataclass
class Executed:
    """What each test executes. Kept between runs for as long as its file and everything but the tests stay the same."""

    runs: dict[str, Run] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def kept(cls, file: Path, root: Path) -> Executed:
        """What is still valid of that which was kept in `file`."""
        now = _digests(root)
        if not file.exists():
            return cls(digests=now)
        found = json.loads(file.read_text(encoding="utf-8"))
        was: dict[str, str] = found["digests"]
        if was.get("") != now[""]:
            return cls(digests=now)
        runs = {test: Run(**run) for test, run in found["runs"].items()}
        valid = {test: run for test, run in runs.items() if was.get(_file_of(test)) == now.get(_file_of(test))}
        return cls(valid, now)

    def keep(self, file: Path) -> None:
        """For the next time."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def tests_for(self, mutant: Mutant, used_in: dict[str, set[int]], seconds: float) -> list[str]:
        """The tests to try, as many as take `seconds`: those of the module's own specification first, then the fastest.

        They execute the changed statement. A change that shows on import has no line that a test executes: for it those
        of the specification and those that execute a line of `used_in`, where its name is used, come before the others.
        """
        if executing := self.tests_executing(mutant):
            chosen = self._ordered(mutant, executing)
        else:
            near = {test for test in self.runs if _own(mutant) in test}
            near = near.union(*(self._of(path, lines) for path, lines in used_in.items()))
            others = {test for test, run in self.runs.items() if mutant.path in run.lines} - near
            chosen = self._ordered(mutant, near) + self._ordered(mutant, others)
        spent = itertools.accumulate(self.runs[test].seconds for test in chosen)
        fitting = [test for test, so_far in zip(chosen, spent, strict=True) if so_far <= seconds]
        return fitting or chosen[:1]

    def tests_executing(self, mutant: Mutant) -> set[str]:
        """The tests that execute the changed statement; none where it is executed on import, or never."""
        return self._of(mutant.path, range(mutant.first, mutant.last + 1)) if mutant.function else set()

    def _of(self, path: str, lines: range | set[int]) -> set[str]:
        return {test for test, run in self.runs.items() if any(line in lines for line in run.lines.get(path, ()))}

    def _ordered(self, mutant: Mutant, tests: set[str]) -> list[str]:
        return sorted(tests, key=lambda test: (_own(mutant) not in test, self.runs[test].seconds, test))


class Watch:
    """Notes the lines of the app that are executed, in any thread. Needs Python 3.12."""

    def __init__(self, root: Path, folders: tuple[str, ...]) -> None:
        self._prefixes = tuple(f"{root / folder}/" for folder in folders)
        self._root = root
        self._lines: set[tuple[str, int]] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """For as long as the block lasts."""
        _monitoring.use_tool_id(_TOOL, "mutation")
        events = _monitoring.events
        _monitoring.register_callback(_TOOL, events.LINE, self._line)
        _monitoring.set_events(_TOOL, events.LINE)
        try:
            yield
        finally:
            _monitoring.set_events(_TOOL, 0)
            _monitoring.free_tool_id(_TOOL)

    def begin(self) -> None:
        """From here on every line counts again."""
        self._lines.clear()
        _monitoring.restart_events()

    def lines(self) -> dict[str, list[int]]:
        """The lines since `begin`, by the path of their module."""
        found: dict[str, list[int]] = {}
        for name, line in sorted(self._lines):
            found.setdefault(Path(name).relative_to(self._root).as_posix(), []).append(line)
        return found

    def _line(self, code: CodeType, line: int) -> object:
        if code.co_filename.startswith(self._prefixes):
            self._lines.add((code.co_filename, line))
        # Once is enough for a line, until the next test.
        return _monitoring.DISABLE


def _own(mutant: Mutant) -> str:
    """How the specification of a module begins: `test_upload.py`, `test_upload_edges.py`."""
    return f"/test_{PurePosixPath(mutant.path).stem}"


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def _digests(root: Path) -> dict[str, str]:
    """Of each file of tests, and under "" of everything else together."""
    digests, others = {}, sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith((".", "tests/mutation/")):
            continue
        digest = sha256(path.read_bytes()).hexdigest()
        if path.name.startswith("test_"):
            digests[name] = digest
        else:
            others.update(f"{name} {digest}".encode())
    return {**digests, "": others.hexdigest()}
