"""Which changes are tried, and what of them is known."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.executed import Executed, Run
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.page import Judgement, Module, modules, page, read_judgements, summary
from tests.mutation.results import Result, Results

ROOT = Path(__file__).resolve().parents[2]
SOURCE = '''
"""A module."""

import os

LIMIT = 5


class Box:
    size: int = 3

    def holds(self, things, more=1):
        """Whether they fit."""
        if not things or len(things) + more > self.size:
            raise ValueError(
                f"too many: {len(things)}"
            )
        log.info("fits")
        self.last = things
        return True


def look(box):
    try:
        box.holds(
            [],
            more=0,
        )
    except (KeyError, ValueError):
        return None
    for thing in box.last:
        if thing is None and LIMIT:
            continue
        yield thing
'''


def changes(source: str, **of: object) -> set[str]:
    return {m.change for m in mutants_of("m.py", source) if all(getattr(m, name) == is_ for name, is_ in of.items())}


def test_of_a_list_of_words_nothing_is_tried() -> None:
    path = "exporters/matching_words.py"
    assert mutants_of("m.py", (ROOT / path).read_text(encoding="utf-8")) != []
    assert mutants_of(path, (ROOT / path).read_text(encoding="utf-8")) == []


def test_every_small_mistake_is_tried() -> None:
    assert changes(SOURCE) == {
        "5 → 6",
        "3 → 4",
        "1 → 2",
        "0 → 1",
        "not things → without not",
        "or → and",
        "and → or",
        "+ → -",
        "> → >=",
        "is → is not",
        "True → False",
        "raise ValueError(f'too many: {len(things)}') → nothing",
        "self.last = things → nothing",
        "return True → return None",
        "box.holds([], more=0) → nothing",
        "more=0 → left out",
        "except KeyError → nothing",
        "except ValueError → nothing",
        "continue → break",
    }


def test_what_shows_on_import_alone_has_no_function() -> None:
    assert changes(SOURCE, function="") == {"5 → 6", "3 → 4", "1 → 2"}
    assert "is → is not" in changes(SOURCE, function="look")
    assert "or → and" in changes(SOURCE, function="Box.holds")


@pytest.mark.parametrize("mutant", mutants_of("m.py", SOURCE), ids=lambda mutant: mutant.change)
def test_a_mutant_is_another_program_whose_lines_have_their_numbers(mutant: Mutant) -> None:
    changed = mutant.apply(SOURCE)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(SOURCE))
    assert changed.count("\n") == SOURCE.count("\n")
    assert changed.splitlines()[-1] == SOURCE.splitlines()[-1] or mutant.last >= SOURCE.count("\n") - 3


def test_every_module_of_the_app_gives_programs() -> None:
    path = ROOT / "shared" / "tables.py"
    source = path.read_text(encoding="utf-8")
    for mutant in mutants_of("shared/tables.py", source):
        ast.parse(mutant.apply(source))


def test_a_mutant_is_known_again_when_something_else_has_changed() -> None:
    before = {m.key for m in mutants_of("m.py", SOURCE) if m.function == "look"}
    moved = SOURCE.replace("LIMIT = 5", "# A remark.\n\nLIMIT = 7")
    assert {m.key for m in mutants_of("m.py", moved) if m.function == "look"} == before
    changed = SOURCE.replace("if thing is None", "if thing is not None")
    assert not {m.key for m in mutants_of("m.py", changed) if m.function == "look"} & before


def test_a_change_that_occurs_twice_in_a_line_is_two_mutants() -> None:
    found = mutants_of("m.py", "def f(a):\n    return a == 1 or a == 2\n")
    assert [m.occurrence for m in found if m.change == "== → !="] == [0, 1]
    assert len({m.key for m in found}) == len(found)


def test_a_mutant_meets_the_tests_that_execute_it_its_own_first_and_the_fastest() -> None:
    executed = Executed(
        {
            "tests/test_other.py::fast": Run(0.1, {"m.py": [25]}),
            "tests/test_other.py::slow": Run(5.0, {"m.py": [25]}),
            "tests/test_m.py::own": Run(0.2, {"m.py": [25]}),
            "tests/test_other.py::elsewhere": Run(0.01, {"m.py": [12]}),
        }
    )
    mutant = next(m for m in mutants_of("m.py", SOURCE) if m.change == "more=0 → left out")
    assert (mutant.first, mutant.last) == (25, 28)
    expected = ["tests/test_m.py::own", "tests/test_other.py::fast", "tests/test_other.py::slow"]
    assert executed.tests_for(mutant, {}, seconds=10) == expected
    assert executed.tests_for(mutant, {}, seconds=1) == expected[:2]


def test_what_shows_on_import_meets_the_tests_that_use_its_name() -> None:
    runs = {"t.py::near": Run(1, {"n.py": [7]}), "t.py::far": Run(0.1, {"m.py": [12]}), "t/test_m.py::own": Run(2, {})}
    executed = Executed(runs)
    mutant = next(m for m in mutants_of("m.py", SOURCE) if m.change == "5 → 6")
    assert executed.tests_for(mutant, {"n.py": {7}}, seconds=10) == ["t/test_m.py::own", "t.py::near", "t.py::far"]
    assert executed.tests_for(mutant, {"n.py": {7}}, seconds=3) == ["t/test_m.py::own", "t.py::near"]


def test_results_are_kept_and_survivors_tried_again_when_asked(tmp_path: Path) -> None:
    one, other = mutants_of("m.py", SOURCE)[:2]
    results = Results(tmp_path / "results.jsonl")
    for mutant, outcome in ((one, "killed"), (other, "survived")):
        results.add(Result("m.py", mutant.line, mutant.change, mutant.key, outcome, "a test", 0.1))  # type: ignore[arg-type]
    again = Results(tmp_path / "results.jsonl")
    assert again.holds(one, again=True)
    assert again.holds(other, again=False)
    assert not again.holds(other, again=True)
    found = again.of(other)
    assert found is not None
    assert found.outcome == "survived"


def test_a_judgement_is_about_a_line_and_its_changes() -> None:
    mutant = next(m for m in mutants_of("m.py", SOURCE) if m.change == "5 → 6")
    assert Judgement(module="m.py", line="LIMIT = 5", why="w").is_about(mutant)
    assert Judgement(module="m.py", line="LIMIT = 5", changes=("5 → 6",), why="w").is_about(mutant)
    assert not Judgement(module="m.py", line="LIMIT = 5", changes=("5 → 7",), why="w").is_about(mutant)
    assert not Judgement(module="n.py", line="LIMIT = 5", why="w").is_about(mutant)


def test_the_page_tells_what_survived_and_why() -> None:
    first, second, *_ = mutants_of("m.py", SOURCE)
    module = Module("m.py", judged=[(first, "a limit of ours")], open=[second])
    module.counts.update({"killed": 7, "timed out": 1, "survived": 2, "not tried": 3})
    text = page([module])
    assert "| `m.py` | 13 | 7 | 1 | 2 | 1 | 3 |" in text
    assert f"| `LIMIT = 5` | `{first.change}` | a limit of ours |" in text
    assert "not judged yet" in text
    assert "Neither noticed nor judged" in summary([module])


def test_every_judgement_names_a_line_that_is_there() -> None:
    for one in read_judgements(ROOT):
        lines = {line.strip() for line in (ROOT / one.module).read_text(encoding="utf-8").splitlines()}
        assert one.line in lines, f"{one.module} has no line {one.line!r} any more"
        assert one.why


def test_without_results_every_mutant_is_not_tried(tmp_path: Path) -> None:
    found = list(modules(ROOT, Results(tmp_path / "none.jsonl")))
    assert {module.path for module in found} >= {"exporters/upload.py", "shared/tables.py"}
    assert all(set(module.counts) == {"not tried"} for module in found)
