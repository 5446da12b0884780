"""Every Bicep file is read by the public parsers. Nothing compiles it here."""

from __future__ import annotations

from pathlib import Path

import pytest
from pycep import BicepParser
from tree_sitter import Node

from tests.infra.bicep import INFRA, bicep_files, tree
from tests.infra.conftest import Breaking, Change


def unreadable(paths: list[Path]) -> list[str]:
    """What a parser does not understand, each with file and line."""
    problems = []
    for path in paths:
        problems += [f"{path.name}:{node.start_point.row + 1}: {node.type}" for node in faults(tree(path))]
        try:
            BicepParser().parse(text=path.read_text(encoding="utf-8"))
        except Exception as error:  # noqa: BLE001 - whatever it raises, it could not read the file
            problems.append(f"{path.name}: pycep: {type(error).__name__}")
    return problems


def faults(node: Node) -> list[Node]:
    """The nodes that stand for what is not understood, or is missing."""
    if not node.has_error:
        return []
    own = [node] if node.is_error or node.is_missing else []
    return own + [fault for one in node.children for fault in faults(one)]


def test_both_parsers_read_every_file() -> None:
    assert len(bicep_files(INFRA)) > 10
    assert unreadable(bicep_files(INFRA)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("modules/vault.bicep", "param name string", "param name string ="), "vault.bicep"),
        (("modules/site.bicep", "httpsOnly: true", "httpsOnly true"), "site.bicep"),
        (("main.bicep", "var tags = {", "var tags = {\n  ...others"), "main.bicep"),
    ],
)
def test_a_file_that_cannot_be_read_is_noticed(broken: Breaking, change: Change, expected: str) -> None:
    problems = unreadable([broken(change) / change[0]])
    assert problems
    assert all(expected in one for one in problems)
