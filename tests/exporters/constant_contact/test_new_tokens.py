"""The tokens of a new sign-in replace the old ones, and those of a removed connection go, never during a refresh."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporters.constant_contact.errors import SignInAgain
from exporters.constant_contact.tokens import TokenSet
from shared.errors import Wait
from tests.exporters.constant_contact.test_tokens import fresh_instance, stored
from tests.exporters.world import World


def given(world: World) -> TokenSet:
    """A pair as a new sign-in brings it; the connection keeps what it had."""
    kept = world.secrets.get(world.connection.secret_name) or ""
    tokens = TokenSet.model_validate(world.give_tokens(world.connection))
    world.secrets.set(world.connection.secret_name, kept)
    return tokens


def test_new_tokens_are_used_from_then_on(world: World) -> None:
    tokens = given(world)
    with world.services.tokens.replacing(world.connection, tokens):
        pass
    assert tokens.access_token
    assert fresh_instance(world).access_token(world.connection) == tokens.access_token.get_secret_value()


def test_nobody_refreshes_until_the_document_is_written_too(world: World) -> None:
    with world.services.tokens.replacing(world.connection, given(world)):
        world.give_tokens(world.connection, expired=True)
        with pytest.raises(Wait, match="another worker"):
            fresh_instance(world).access_token(world.connection)
    assert fresh_instance(world).access_token(world.connection)


def test_a_refresh_under_way_is_waited_for_and_then_it_is_given_up(world: World) -> None:
    before, tokens = stored(world), given(world)
    started = world.clock.now()
    with (
        fresh_instance(world)._lease(world.connection),
        pytest.raises(Wait, match="another worker"),
        world.services.tokens.replacing(world.connection, tokens),
    ):
        pytest.fail("it was replaced")
    assert 3 < (world.clock.now() - started).total_seconds() < 60
    assert stored(world) == before


def test_a_refresh_that_ends_in_time_does_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = given(world)
    with contextlib.ExitStack() as refresh:
        refresh.enter_context(fresh_instance(world)._lease(world.connection))
        monkeypatch.setattr(world.services.tokens, "_pause", lambda _: refresh.close())
        with world.services.tokens.replacing(world.connection, tokens):
            pass
    assert TokenSet.model_validate(stored(world)) == tokens


def test_of_a_removed_connection_no_token_is_left_and_none_is_used(world: World) -> None:
    world.services.tokens.forget(world.connection)
    assert world.secrets.get(world.connection.secret_name) is None
    with pytest.raises(SignInAgain, match="no token in Key Vault"):
        fresh_instance(world).access_token(world.connection)


def test_refreshes_at_the_same_time_do_not_bring_the_tokens_back(world: World) -> None:
    world.give_tokens(world.connection, expired=True)

    def refresh(_: int) -> None:
        with contextlib.suppress(Wait, SignInAgain):
            fresh_instance(world).access_token(world.connection)

    def forget(_: int) -> None:
        while True:
            with contextlib.suppress(Wait):
                return world.services.tokens.forget(world.connection)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda does: does(0), [refresh, forget, refresh, refresh]))
    assert world.secrets.get(world.connection.secret_name) is None


def test_after_a_new_sign_in_the_token_in_memory_is_not_used_any_more(world: World) -> None:
    instance, tokens = fresh_instance(world), given(world)
    old = instance.access_token(world.connection)
    with world.services.tokens.replacing(world.connection, tokens):
        pass
    assert instance.access_token(world.connection) == old
    signed_in = world.connection.model_copy(update={"signed_in_at": world.clock.now()})
    assert instance.access_token(signed_in) != old
