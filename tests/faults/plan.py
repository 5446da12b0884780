"""What happens to a run of the soak, and when: it follows from the seed and the number of the run alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.boundaries import BOUNDARIES, HALVING, Boundary
from tests.faults.oracle import PROFILES, address

# Within how many seconds after the start of a run it is struck.
STRUCK_WITHIN_SECONDS = 6.0
MOST_STRIKES = 3
# Every so many runs all hosts are killed at a boundary.
RUNS_A_BOUNDARY = 3
# Every so many runs Constant Contact refuses one contact, and with it every file that it is in.
RUNS_A_POISON = 8


@dataclass(frozen=True)
class Strike:
    """One event: when (seconds after the start of the run), which, and the seed of what it leaves to chance."""

    at: float
    kind: str
    seed: str


@dataclass(frozen=True)
class Plan:
    """The events of one run, the boundary at which all hosts are killed, and which connection it uses.

    `poison` is the address of the contact that Constant Contact refuses.
    """

    strikes: tuple[Strike, ...]
    boundary: Boundary | None
    connection: int
    poison: str | None


def plan(seed: int, number: int, kinds: Sequence[str], connections: int) -> Plan:
    """The plan of a run. Boundaries and contacts that are refused come in their turn and are not left to chance."""
    chance = random.Random(f"{seed}/{number}")
    drawn = sorted(
        (chance.uniform(0, STRUCK_WITHIN_SECONDS), chance.choice(kinds)) for _ in range(chance.randint(1, MOST_STRIKES))
    )
    strikes = tuple(Strike(at, kind, f"{seed}/{number}/{place}") for place, (at, kind) in enumerate(drawn))
    turn, left_out = divmod(number, RUNS_A_BOUNDARY)
    boundary = None if left_out else BOUNDARIES[(turn + seed) % len(BOUNDARIES)]
    connection = chance.randrange(connections)
    poison = _poison(number, chance) if number % RUNS_A_POISON == 1 else None
    if poison and not boundary:
        boundary = HALVING[(number // RUNS_A_POISON + seed) % len(HALVING)]
    return Plan(strikes, boundary, connection, poison)


def _poison(number: int, chance: random.Random) -> str:
    """The address of a profile that can be a contact."""
    while True:
        found = address(number, chance.randrange(PROFILES))
        if "@" in found:
            return found
