"""Kills a worker at a line of its refresh, as the plan may: no handler runs, nothing is released.

Run as a program, it forks a worker for each order on its standard input: so each begins at once, with everything
imported and nothing open.
"""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from exporters.constant_contact.tokens import Tokens
from shared.secrets import Secrets
from tests.exporters.constant_contact.instances import Instance

# A refresh from the decision to the end, with what of our own it calls to write the secret.
_LINES_OF = (Tokens._refresh, Tokens._spend, Tokens._save, Secrets.set, Secrets._disable, Secrets._enabled)


@dataclass(frozen=True)
class Death:
    """Where a worker died: the function, and which line after its first."""

    function: str
    line: int


class Graveyard:
    """The program that forks the workers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def kill_at(self, number: int, instance: Instance) -> Death | None:
        """Let a worker ask for a token and kill it before the `number`-th line; None when it came to its end first."""
        assert self._process.stdin
        assert self._process.stdout
        print(base64.b64encode(pickle.dumps((number, instance))).decode(), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().split()
        assert answer, "the workers' program has ended"
        return Death(answer[0], int(answer[1])) if len(answer) > 1 else None


@contextmanager
def graveyard() -> Iterator[Graveyard]:
    """The program, for as long as the block lasts."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Graveyard(process)
        assert process.stdin
        process.stdin.close()


def _die_at(number: int, tell: int) -> None:
    """Count the lines of a refresh from now on; before the `number`-th, tell where and be gone."""
    first_lines = {function.__code__: function.__code__.co_firstlineno for function in _LINES_OF}
    left = number

    def line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if not left:
                where = f"{frame.f_code.co_name} {frame.f_lineno - first_lines[frame.f_code]}"
                os.write(tell, where.encode())
                os._exit(1)
        return line

    sys.settrace(lambda frame, _event, _: line if frame.f_code in first_lines else None)


def _work(number: int, instance: Instance, tell: int) -> None:
    """The life of a worker, in its own process."""
    try:
        tokens = instance.tokens()
        _die_at(number, tell)
        tokens.access_token(instance.connection)
    except BaseException:  # noqa: BLE001 - told, and the test fails for want of an answer
        traceback.print_exc()
        os._exit(2)
    os.write(tell, b"alive")
    os._exit(0)


def main() -> None:
    """Fork a worker for each line of input, and tell of each where it died."""
    for order in sys.stdin:
        number, instance = pickle.loads(base64.b64decode(order))  # noqa: S301 - from the test that started this
        listen, tell = os.pipe()
        worker = os.fork()
        if not worker:
            _work(number, instance, tell)
        os.close(tell)
        with os.fdopen(listen) as told:
            print(told.read(), flush=True)  # noqa: T201 - the answer
        os.waitpid(worker, 0)


if __name__ == "__main__":
    main()
