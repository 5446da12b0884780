"""What happens to a run of the soak, and when: it follows from the seed and the number of the run alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.boundaries import BOUNDARIES, Boundary

# Within how many seconds after the start of a run it is struck.
STRUCK_WITHIN_SECONDS = 6.0
MOST_STRIKES = 3
# Every so many runs all hosts are killed at a boundary.
RUNS_A_BOUNDARY = 3


@dataclass(frozen=True)
class Strike:
    """One event: when (seconds after the start of the run), which, and the seed of what it leaves to chance."""

    at: float
    kind: str
    seed: str


@dataclass(frozen=True)
class Plan:
    """The events of one run, the boundary at which all hosts are killed, and which connection it uses."""

    strikes: tuple[Strike, ...]
    boundary: Boundary | None
    connection: int


def plan(seed: int, number: int, kinds: Sequence[str], connections: int) -> Plan:
    """The plan of a run. Every third run has a boundary, each one in its turn, so that none is left to chance."""
    chance = random.Random(f"{seed}/{number}")
    drawn = sorted(
        (chance.uniform(0, STRUCK_WITHIN_SECONDS), chance.choice(kinds)) for _ in range(chance.randint(1, MOST_STRIKES))
    )
    strikes = tuple(Strike(at, kind, f"{seed}/{number}/{place}") for place, (at, kind) in enumerate(drawn))
    turn, left_out = divmod(number, RUNS_A_BOUNDARY)
    boundary = None if left_out else BOUNDARIES[(turn + seed) % len(BOUNDARIES)]
    return Plan(strikes, boundary, chance.randrange(connections))
