"""The tokens of a new sign-in have a secret of their own; those that were let go of are gone, also after a refresh."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporters.constant_contact.errors import SignInAgain
from exporters.constant_contact.tokens import TokenSet
from shared.errors import Wait
from shared.models import Connection, ConstantContactAccount
from tests.exporters.constant_contact.test_tokens import fresh_instance, stored
from tests.exporters.world import World


def signed_in_anew(world: World) -> Connection:
    """The connection as it is once a new sign-in is saved; the old tokens are still there."""
    after = world.connection.model_copy(
        update={"secret_name": f"{world.connection.secret_name}-2", "signed_in_at": world.clock.now()}
    )
    world.give_tokens(after)
    return after


def test_after_a_new_sign_in_its_tokens_are_used_and_not_those_in_memory(world: World) -> None:
    instance = fresh_instance(world)
    old = instance.access_token(world.connection)
    after = signed_in_anew(world)
    new = str(json.loads(world.secrets.get(after.secret_name) or "")["access_token"])
    assert new != old
    assert instance.access_token(after) == new


def test_a_worker_with_the_old_document_never_gets_the_new_tokens(world: World) -> None:
    after = signed_in_anew(world)
    old = stored(world)["access_token"]
    assert fresh_instance(world).access_token(world.connection) == old
    world.services.tokens.forget(world.connection.id, world.connection.secret_name)
    with pytest.raises(SignInAgain) as error:
        fresh_instance(world).access_token(world.connection)
    assert error.value.problem == "no_tokens"
    assert fresh_instance(world).access_token(after)


def test_tokens_of_another_account_than_the_connection_says_are_not_used(world: World) -> None:
    tokens = TokenSet.model_validate({**world.give_tokens(world.connection), "account_id": "another"})
    world.secrets.set(world.connection.secret_name, tokens.model_dump_json())
    account = ConstantContactAccount(id="a07e1local", name="Local Company")
    with pytest.raises(SignInAgain, match="another account") as error:
        fresh_instance(world).access_token(world.connection.model_copy(update={"account": account}))
    assert error.value.problem == "other_account"


def test_a_refresh_does_not_forget_whose_account_it_is(world: World) -> None:
    tokens = TokenSet.model_validate({**world.give_tokens(world.connection, expired=True), "account_id": "mine"})
    world.secrets.set(world.connection.secret_name, tokens.model_dump_json())
    fresh_instance(world).access_token(world.connection)
    assert stored(world)["account_id"] == "mine"


def test_a_refresh_under_way_is_waited_for_and_then_it_is_given_up(world: World) -> None:
    before, started = stored(world), world.clock.now()
    with fresh_instance(world)._lease(world.connection.id), pytest.raises(Wait, match="another worker"):
        world.services.tokens.forget(world.connection.id, world.connection.secret_name)
    assert 3 < (world.clock.now() - started).total_seconds() < 60
    assert stored(world) == before


def test_a_refresh_that_ends_in_time_does_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as refresh:
        refresh.enter_context(fresh_instance(world)._lease(world.connection.id))
        monkeypatch.setattr(world.services.tokens, "_pause", lambda _: refresh.close())
        assert world.services.tokens.forget(world.connection.id, world.connection.secret_name)
    assert world.secrets.get(world.connection.secret_name) is None


def test_of_a_removed_connection_no_token_is_left_and_none_is_used(world: World) -> None:
    world.services.tokens.forget(world.connection.id, world.connection.secret_name)
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
                world.services.tokens.forget(world.connection.id, world.connection.secret_name)
                return

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda does: does(0), [refresh, forget, refresh, refresh]))
    assert world.secrets.get(world.connection.secret_name) is None
