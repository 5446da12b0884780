"""While the sign-in service or the vault is away, nothing piles up and no grant is lost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import requests
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob import BlobLeaseClient

from exporters.constant_contact.gates import SIGN_IN, Gate
from exporters.constant_contact.limits import TOKEN
from exporters.constant_contact.tokens import Tokens
from shared.errors import Wait
from shared.secrets import Secrets
from tests.exporters.constant_contact.test_tokens import fresh_instance, stored
from tests.exporters.world import World


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the secrets of which a version was written."""
    names: list[str] = []
    save = Secrets.set

    def noted(secrets: Secrets, name: str, value: str) -> None:
        names.append(name)
        save(secrets, name, value)

    monkeypatch.setattr(Secrets, "set", noted)
    return names


def test_an_outage_of_two_hours_costs_few_versions_of_a_secret_however_many_workers_need_it(
    world: World, written: list[str]
) -> None:
    world.give_tokens(world.connection, expired=True)
    world.fault("token-unavailable")
    workers = [fresh_instance(world) for _ in range(2)]
    written.clear()
    began = world.clock.now()
    while world.clock.now() < began + timedelta(hours=2):
        waits = []
        for worker in workers:
            with pytest.raises(Wait) as wait:
                worker.access_token(world.connection)
            waits.append(wait.value.seconds)
        world.clock.advance(max(waits))
    assert 3 < len(written) < 33
    world.clear_faults()
    world.clock.advance(SIGN_IN.longest_pause + 1)
    assert workers[0].access_token(world.connection) == stored(world)["access_token"]


def test_a_refresh_that_has_no_slot_writes_no_version_of_the_secret(world: World, written: list[str]) -> None:
    world.give_tokens(world.connection, expired=True)
    written.clear()
    tokens = fresh_instance(world)
    tokens._limiter.hold_back(TOKEN, 60)
    with pytest.raises(Wait, match="free slot"):
        tokens.access_token(world.connection)
    assert written == []


def test_a_refresh_whose_turn_has_not_come_writes_no_version_of_the_secret(world: World, written: list[str]) -> None:
    world.give_tokens(world.connection, expired=True)
    world.fault("token-unavailable", times=1)
    with pytest.raises(Wait, match="HTTP 503"):
        fresh_instance(world).access_token(world.connection)
    written.clear()
    with pytest.raises(Wait, match="HTTP 503"):
        fresh_instance(world).access_token(world.connection)
    assert written == []


def test_a_pair_is_saved_before_anything_else_can_fail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.give_tokens(world.connection, expired=True)
    world.fault("token-unavailable", times=1)
    with pytest.raises(Wait):
        fresh_instance(world).access_token(world.connection)
    world.clock.advance(SIGN_IN.first_pause + 1)

    def away(*_: object) -> None:
        raise ServiceRequestError("the tables do not answer")

    monkeypatch.setattr(Gate, "_change", away)
    with pytest.raises(ServiceRequestError):
        fresh_instance(world).access_token(world.connection)
    assert fresh_instance(world).access_token(world.connection) == stored(world)["access_token"]
    assert world.statistics()["token_refreshes"] == 1


def events_of_a_refresh(world: World, tokens: Tokens, monkeypatch: pytest.MonkeyPatch, *, refusals: int) -> list[str]:
    """What a refresh does, with a vault that refuses the new pair so many times."""
    events: list[str] = []
    renew, save, post, take = BlobLeaseClient.renew, Secrets.set, tokens._session.post, tokens._limiter.take
    old = stored(world)["refresh_token"]

    def renewed(lease: BlobLeaseClient, **options: object) -> None:
        events.append("renew")
        renew(lease, **options)  # type: ignore[arg-type]

    def saved(secrets: Secrets, name: str, value: str) -> None:
        is_new = json.loads(value)["refresh_token"] != old
        events.append("save" if is_new else "write back")
        if is_new and events.count("save") <= refusals:
            raise Wait(15, "Key Vault does not answer")
        save(secrets, name, value)

    def asked(*given: Any, **options: Any) -> requests.Response:
        events.append("ask")
        return post(*given, **options)

    def slot_taken(*given: Any) -> None:
        events.append("slot")
        take(*given)

    monkeypatch.setattr(BlobLeaseClient, "renew", renewed)
    monkeypatch.setattr(Secrets, "set", saved)
    monkeypatch.setattr(tokens._session, "post", asked)
    monkeypatch.setattr(tokens._limiter, "take", slot_taken)
    tokens.access_token(world.connection)
    return events


def test_the_lease_is_renewed_right_before_the_request_and_before_every_try_to_save(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.give_tokens(world.connection, expired=True)
    events = events_of_a_refresh(world, fresh_instance(world), monkeypatch, refusals=2)
    assert events == ["slot", "renew", "write back", "renew", "ask", *["renew", "save"] * 3]


def test_a_save_ends_though_the_clock_is_set_back_again_and_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.give_tokens(world.connection, expired=True)
    tokens = fresh_instance(world)
    tokens._pause = lambda _: None
    monkeypatch.setattr("exporters.constant_contact.tokens._MOST_SAVES", 3)
    with pytest.raises(Wait, match="Key Vault"):
        events_of_a_refresh(world, tokens, monkeypatch, refusals=1_000)
