"""What became of the mutants, for people: a summary for the terminal, and docs/mutation-testing.md."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.results import Results

FOLDERS = ("exporters", "shared")
PAGE = "docs/mutation-testing.md"
_JUDGED = "tests/mutation/judged.toml"


class Judgement(BaseModel):
    """Why no test has to notice a change; without `changes`, any change of the line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: str
    line: str
    changes: tuple[str, ...] = ()
    why: str

    def is_about(self, mutant: Mutant) -> bool:
        """Whether it judges this one."""
        same_line = mutant.path == self.module and mutant.line == self.line
        return same_line and (not self.changes or mutant.change in self.changes)


@dataclass
class Module:
    """The mutants of one module."""

    path: str
    counts: Counter[str] = field(default_factory=Counter)
    judged: list[tuple[Mutant, str]] = field(default_factory=list)
    open: list[Mutant] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """How many were tried."""
        return self.counts.total() - self.counts["not tried"]


def modules(root: Path, results: Results) -> Iterator[Module]:
    """Every module with the results that hold for it as it stands now."""
    judgements = read_judgements(root)
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        module = Module(name)
        for mutant in mutants_of(name, path.read_text(encoding="utf-8")):
            result = results.of(mutant)
            module.counts[result.outcome if result else "not tried"] += 1
            if result and result.outcome == "survived":
                why = next((one.why for one in judgements if one.is_about(mutant)), None)
                if why is None:
                    module.open.append(mutant)
                else:
                    module.judged.append((mutant, why))
        if module.counts:
            yield module


def read_judgements(root: Path) -> list[Judgement]:
    """The judgements in the order of their file."""
    content = tomllib.loads((root / _JUDGED).read_text(encoding="utf-8"))
    return [Judgement(**one) for one in content["judged"]]


def summary(found: list[Module]) -> str:
    """One line a module, and the sum."""
    lines = [f"{'':44}{'tried':>8}{'killed':>8}{'timed out':>11}{'judged':>8}{'open':>6}"]
    lines += [_summary_line(module.path, [module]) for module in found if module.tried]
    lines.append(_summary_line("all", found))
    open_ones = [f"{one.path}: {one.line}   [{one.change}]" for module in found for one in module.open]
    return "\n".join([*lines, *(["", "Neither noticed nor judged:", *open_ones] if open_ones else [])])


def _summary_line(name: str, found: list[Module]) -> str:
    tried, judged = sum(one.tried for one in found), sum(len(one.judged) for one in found)
    killed, timed_out = (sum(one.counts[how] for one in found) for how in ("killed", "timed out"))
    return f"{name:44}{tried:8,}{killed:8,}{timed_out:11,}{judged:8,}{sum(len(one.open) for one in found):6,}"


def page(found: list[Module]) -> str:
    """The page in docs/."""
    rows = [_row(f"`{module.path}`", [module]) for module in found]
    total = _row("**all**", found)
    sampled = [module for module in found if module.counts["not tried"]]
    missing = sum(module.counts["not tried"] for module in sampled)
    note = (
        f"{missing:,} mutants have not been tried with the code as it stands (column *not tried*).\n" if missing else ""
    )
    judged = [f"\n### `{module.path}`\n\n{_table(module.judged)}" for module in found if module.judged]
    opened = [(one, "not judged yet") for module in found for one in module.open]
    return _TEXT.format(
        table="\n".join([*rows, total]),
        note=note,
        judged="\n".join(judged),
        open=f"\n## Open\n\n{_table(opened)}\n" if opened else "",
    )


def _row(name: str, found: list[Module]) -> str:
    counts = sum((module.counts for module in found), Counter[str]())
    judged = sum(len(module.judged) for module in found)
    cells = [counts.total(), counts["killed"], counts["timed out"], counts["survived"], judged, counts["not tried"]]
    return f"| {name} | {' | '.join(f'{cell:,}' for cell in cells)} |"


def _table(judged: list[tuple[Mutant, str]]) -> str:
    lines = ["| line | change | why |", "| --- | --- | --- |"]
    groups: dict[tuple[str, str], list[str]] = {}
    for mutant, why in judged:
        groups.setdefault((mutant.line, why), []).append(mutant.change)
    for (line, why), changes in groups.items():
        shown = "; ".join(_code(change) for change in dict.fromkeys(changes))
        lines.append(f"| {_code(line)} | {shown} | {why} |")
    return "\n".join(lines)


def _code(text: str) -> str:
    quote = "``" if "`" in text else "`"
    return f"{quote}{text.replace('|', chr(92) + '|')}{quote}"


_TEXT = """# Mutation testing

Are the tests strict enough to notice a mistake? Each small mistake that a slip of the hand or of the mind would leave
in `exporters/` and `shared/` is made, one at a time, and the tests have to fail.

```
python3 dev.py mutate                         # every module; goes on where it was broken off
python3 dev.py mutate shared/tables.py        # one module, or a folder
python3 dev.py mutate --again                 # what survived and is not judged is tried again, with new tests
```

The first of these writes this page and takes about an hour of a processor, once: results are kept, and only what has
changed is tried again. It needs Python 3.12 or newer and a system that can fork (Linux, macOS).

## How it is done

- A **mutant** is one change: a comparison moved by one or turned round, `and` for `or`, `+` for `-`, a number one
  higher, a flag turned, a word misspelt, a condition negated, an argument left out, a call forgotten, an error not
  raised or not caught, `return None`. What only people read (messages, logs, descriptions) is left alone,
  and so is the list of words that columns are called by.
- The tests run **once** without a change, and for each the lines are noted that it executes (`sys.monitoring`). A
  mutant meets only the tests that execute its statement, the fastest first, up to the first that fails.
- Azurite, Key Vault and the rest run **once**: each mutant has a process forked from the one in which they are up and
  the tests collected. A change inside a function is put into the living function; any other one (a constant, a field, a
  default) has the app imported anew in that process.
- A test that takes six seconds and five times as long as usual is ended: the mutant has **timed out**, which counts as
  noticed.
- What common code does, nearly every test executes: a mutant meets at most twenty seconds of tests (`--seconds`),
  beginning with those whose file is named after its module.
- It all happens in a copy of the tree. Results are kept in `.local/mutation/results.jsonl`; they hold for as long as
  the function stays as it is.
- The tests are those of `tests/exporters`, `tests/shared` and `tests/hostile` that are not marked as slow; `--all`
  takes the slow ones too, `--tests` any others (`tests/promises`).

## Result

| module | mutants | killed | timed out | survived | of these judged | not tried |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
{table}

{note}
## Survivors that are as they should be

A change that alters nothing that can be seen from outside is *equivalent*. Others could be seen, but a test for them
would cost more than it tells. The judgements are in `tests/mutation/judged.toml`.
{judged}
{open}"""
