"""How long a piece of work takes on a machine that has other things to do."""

from __future__ import annotations

import time
from collections.abc import Callable

REPEATS = 5


def best(work: Callable[[], object]) -> float:
    """The shortest of a few runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)
