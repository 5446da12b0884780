"""The fuzzer's own specification: what it takes, what it says, and that every target stands what it begins with."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.fuzz import __main__ as fuzzing
from tests.fuzz.targets import TARGETS

needs_atheris = pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="Atheris is not installed")


def test_every_target_can_be_named() -> None:
    assert set(fuzzing.NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_stands_its_seeds_and_parts_of_them(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds:
        for end in range(len(seed) + 1):
            target.call(seed[:end])


def test_a_target_that_is_not_there_is_told_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fuzzing.main(["oracle"])
    assert ended.value.code == 2
    assert "no target oracle; there are csv, model" in capsys.readouterr().err


def test_without_atheris_it_is_said_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert fuzzing.main(["csv"]) == 2
    assert "needs Atheris" in capsys.readouterr().out


def test_a_finding_makes_the_exit_code_1_and_is_told_with_how_to_repeat_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = fuzzing.Result("csv", 1_234, 5.0, (Path("kept/crash-1"),), "#1 INITED\nAssertionError: no\n")
    fine = fuzzing.Result("model", 10, 5.0, (), "")
    results = {"csv": found, "model": fine}
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(fuzzing, "fuzz", lambda name, _: results[name])
    assert fuzzing.main(["model"]) == 0
    assert fuzzing.main(["csv", "model"]) == 1
    said = capsys.readouterr().out
    assert "1,234" in said
    assert "AssertionError: no" in said
    assert "python3 dev.py fuzz csv --repeat kept/crash-1" in said


@needs_atheris
def test_a_target_is_fuzzed_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "KEPT", tmp_path)
    result = fuzzing.fuzz("email", 1)
    assert result.executions > 100
    assert (result.findings, result.said) == ((), "")
    assert list((tmp_path / "email" / "corpus").iterdir())


@needs_atheris
def test_a_target_that_cannot_even_begin_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "KEPT", tmp_path)
    result = fuzzing.fuzz("nothing", 1)
    assert "KeyError" in result.said
