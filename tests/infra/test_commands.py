"""Whoever types what the documents say gets no "unrecognized arguments" from the Azure CLI."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from tests.docs.reading import Document, documents
from tests.infra.az import refusal
from tests.infra.bicep import INFRA

_INNER = re.compile(r"\$\(([^()]*)\)")
_COMMAND = re.compile(r"(?:^|[;&|] *|\bdo +)az (\S.*?)(?=$|;| && )", re.MULTILINE)


def typed(code: str) -> Iterator[list[str]]:
    """The words after each `az` in lines of a shell, those within `$(…)` among them."""
    while inner := _INNER.search(code):
        yield from typed(inner[1])
        code = code.replace(inner[0], "X")
    for found in _COMMAND.findall(code):
        yield shlex.split(found)


def refused(one: Document) -> list[str]:
    """What the Azure CLI would not take; a command that is only named, without any option, may lack required ones."""
    words = [words for code in one.code for words in typed(code)]
    named = [one for one in words if not any(word.startswith("-") for word in one)]
    problems = [(one, refusal(one)) for one in words if one not in named]
    problems += [(one, why) for one in named if (why := refusal(one)) and "are required" not in why]
    return [f"az {' '.join(one)}: {why}" for one, why in problems if why]


@pytest.mark.parametrize("one", [one for one in documents() if "az " in " ".join(one.code)], ids=lambda one: one.name)
def test_the_azure_cli_takes_what_a_document_says(one: Document) -> None:
    assert refused(one) == []


def test_the_azure_cli_takes_what_a_hook_advises() -> None:
    commands = set()
    for path in (INFRA / "hooks").glob("*.py"):
        advised = re.findall(r"\baz ((?:[a-z]+ )(?:[a-z-]+ )+--[^\"\\]*)", path.read_text(encoding="utf-8"))
        commands |= {re.sub(r"\{[^}]*\}", "X", one).strip() for one in advised}
    assert len(commands) >= 5
    assert [(one, why) for one in sorted(commands) if (why := refusal(one.split())) and "are required" not in why] == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("az ad app list --subscription mine", "unrecognized arguments: --subscription"),
        ('ME=$(az ad signed-in-user show --name "me")', "unrecognized arguments: --name"),
        ("az group purge --name x", "'group purge' is misspelled"),
        ("for Q in a; do az storage message clear --auth-mode login; done", "required: --queue-name/-q"),
    ],
)
def test_what_the_azure_cli_does_not_take_is_noticed(code: str, why: str) -> None:
    (words,) = typed(code)
    assert why in str(refusal(words))
