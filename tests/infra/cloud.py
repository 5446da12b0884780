"""`az` and `azd` that answer what a test tells them and remember what they were asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.infra.bicep import INFRA

# What a command answers during which the hook that runs it is killed.
KILLED = Exception("the hook is killed")

# Answers with the first entry whose words the command line begins with; the answers of an entry in turn, the last one
# again and again. A file that is handed over (@path) is remembered by its content.
_PROGRAM = """#!{python}
import json, os, pathlib, signal, sys
folder = pathlib.Path({folder!r})
words = sys.argv[1:]
typed = list(words)
for at, word in enumerate(words):
    if word.startswith("@") and pathlib.Path(word[1:]).suffix == ".json":
        words[at] = pathlib.Path(word[1:]).read_text(encoding="utf-8")
program = pathlib.Path(sys.argv[0]).name
log = folder / "calls"
before = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
with log.open("a", encoding="utf-8") as file:
    file.write(json.dumps([[program, *words], [program, *typed]]) + "\\n")
line = " ".join([program, *words])
for start, answers in json.loads((folder / "answers").read_text(encoding="utf-8")):
    if line.startswith(start):
        turn = sum(" ".join(json.loads(one)[0]).startswith(start) for one in before)
        said, error = answers[min(turn, len(answers) - 1)]
        if error == {KILLED!r}:
            os.kill(os.getppid(), signal.SIGKILL)
        if error:
            sys.exit(error)
        print(said)
        break
"""


@dataclass
class Cloud:
    """What the commands answer, what they were asked, and a way to run a hook with them."""

    folder: Path
    answers: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put both programs where a hook finds them, and nothing else."""
        (self.folder / "bin").mkdir()
        for program in ("az", "azd"):
            file = self.folder / "bin" / program
            file.write_text(
                _PROGRAM.format(python=sys.executable, folder=str(self.folder), KILLED=str(KILLED)), encoding="utf-8"
            )
            file.chmod(0o755)

    def answers_to(self, start: str, *said: object) -> None:
        """To commands that begin like this, each of these in turn; an exception is an error with its message."""
        turns = [("", str(one)) if isinstance(one, Exception) else (json.dumps(one), "") for one in said]
        self.answers.insert(0, (start, turns))

    def run(self, hook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a hook of infra/hooks to its end."""
        (self.folder / "answers").write_text(json.dumps(self.answers), encoding="utf-8")
        environment = {"PATH": str(self.folder / "bin"), "PYTHONDONTWRITEBYTECODE": "1", **self.environment}
        environment |= {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
        command = [sys.executable, str(INFRA / "hooks" / f"{hook}.py"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)

    def calls(self, start: str = "") -> list[list[str]]:
        """The commands that were run, in order; those that begin like this, without what `az` is always told."""
        ends = ["--output", "json", "--only-show-errors"]
        calls = [one[: -len(ends)] if one[-len(ends) :] == ends else one for one, _ in self._log()]
        return [one for one in calls if " ".join(one).startswith(start)]

    def typed(self) -> list[list[str]]:
        """The commands as they were typed, with the names of files in place of their content."""
        return [one for _, one in self._log()]

    def _log(self) -> list[tuple[list[str], list[str]]]:
        log = self.folder / "calls"
        return [json.loads(one) for one in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []

    def kept(self) -> dict[str, str]:
        """The values that were kept in the azd environment."""
        return {one[3]: one[4] for one in self.calls("azd env set")}
