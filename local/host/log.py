"""One line for each event on stderr: time, level, instance, invocation, text."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import azure_functions_runtime

# Libraries that write a line for every request they make, with addresses and headers in it.
TALKATIVE = ("azure", "urllib3", "uvicorn", "msal", "asyncio", "tzlocal")


class _Line(logging.Formatter):
    def __init__(self, instance: str) -> None:
        super().__init__()
        self._instance = instance

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # Set by the worker in the threads that run functions: it ties the app's lines to their run.
        invocation = azure_functions_runtime.invocation_id_cv.get()
        parts = [when, record.levelname, f"[{self._instance}]", record.name]
        if invocation:
            parts.append(f"invocation={invocation}")
        parts.append(record.getMessage())
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def log_to_stderr(instance: str) -> None:
    """Send the records of host and app, from INFO on, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(instance))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
