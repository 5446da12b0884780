"""What the Azure CLI takes: `az.json` has the options of each command that the hooks and the documents use.

They are those of azure-cli 2.91.0, read from its own parser; `az <command> --help` shows them.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TypedDict

# These every command takes.
EVERYWHERE = frozenset({"--debug", "--help", "-h", "--only-show-errors", "--output", "-o", "--query", "--verbose"})


class Options(TypedDict):
    """The options of a command; of each group of `required` ones, which are names for the same, one has to be there."""

    known: list[str]
    required: list[list[str]]


@cache
def commands() -> dict[str, Options]:
    """Each command by its words."""
    read: dict[str, Options] = json.loads(Path(__file__).with_name("az.json").read_text(encoding="utf-8"))
    return read


def refusal(words: list[str]) -> str | None:
    """Why the Azure CLI would refuse these words after `az`; None where it would not."""
    first = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    command = commands().get(" ".join(words[:first]))
    if command is None:
        return f"'{' '.join(words[:first])}' is misspelled or not recognized by the system."
    options = {word.partition("=")[0] for word in words[first:] if word.startswith("-")}
    unknown = sorted(options - EVERYWHERE - set(command["known"]))
    missing = ["/".join(names) for names in command["required"] if not options & set(names)]
    if unknown:
        return f"unrecognized arguments: {' '.join(unknown)}"
    return f"the following arguments are required: {', '.join(missing)}" if missing else None
