"""Queues, tables and containers have the names in the Bicep that they have in the code."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import queues
from tests.infra.bicep import INFRA, ROOT, Declared, declared, resources, text
from tests.infra.conftest import Breaking, Change

STORAGE = "Microsoft.Storage/storageAccounts"
# Made by the Bicep although the code does not name it.
FOR_THE_PLATFORM = {"packages": "the package that the app runs from"}


@functools.cache
def calls(method: str) -> frozenset[str]:
    """The names that the app's code gives to a method of a storage account."""
    return frozenset(_calls(method))


def _calls(method: str) -> Iterator[str]:
    for folder in ("exporters", "shared", "admin"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
                    for one in node.args[:1]:
                        if isinstance(one, ast.Constant) and isinstance(one.value, str):
                            yield one.value


def triggered() -> set[str]:
    """The queues that functions are triggered by."""
    code = ast.parse((ROOT / "function_app.py").read_text(encoding="utf-8"))
    given = [one.value for one in ast.walk(code) if isinstance(one, ast.keyword) and one.arg == "queue_name"]
    return {eval(compile(ast.Expression(one), "function_app.py", "eval"), vars(queues)) for one in given}  # noqa: S307


def made(folder: Path, kind: str) -> set[str]:
    """The names of what is made of a kind in the app's own account."""
    return {
        name
        for one in resources(folder, f"{STORAGE}/{kind}")
        if one.file == "modules/storage.bicep"
        for name in _names(folder, one)
    }


def _names(folder: Path, one: Declared) -> list[str]:
    name = text(one.at("name")).strip("'")
    if not one.looped:
        return [name]
    lists = {var.name: var.value for var in declared(folder, "var") if var.file == one.file}
    return [name.replace("${one}", each) if "${" in name else each for each in lists[one.looped]]


def wrong_stores(folder: Path) -> list[str]:
    """What the code uses and the Bicep does not make, and the other way round."""
    wanted = {
        "queueServices/queues": triggered(),
        "tableServices/tables": calls("table"),
        "blobServices/containers": calls("container") | FOR_THE_PLATFORM.keys(),
    }
    problems = []
    for kind, names in wanted.items():
        problems += [f"{one} is used and not made" for one in names - made(folder, kind)]
        problems += [f"{one} is made and not used" for one in made(folder, kind) - names]
    return sorted(problems)


def test_the_code_names_its_stores() -> None:
    assert {"Runs", "Limits"} <= calls("table")
    assert {"exports", "locks"} <= calls("container")
    assert {"export-runs", "export-runs-poison"} <= triggered()


def test_the_stores_that_the_code_uses_are_made_and_none_more() -> None:
    assert wrong_stores(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("modules/storage.bicep", "'export-runs'", "'exports-runs'"),
            [
                "export-runs is used and not made",
                "export-runs-poison is used and not made",
                "exports-runs is made and not used",
                "exports-runs-poison is made and not used",
            ],
        ),
        (("modules/storage.bicep", "  'Segments'\n", ""), ["Segments is used and not made"]),
        (("modules/storage.bicep", "  'Segments'\n", "  'Segments'\n  'Old'\n"), ["Old is made and not used"]),
        (
            ("modules/storage.bicep", "name: 'locks'", "name: 'lock'"),
            ["lock is made and not used", "locks is used and not made"],
        ),
    ],
)
def test_a_store_of_another_name_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert wrong_stores(broken(change)) == expected


def test_events_that_fail_are_put_aside_where_the_host_does_it() -> None:
    queues_there = [one for one in resources(INFRA, f"{STORAGE}/queueServices/queues") if "snapshots" in one.file]
    assert [one.at("name") for one in queues_there] == ["webjobs-blobtrigger-poison"]
