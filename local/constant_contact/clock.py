"""The simulator's own clock, which can be moved forward."""

import time
from datetime import UTC, datetime

SECONDS_A_DAY = 86_400


class Clock:
    """Seconds since 1970 (UTC) that never go back, plus what the clock was advanced by."""

    def __init__(self) -> None:
        self._epoch = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        return self._epoch + time.monotonic()

    def advance(self, seconds: float) -> None:
        """Move the clock forward: tokens expire, days end, activities complete."""
        if seconds < 0:
            raise ValueError(f"The clock cannot go back by {-seconds} seconds; advance it by a positive number.")
        self._epoch += seconds


def iso(seconds: float) -> str:
    """The moment as the API writes it: ISO 8601, UTC, milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
