"""What the hooks share: the commands `az` and `azd`, the values of the environment, and how a hook ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parents[1]


class Stop(Exception):
    """The hook cannot go on; the message says why and what to do."""


class Refused(Stop):
    """A command ended with an error; the message is what it said."""


def run_hook(do: Callable[[], None]) -> int:
    """The exit code of a hook: 0, or 1 after saying why it stopped."""
    try:
        do()
    except Stop as why:
        sys.stdout.flush()
        sys.stderr.write(f"\n{why}\n")
        return 1
    return 0


def say(text: str) -> None:
    """A line for whoever is watching."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def value(name: str) -> str:
    """A value of the azd environment.

    Raises:
        Stop: it is not there.
    """
    found = os.environ.get(name)
    if not found:
        raise Stop(f"{name} is not set. This is run by `azd up`; to run it again alone: azd hooks run <hook>")
    return found


def value_or_none(name: str) -> str | None:
    """A value of the azd environment that need not be there."""
    return os.environ.get(name) or None


def az(*arguments: str) -> Any:
    """What `az` answers about the environment's subscription, read as JSON; None when it says nothing.

    Entra belongs to no subscription: `az ad`, and Microsoft Graph by `az rest`, answer for the tenant that is chosen in
    `az`. Before them comes `tenant`.

    Raises:
        Refused: it ended with an error.
        Stop: it is not installed.
    """
    subscription = value_or_none("AZURE_SUBSCRIPTION_ID")
    if not subscription or arguments[0] in ("ad", "rest"):
        # `az ad` does not take the argument, and `az rest` goes by what is chosen whatever it says.
        return _answer(*arguments)
    # The one that somebody has chosen in `az` may be another.
    return _answer(*arguments, "--subscription", subscription)


def tenant() -> str:
    """The id of the tenant of the environment's subscription, when that is the one whose Entra `az` would change.

    Raises:
        Stop: another one is chosen in `az`.
    """
    ours, chosen = (str(one["tenantId"]) for one in (az("account", "show"), _answer("account", "show")))
    if ours != chosen:
        raise Stop(
            f"In `az` a subscription of the tenant {chosen} is chosen; the environment's is in the tenant {ours}."
            " Nothing was changed in Entra. Choose the environment's with\n"
            f"  az account set --subscription {value('AZURE_SUBSCRIPTION_ID')}\n"
            "then run `azd up` again."
        )
    return ours


def _answer(*arguments: str) -> Any:
    said = _run("az", *arguments, "--output", "json", "--only-show-errors").strip()
    return json.loads(said) if said else None


def keep(name: str, kept: str) -> None:
    """Keep a value in the azd environment, for the parameters and for the next time."""
    _run("azd", "env", "set", name, kept)


def wait(until: float, pause: float, text: str) -> bool:
    """Whether there is time for one more try before `until` (of the monotonic clock), after saying so and a pause."""
    left = until - time.monotonic()
    if left <= 0:
        return False
    say(text)
    time.sleep(min(pause, left))
    return True


@contextlib.contextmanager
def json_file(content: object) -> Iterator[str]:
    """A file for an argument that would not survive every shell, or that nobody is to see in a list of processes."""
    descriptor, path = tempfile.mkstemp(suffix=".json")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
        yield f"@{path}"
    finally:
        Path(path).unlink()


def _run(program: str, *arguments: str) -> str:
    # On Windows both are scripts, which are only found with their whole name.
    path = shutil.which(program)
    if not path:
        links = {"az": "https://aka.ms/azure-cli", "azd": "https://aka.ms/azd"}
        raise Stop(f"The command {program} was not found. Install it ({links[program]}), then run `azd up` again.")
    done = subprocess.run([path, *arguments], capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        shown = " ".join([program, *arguments[:3]])
        raise Refused(f"`{shown} …` failed:\n{done.stderr.strip() or done.stdout.strip() or 'it said nothing'}")
    return done.stdout
