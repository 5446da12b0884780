"""However many workers need a fresh token at once, in however many processes, one refresh token is spent."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from local.constant_contact.oauth.token_endpoint import TOKEN_PATH
from tests.exporters.constant_contact.instances import Instance, ask_together, join
from tests.exporters.constant_contact.test_tokens import stored
from tests.exporters.world import World

PROCESSES, CALLS_EACH = 4, 50


@pytest.mark.slow
def test_two_hundred_calls_in_four_processes_spend_one_refresh_token_and_get_one_new_token(world: World) -> None:
    given = world.give_tokens(world.connection, expired=True)
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn, initializer=join, initargs=(start,)) as processes:
        asked = [processes.submit(ask_together, Instance.of(world), CALLS_EACH) for _ in range(PROCESSES)]
        answers = [token for answered in asked for token in answered.result(timeout=100)]
    assert len(answers) == PROCESSES * CALLS_EACH
    assert set(answers) == {stored(world)["access_token"]} != {given["access_token"]}
    assert world.statistics()["requests"][f"POST {TOKEN_PATH}"] == {"200": 1}  # type: ignore[index]
