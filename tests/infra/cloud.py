"""`az` and `azd` that answer what a test tells them and remember what they were asked.

What the real `az` does not take, this one refuses too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.infra.bicep import INFRA, ROOT

# What a command answers during which the hook that runs it is killed.
KILLED = Exception("the hook is killed")
# What azd tells every hook, beside the values of the environment.
SUBSCRIPTION = "0b1f6436-1d34-4a5f-b3c2-9c1a52a8e001"

# Answers with the first entry whose words the command line begins with; the answers of an entry in turn, the last one
# again and again. A file that is handed over (@path) is remembered by its content.
_PROGRAM = """#!{python}
import json, os, pathlib, signal, sys
sys.path.insert(0, {root!r})
from tests.infra.az import refusal
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
why = refusal(sys.argv[1:]) if program == "az" else None
if why:
    sys.exit("ERROR: " + why)
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
                _PROGRAM.format(python=sys.executable, root=str(ROOT), folder=str(self.folder), KILLED=str(KILLED)),
                encoding="utf-8",
            )
            file.chmod(0o755)

    def answers_to(self, start: str, *said: object) -> None:
        """To commands that begin like this, each of these in turn; an exception is an error with its message."""
        turns = [("", str(one)) if isinstance(one, Exception) else (json.dumps(one), "") for one in said]
        self.answers.insert(0, (start, turns))

    def run(self, hook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a hook of infra/hooks to its end."""
        return self._run(sys.executable, str(INFRA / "hooks" / f"{hook}.py"), *arguments)

    def run_text(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run what azure.yaml has for a moment, as azd does on POSIX."""
        python = self.folder / "bin" / "python3"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        python.chmod(0o755)
        return self._run("/bin/sh", "-ec", text)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "answers").write_text(json.dumps(self.answers), encoding="utf-8")
        environment = {"PATH": str(self.folder / "bin"), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, **self.environment}
        environment |= {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)

    def calls(self, start: str = "") -> list[list[str]]:
        """The commands that were run, in order; those that begin like this, without what `az` is always told."""
        calls = [one for one, _ in self._log()]
        for ends in (["--output", "json", "--only-show-errors"], ["--subscription", SUBSCRIPTION]):
            calls = [one[: -len(ends)] if one[-len(ends) :] == ends else one for one in calls]
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
