"""Runs a function in a process of its own under a hard memory limit, and says how it ended, how long it took, how large
it became.

The limit is the proof: whatever needs more ends with a MemoryError, and the test with it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
_MIB = 1024**2


@dataclass(frozen=True)
class Measured:
    """How a function ended: name and text of its error or "", result as text, seconds of work, peak memory in MiB."""

    error: str
    said: str
    seconds: float
    peak: int


def measured(work: Callable[..., object], *given: str | int, address_space: int = 2_048) -> Measured:
    """Call `work`, a function of a module, with these arguments in a process that may not map more MiB than that."""
    order = json.dumps([work.__module__, work.__qualname__, list(given), address_space])
    done = subprocess.run(
        [sys.executable, "-m", __name__, order], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, f"the process died ({done.returncode}): {done.stderr[-2_000:]}"
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def main(order: str) -> None:
    """The other process."""
    module, name, given, address_space = json.loads(order)
    work = getattr(importlib.import_module(module), name)
    with contextlib.suppress(ImportError, ValueError, OSError):  # Not every system has such a limit.
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (address_space * _MIB, address_space * _MIB))
    # What a busy machine does meanwhile is not counted.
    began = time.process_time()
    try:
        error, said = "", str(work(*given))
    except Exception as raised:  # noqa: BLE001 - whatever it is, the test wants to see it
        error, said = type(raised).__name__, str(raised)
    print(json.dumps(asdict(Measured(error, said, time.process_time() - began, _peak()))))  # noqa: T201


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage, whose peak begins with that of the parent.
        return int(status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) // 1024
    memory = psutil.Process().memory_info()
    return int(getattr(memory, "peak_wset", memory.rss)) // _MIB


if __name__ == "__main__":
    main(sys.argv[1])
