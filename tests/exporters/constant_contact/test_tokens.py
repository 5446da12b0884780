"""Tokens stay alive: refreshed in time, by one refresher, saved before they are used."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobLeaseClient

from exporters.constant_contact.errors import SignInAgain
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import Limiter
from exporters.constant_contact.tokens import Tokens
from local.constant_contact.state import LOCAL_LIST_ID
from shared.errors import Wait
from shared.secrets import Secrets
from shared.storage import identity
from tests.exporters.world import World
from tests.shared.vaults import enabled_versions


def fresh_instance(world: World) -> Tokens:
    """Tokens as another process has them: nothing in memory."""
    like = world.services.account(world.connection)._tokens
    limiter = Limiter(
        world.limits, world.client_id, now=lambda: world.clock.now().timestamp(), pause=world.clock.advance
    )
    return Tokens(
        world.settings,
        world.secrets,
        like._locks,
        limiter,
        requests.Session(),
        gates=Gates(world.limits, world.client_id, now=world.clock.now),
        now=world.clock.now,
        pause=world.clock.advance,
    )


def stored(world: World) -> dict[str, str]:
    found: dict[str, str] = json.loads(world.secrets.get(world.connection.secret_name) or "")
    return found


def test_a_token_that_lives_is_used_as_it_is(world: World) -> None:
    given = world.give_tokens(world.connection)
    assert fresh_instance(world).access_token(world.connection) == given["access_token"]
    assert world.statistics()["token_refreshes"] == 0


def test_a_token_is_refreshed_before_it_ends(world: World) -> None:
    given = world.give_tokens(world.connection)
    world.clock.advance(24 * 3600 - 300)
    assert fresh_instance(world).access_token(world.connection) != given["access_token"]


def test_the_new_pair_is_saved_and_serves_the_next_refresh(world: World) -> None:
    given = world.give_tokens(world.connection, expired=True)
    token = fresh_instance(world).access_token(world.connection)
    assert stored(world)["access_token"] == token
    assert stored(world)["refresh_token"] != given["refresh_token"]
    world.clock.advance(25 * 3600)
    assert fresh_instance(world).access_token(world.connection) != token


def test_a_long_lived_refresh_token_stays_the_same(world: World) -> None:
    app = {"client_id": world.client_id, "client_secret": "local-secret", "refresh_tokens": "long_lived"}
    requests.post(f"{world.simulator.url}/_simulator/apps", json=app, timeout=10).raise_for_status()
    given = world.give_tokens(world.connection, expired=True)
    fresh_instance(world).access_token(world.connection)
    assert stored(world)["refresh_token"] == given["refresh_token"]


def test_a_refresh_token_alone_is_enough_to_begin_with(world: World) -> None:
    given = world.give_tokens(world.connection)
    world.secrets.set(world.connection.secret_name, json.dumps({"refresh_token": given["refresh_token"]}))
    assert fresh_instance(world).access_token(world.connection)


def test_many_that_need_a_fresh_token_at_once_spend_one_refresh_token(world: World) -> None:
    world.give_tokens(world.connection, expired=True)

    def ask(_: int) -> str:
        tokens = fresh_instance(world)
        while True:
            try:
                return tokens.access_token(world.connection)
            except Wait as wait:
                world.clock.advance(min(wait.seconds, 0.01))

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(16)))
    assert answers == {stored(world)["access_token"]}
    assert world.statistics()["token_refreshes"] == 1


def test_a_pair_that_the_vault_does_not_take_at_once_is_saved_before_anybody_else_refreshes(world: World) -> None:
    world.give_tokens(world.connection, expired=True)
    one, another = fresh_instance(world), fresh_instance(world)
    with vault_that_takes(1, then_refuses=5):
        token = one.access_token(world.connection)
    assert another.access_token(world.connection) == token == stored(world)["access_token"]
    assert world.statistics()["token_refreshes"] == 1


def test_a_pair_that_cannot_be_saved_for_long_is_not_used_and_not_lost(world: World) -> None:
    world.give_tokens(world.connection, expired=True)
    tokens = fresh_instance(world)
    with vault_that_takes(1, then_refuses=100_000), pytest.raises(Wait, match="Key Vault"):
        tokens.access_token(world.connection)
    assert tokens.access_token(world.connection) == stored(world)["access_token"]
    assert world.statistics()["token_refreshes"] == 1


def test_a_refresh_token_is_not_spent_while_the_vault_would_not_take_its_successor(world: World) -> None:
    given = world.give_tokens(world.connection, expired=True)
    with vault_that_takes(0, then_refuses=1), pytest.raises(Wait, match="Key Vault"):
        fresh_instance(world).access_token(world.connection)
    assert world.statistics()["token_refreshes"] == 0
    assert stored(world)["refresh_token"] == given["refresh_token"]


def test_a_refresh_token_is_not_spent_by_one_whose_lease_has_run_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.give_tokens(world.connection, expired=True)
    tokens = fresh_instance(world)
    renew = BlobLeaseClient.renew

    def lost(lease: BlobLeaseClient) -> None:
        """Somebody broke it, or it ran out and others have had it since."""
        BlobLeaseClient(tokens._locks.get_blob_client(f"refresh/{world.connection.id}")).break_lease(0)
        renew(lease)

    monkeypatch.setattr(BlobLeaseClient, "renew", lost)
    with pytest.raises(Wait, match="another worker"):
        tokens.access_token(world.connection)
    assert world.statistics()["token_refreshes"] == 0


@contextlib.contextmanager
def vault_that_takes(writes: int, *, then_refuses: int) -> Iterator[None]:
    """So many writes succeed, so many more are refused, and then all is well."""
    save, fates = Secrets.set, iter([True] * writes + [False] * then_refuses)

    def set_or_refuse(self: Secrets, name: str, value: str) -> None:
        if not next(fates, True):
            raise Wait(15, "Key Vault does not answer")
        save(self, name, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Secrets, "set", set_or_refuse)
        yield


def test_a_grant_that_is_refused_asks_for_a_person(world: World) -> None:
    world.give_tokens(world.connection, expired=True)
    world.fault("invalid-grant", times=1)
    with pytest.raises(SignInAgain, match="has to be signed in"):
        fresh_instance(world).access_token(world.connection)


def test_a_sign_in_service_that_is_away_is_waited_for(world: World) -> None:
    given = world.give_tokens(world.connection, expired=True)
    world.fault("token-unavailable", times=1)
    tokens = fresh_instance(world)
    with pytest.raises(Wait, match="HTTP 503"):
        tokens.access_token(world.connection)
    world.clock.advance(15)
    assert tokens.access_token(world.connection) != given["access_token"]


def test_a_secret_never_shows_in_the_text_of_its_object(world: World) -> None:
    given = world.give_tokens(world.connection)
    tokens = fresh_instance(world)
    tokens.access_token(world.connection)
    assert given["access_token"] not in repr(tokens._cache)
    assert given["refresh_token"] not in repr(tokens._cache)


def test_without_the_right_to_read_secrets_the_error_names_the_secret_and_the_role(world: World) -> None:
    world.vault_fault(status=403, times=1)
    with pytest.raises(Exception, match="Key Vault Secrets Officer") as error:
        fresh_instance(world).access_token(world.connection)
    assert world.connection.secret_name in str(error.value)


def test_a_refresher_that_was_overtaken_takes_what_the_other_has_saved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.give_tokens(world.connection, expired=True)
    slow, quick = fresh_instance(world), fresh_instance(world)
    post, free = slow._session.post, SimpleNamespace(renew=lambda **_: None)

    def overtaken(*given: Any, **options: Any) -> requests.Response:
        with monkeypatch.context() as patch:
            patch.setattr(Tokens, "_lease", lambda *_: contextlib.nullcontext(free))
            quick.access_token(world.connection)
        world.clock.advance(2)
        return post(*given, **options)

    monkeypatch.setattr(slow._session, "post", overtaken)
    assert slow.access_token(world.connection) == stored(world)["access_token"]


def test_a_refresher_that_was_held_up_does_not_write_over_what_another_has_saved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.give_tokens(world.connection, expired=True)
    slow, quick = fresh_instance(world), fresh_instance(world)
    take = slow._limiter.take

    def held_up(*given: Any) -> None:
        """Until its lease has run out and another one has refreshed."""
        BlobLeaseClient(slow._locks.get_blob_client(f"refresh/{world.connection.id}")).break_lease(0)
        quick.access_token(world.connection)
        world.clock.advance(2)
        take(*given)

    monkeypatch.setattr(slow._limiter, "take", held_up)
    with pytest.raises(Wait, match="another worker"):
        slow.access_token(world.connection)
    assert slow.access_token(world.connection) == stored(world)["access_token"]
    assert world.statistics()["token_refreshes"] == 1


def test_tokens_that_ended_before_their_time_are_replaced_until_one_lives(world: World) -> None:
    """The one in memory is over, and so is the one that another instance has put into the vault since."""
    world.services.account(world.connection).contact_list(LOCAL_LIST_ID)
    world.simulator.state.advance_clock(25 * 3600)
    fresh_instance(world).another_access_token(world.connection, rejected=stored(world)["access_token"])
    world.simulator.state.advance_clock(25 * 3600)
    account = world.services.account(world.connection)
    assert account.contact_list(LOCAL_LIST_ID).list_id == LOCAL_LIST_ID
    assert account.requests == 3


def test_of_the_versions_that_a_refresh_leaves_in_the_vault_only_the_newest_can_be_read(world: World) -> None:
    name = world.connection.secret_name
    for _ in range(3):
        world.give_tokens(world.connection, expired=True)
        world.clock.advance(2)
        fresh_instance(world).access_token(world.connection)
    with SecretClient(world.settings.key_vault_url, identity()) as client:
        versions = list(client.list_properties_of_secret_versions(name))
        assert len(versions) > 6
        assert enabled_versions(client, name) == [client.get_secret(name).properties.version]
