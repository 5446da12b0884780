"""A worker may be killed at any line of a refresh: the grant lives, or a person is told at once to sign in again."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobLeaseClient

from exporters.constant_contact.errors import SignInAgain
from shared.errors import Wait
from tests.exporters.constant_contact.instances import Instance
from tests.exporters.constant_contact.killing import Death, Graveyard, graveyard
from tests.exporters.constant_contact.test_tokens import fresh_instance, stored
from tests.exporters.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked, which this system cannot"),
]

# So many lines would be another refresh than the one that is meant here.
MOST_LINES = 200
# What it takes to be told, with the machine busy: nobody waits for the dead.
AT_ONCE_SECONDS = 15.0


@pytest.fixture(scope="module")
def workers() -> Iterator[Graveyard]:
    with graveyard() as workers:
        yield workers


def deaths(world: World, workers: Graveyard) -> Iterator[Death]:
    """A worker that was killed while it refreshed a pair of its own: at each line in turn."""
    for number in range(1, MOST_LINES):
        world.give_tokens(world.connection, expired=True)
        requests.post(f"{world.simulator.url}/_simulator/reset-statistics", timeout=10).raise_for_status()
        end_lease(world)
        # The token endpoint takes one request a second.
        world.clock.advance(2)
        death = workers.kill_at(number, Instance.of(world))
        world.clock.advance(2)
        if death is None:
            return
        yield death
    raise AssertionError("the refresh did not come to its end")


def end_lease(world: World) -> None:
    """What the service does a minute after its holder has died."""
    with contextlib.suppress(HttpResponseError):
        blob = world.services.tokens._locks.get_blob_client(f"refresh/{world.connection.id}")
        BlobLeaseClient(blob).break_lease(0)


def next_token(world: World) -> str:
    """What the next worker gets, when the lease of the dead one has run out; until then it is told to wait."""
    next_worker, began = fresh_instance(world), time.monotonic()
    try:
        return next_worker.access_token(world.connection)
    except Wait as wait:
        if wait.reason != "another worker is refreshing the connection's token":
            raise
        end_lease(world)
        return next_worker.access_token(world.connection)
    finally:
        assert time.monotonic() - began < AT_ONCE_SECONDS


def is_refreshed(world: World) -> bool:
    return world.statistics()["token_refreshes"] == 1


def test_a_rotating_grant_lives_unless_its_worker_dies_with_the_answer_in_its_hands(
    world: World, workers: Graveyard
) -> None:
    lost, lived = [], []
    for death in deaths(world, workers):
        if is_refreshed(world) and is_expired(world):
            lost.append(death)
            with pytest.raises(SignInAgain, match="has to be signed in to Constant Contact again"):
                next_token(world)
        else:
            lived.append(death)
            assert next_token(world) == stored(world)["access_token"], death
            assert is_refreshed(world), f"refreshed twice or not at all after {death}"
    assert {death.function for death in lived} == {"_refresh", "_spend", "_save", "set", "_disable", "_enabled"}
    # From the answer of the token endpoint until it is in the vault, and nowhere else.
    dead_in = [function for function, _ in itertools.groupby(lost, lambda death: death.function)]
    assert dead_in == ["_spend", "_refresh", "_save", "set"]


def is_expired(world: World) -> bool:
    return datetime.fromisoformat(stored(world)["expires_at"]) <= world.clock.now()


def test_a_long_lived_grant_lives_wherever_its_worker_dies(world: World, workers: Graveyard) -> None:
    app = {"client_id": world.client_id, "client_secret": "local-secret", "refresh_tokens": "long_lived"}
    requests.post(f"{world.simulator.url}/_simulator/apps", json=app, timeout=10).raise_for_status()
    for death in deaths(world, workers):
        assert next_token(world) == stored(world)["access_token"], death
        assert not is_expired(world), death
