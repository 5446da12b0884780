"""The plan of the soak: a failing run can be repeated from its seed and number, and nothing is left out."""

from __future__ import annotations

from collections import Counter

from tests.faults.boundaries import BOUNDARIES
from tests.faults.oracle import PROFILES, address, expected
from tests.faults.plan import plan

KINDS = [f"event {number}" for number in range(11)]


def test_the_same_seed_and_number_give_the_same_plan() -> None:
    assert plan(7, 123, KINDS, 3) == plan(7, 123, KINDS, 3)
    assert plan(7, 123, KINDS, 3) != plan(8, 123, KINDS, 3)


def test_three_hundred_runs_meet_every_boundary_every_event_and_every_connection_often() -> None:
    plans = [plan(1, number, KINDS, 3) for number in range(1, 301)]

    boundaries = Counter(one.boundary for one in plans if one.boundary)
    events = Counter(strike.kind for one in plans for strike in one.strikes)
    connections = Counter(one.connection for one in plans)

    assert boundaries.keys() == set(BOUNDARIES)
    assert min(boundaries.values()) >= 7
    assert events.keys() == set(KINDS)
    assert min(events.values()) >= 30
    assert min(connections.values()) >= 80


def test_the_oracle_places_every_profile_exactly_once() -> None:
    oracle = expected(5)

    assert len(oracle.members) + oracle.duplicates + len(oracle.rejected) == PROFILES
    assert oracle.duplicates > 200
    assert len(oracle.rejected) > 200
    assert address(5, 67) == address(5, 66)
    assert address(5, 66) in oracle.members
