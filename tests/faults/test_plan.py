"""The plan of the soak: a failing run can be repeated from its seed and number, and nothing is left out."""

from __future__ import annotations

from collections import Counter

from tests.faults.boundaries import BOUNDARIES, HALVING
from tests.faults.oracle import PROFILES, address, expected
from tests.faults.plan import plan

KINDS = [f"event {number}" for number in range(13)]


def test_the_same_seed_and_number_give_the_same_plan() -> None:
    assert plan(7, 123, KINDS, 3) == plan(7, 123, KINDS, 3)
    assert plan(7, 123, KINDS, 3) != plan(8, 123, KINDS, 3)


def test_three_hundred_runs_meet_every_boundary_every_event_and_every_connection_often() -> None:
    plans = [plan(1, number, KINDS, 3) for number in range(1, 301)]

    boundaries = Counter(one.boundary for one in plans if one.boundary)
    halved = [one for one in plans if one.poison]
    events = Counter(strike.kind for one in plans for strike in one.strikes)
    connections = Counter(one.connection for one in plans)

    assert boundaries.keys() == {*BOUNDARIES, *HALVING}
    assert len(halved) >= 30
    assert all(one.poison for one in plans if one.boundary in HALVING)
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


def test_a_contact_that_is_refused_is_no_member_and_known_by_the_first_line_that_has_it() -> None:
    without, oracle = expected(5), expected(5, poison=address(5, 67))

    assert oracle.refused == {66 + 2}
    assert without.members - oracle.members == {address(5, 66)}
    assert (oracle.duplicates, oracle.rejected) == (without.duplicates, without.rejected)
