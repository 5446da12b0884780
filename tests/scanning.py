"""Reads every log line of the whole suite for what must never be in one: tokens, codes, secrets, e-mail addresses.

Known values are whatever the simulator of Constant Contact gave out, whatever was put into a vault, and the keys of the
hosts; besides them there are forms that betray themselves. The log of this process is read as it is written, at the
level at which the hosts log; those of a stand's processes when the stand ends.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import requests

from local.constant_contact.oauth.grants import Grants
from local.constant_contact.state import LOCAL_APP
from local.host.log import TALKATIVE
from local.stand import Stand
from shared.secrets import Secrets

# What known values are made of; a shorter word could be anything.
_WORD = re.compile(r"[A-Za-z0-9_-]{16,}")
_FORMS = {
    "a token": re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}"),
    "an e-mail address": re.compile(r"[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", re.IGNORECASE),
    "a parameter of OAuth": re.compile(
        r"\b(?:access_token|refresh_token|client_secret|code_verifier|code|state)\b[\"']?\s*[=:]\s*[\"']?[\w.~-]{12,}"
    ),
    "the client secret": re.compile(rf"\b{LOCAL_APP.client_secret}\b"),
}


class Scanner(logging.Handler):
    """Keeps what it finds, with where and when, never with the value itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._known: set[str] = set()

    def know(self, *values: str) -> None:
        """From now on these must not be logged; of a document, every long word in it."""
        self._known.update(word for value in values for word in _WORD.findall(value))

    def betrayed(self, text: str) -> str | None:
        """What the text gives away, or None."""
        for what, form in _FORMS.items():
            if form.search(text):
                return what
        return "a known secret" if not self._known.isdisjoint(_WORD.findall(text)) else None

    def emit(self, record: logging.LogRecord) -> None:
        """Read one record, with its traceback."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self._read(text.splitlines(), record.name)

    def read_file(self, log: Path) -> None:
        """Read the log of a process."""
        with log.open(encoding="utf-8", errors="replace") as lines:
            self._read(lines, log.name)

    def _read(self, lines: Iterable[str], where: str) -> None:
        during = os.environ.get("PYTEST_CURRENT_TEST", "no test").split(" ")[0]
        for line in lines:
            what = self.betrayed(line)
            if what:
                masked = re.sub(r"[\w@%.~-]{12,}", "…", line.strip())[:300]
                self.found.append(f"{what} in the log of {where}, during {during}: {masked}")


def scan(scanner: Scanner, patch: pytest.MonkeyPatch) -> None:
    """From here on: listen to this process, learn every value that must stay secret, read what stands leave behind."""
    root = logging.getLogger()
    root.addHandler(scanner)
    root.setLevel(logging.INFO)
    # As the hosts do; and the tests' own HTTP client writes a line for each of their own requests.
    for name in (*TALKATIVE, "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("issue_code", "_new_access_token", "_new_refresh_token"):
        patch.setattr(Grants, name, _learning(getattr(Grants, name), scanner))
    patch.setattr(Secrets, "set", _learning_secrets(Secrets.set, scanner))
    patch.setattr(Stand, "end_processes", _reading_logs(Stand.end_processes, scanner))


def _learning(issue: Callable[..., str], scanner: Scanner) -> Callable[..., str]:
    @functools.wraps(issue)
    def issued(*arguments: Any, **more: Any) -> str:
        value = issue(*arguments, **more)
        scanner.know(value)
        return value

    return issued


def _learning_secrets(keep: Callable[..., Any], scanner: Scanner) -> Callable[..., Any]:
    @functools.wraps(keep)
    def kept(self: Secrets, name: str, value: str, *more: Any, **options: Any) -> Any:
        scanner.know(value)
        return keep(self, name, value, *more, **options)

    return kept


def _reading_logs(end: Callable[[Stand], None], scanner: Scanner) -> Callable[[Stand], None]:
    @functools.wraps(end)
    def ended(stand: Stand) -> None:
        # A simulator that a test has taken away tells nothing any more; the forms still count.
        with contextlib.suppress(requests.RequestException):
            scanner.know(*stand.issued())
        if hasattr(stand, "keys"):
            scanner.know(stand.keys.master, *stand.keys.function_keys.values(), *stand.keys.system_keys.values())
        end(stand)
        for log in stand.folder.glob("*.log"):
            scanner.read_file(log)

    return ended
