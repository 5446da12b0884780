"""Grants that no export uses stay alive, and one that is broken says so."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
import requests
from azure.core.exceptions import ServiceRequestError
from azure.data.tables import UpdateMode

from exporters.constant_contact.tokens import Tokens
from exporters.keep_alive import IDLE, keep_grants_alive
from shared.models import Connection, ConstantContactAccount
from tests.exporters.world import World

DAY = 24 * 3600.0


def kept_alive(world: World) -> list[str]:
    return [connection.id for connection in keep_grants_alive(world.services)]


def refresh_token(world: World, connection: Connection) -> str:
    return str(json.loads(world.secrets.get(connection.secret_name) or "")["refresh_token"])


def test_a_grant_that_nothing_has_refreshed_for_a_month_is_refreshed(world: World) -> None:
    before = refresh_token(world, world.connection)
    world.clock.advance((1 + IDLE.days) * DAY + 60)
    assert kept_alive(world) == [world.connection.id]
    assert refresh_token(world, world.connection) != before
    assert kept_alive(world) == []
    assert world.statistics()["token_refreshes"] == 1


def test_a_grant_that_is_in_use_is_left_alone(world: World) -> None:
    world.clock.advance(IDLE.days * DAY)
    assert kept_alive(world) == []
    assert world.statistics()["token_refreshes"] == 0


@pytest.mark.slow
def test_a_grant_lives_for_years_without_an_export(world: World) -> None:
    for _ in range(0, 2 * 365, 10):
        world.clock.advance(10 * DAY)
        keep_grants_alive(world.services)
    assert world.services.connections.get(world.connection.id).sign_in_again is None
    assert world.services.tokens.access_token(world.connection)


def test_a_refresh_token_alone_is_a_grant_to_be_kept(world: World) -> None:
    pair = world.give_tokens(world.connection)
    world.secrets.set(world.connection.secret_name, json.dumps({"refresh_token": pair["refresh_token"]}))
    assert kept_alive(world) == [world.connection.id]


def test_a_connection_without_tokens_is_left_alone(world: World) -> None:
    bare = world.add_connection(token=False)
    assert kept_alive(world) == []
    assert world.services.connections.get(bare.id).sign_in_again is None


def signed_in(world: World, connection: Connection) -> Connection:
    update = {"account": ConstantContactAccount(id="a", name="A"), "signed_in_at": world.clock.now()}
    return world.services.connections.change(connection.id, lambda one: one.model_copy(update=update)).value


def test_a_connection_that_somebody_has_signed_in_and_whose_tokens_are_gone_says_so(world: World) -> None:
    bare = signed_in(world, world.add_connection(token=False))
    assert kept_alive(world) == []
    marked = world.services.connections.get(bare.id)
    assert (marked.state, marked.sign_in_problem) == ("sign_in_again", "no_tokens")


def test_a_grant_that_was_replaced_while_it_was_looked_at_is_not_held_against_the_new_one(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    signed_in(world, world.add_connection(token=False))

    def meanwhile(tokens: Tokens, connection: Connection, idle: timedelta) -> bool:
        monkeypatch.undo()
        world.clock.advance(1)
        signed_in(world, connection)
        return tokens.keep_alive(connection, idle)

    world.services.connections.remove(world.connection.id)
    monkeypatch.setattr(Tokens, "keep_alive", meanwhile)
    with caplog.at_level(logging.ERROR):
        assert kept_alive(world) == []
    assert [one.state for one in world.services.connections.all()] == ["connected"]
    assert caplog.text == ""


def test_a_connection_whose_removal_was_cut_short_is_kept_alive_as_long_as_it_has_its_tokens(world: World) -> None:
    other = world.add_connection()
    for one in (world.connection, other):
        signed_in(world, one)
    mark = {"removal_begun_at": world.clock.now()}
    for one in (world.connection, other):
        world.services.connections.change(one.id, lambda found: found.model_copy(update=mark))
    world.secrets.delete(other.secret_name)
    world.clock.advance((1 + IDLE.days) * DAY + 60)
    assert kept_alive(world) == [world.connection.id]
    assert world.services.connections.get(other.id).sign_in_problem == "no_tokens"
    assert kept_alive(world) == []


def test_a_broken_grant_says_so_and_is_left_alone_from_then_on(world: World) -> None:
    world.take_any_token_request()
    other = world.add_connection()
    world.clock.advance((1 + IDLE.days) * DAY + 60)
    world.fault("invalid-grant", times=1)
    assert len(kept_alive(world)) == 1
    broken = [one for one in world.services.connections.all() if one.sign_in_again is not None]
    assert len(broken) == 1
    assert broken[0].id in (world.connection.id, other.id)
    assert broken[0].state == "sign_in_again"
    assert "has to be signed in to Constant Contact again" in (broken[0].sign_in_again or "")
    assert kept_alive(world) == []


@pytest.mark.parametrize("fault", ["token-unavailable", "refresh-answer-lost"])
def test_a_fault_that_may_pass_marks_nothing_and_keeps_no_other_one_waiting(
    world: World, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    world.take_any_token_request()
    world.add_connection()
    world.clock.advance((1 + IDLE.days) * DAY + 60)
    world.fault(fault, times=1)
    with caplog.at_level(logging.WARNING, "exporters.keep_alive"):
        assert len(kept_alive(world)) == 1
    assert "tomorrow again: Constant Contact's sign-in service" in caplog.text
    assert all(one.sign_in_again is None for one in world.services.connections.all())


def test_a_fault_that_has_passed_is_made_up_for_the_next_day(world: World) -> None:
    world.clock.advance((1 + IDLE.days) * DAY + 60)
    world.fault("token-unavailable", times=1)
    assert kept_alive(world) == []
    world.clock.advance(DAY)
    assert kept_alive(world) == [world.connection.id]


def test_an_app_that_is_not_accepted_is_no_fault_of_the_connection(world: World) -> None:
    world.clock.advance((1 + IDLE.days) * DAY + 60)
    app = {"client_id": world.client_id, "client_secret": "changed"}
    requests.post(f"{world.simulator.url}/_simulator/apps", json=app, timeout=10).raise_for_status()
    assert kept_alive(world) == []
    assert world.services.connections.get(world.connection.id).sign_in_again is None


def test_a_secret_that_is_no_token_pair_holds_up_no_other_one(world: World) -> None:
    spoilt = world.add_connection()
    world.clock.advance((1 + IDLE.days) * DAY + 60)
    world.secrets.set(spoilt.secret_name, "spoilt by hand")
    assert kept_alive(world) == [world.connection.id]
    assert "is not a token pair" in (world.services.connections.get(spoilt.id).sign_in_again or "")


def test_a_connection_that_cannot_be_read_holds_up_no_other_one(world: World) -> None:
    spoilt = world.add_connection()
    rows = world.services.connections._table._client
    row = rows.get_entity("connection", spoilt.id)
    rows.update_entity(row | {name: "{" for name in row if name.startswith("document")}, mode=UpdateMode.REPLACE)
    world.clock.advance((1 + IDLE.days) * DAY + 60)
    assert kept_alive(world) == [world.connection.id]


def test_a_storage_that_is_away_is_raised_after_all_had_their_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        world.add_connection()
    turns: list[str] = []

    def away(_: Tokens, connection: Connection, idle: timedelta) -> bool:
        turns.append(connection.id)
        if len(turns) == 1:
            raise ServiceRequestError("no connection")
        return True

    monkeypatch.setattr(Tokens, "keep_alive", away)
    with pytest.raises(ServiceRequestError):
        keep_grants_alive(world.services)
    assert len(set(turns)) == 3


def test_what_had_no_turn_within_five_minutes_has_it_the_next_day(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        world.add_connection()

    def slow(_: Tokens, connection: Connection, idle: timedelta) -> bool:
        world.clock.advance(150)
        return True

    monkeypatch.setattr(Tokens, "keep_alive", slow)
    with caplog.at_level(logging.WARNING, "exporters.keep_alive"):
        assert len(kept_alive(world)) == 2
    assert "2 connections had no turn today" in caplog.text
