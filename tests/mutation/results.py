"""What became of each mutant: a line of JSON each, so that a run that was broken off goes on where it was."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tests.mutation.mutants import Mutant

Outcome = Literal["killed", "survived", "timed out"]


@dataclass(frozen=True)
class Result:
    """One mutant and what the tests said; `by` is the test that noticed it."""

    path: str
    line: str
    change: str
    key: str
    outcome: Outcome
    by: str
    seconds: float


class Results:
    """The results in a file; the last one of a mutant counts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, Result] = {}
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                result = Result(**json.loads(line))
                self._found[result.key] = result

    def holds(self, mutant: Mutant, *, again: bool) -> bool:
        """Whether the mutant was tried; with `again`, those that survived are to be tried again."""
        result = self._found.get(mutant.key)
        return result is not None and not (again and result.outcome == "survived")

    def add(self, result: Result) -> None:
        """Keep one more, at once."""
        self._found[result.key] = result
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")

    def of(self, mutant: Mutant) -> Result | None:
        """What became of a mutant, if it was tried."""
        return self._found.get(mutant.key)


def say(text: str) -> None:
    """A line to the terminal, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
