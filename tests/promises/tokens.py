"""A refresh token is spent once, and what it was spent for is kept before it is used."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import pytest
import requests

from exporters.constant_contact.errors import SignInAgain
from exporters.constant_contact.limits import Limiter
from exporters.constant_contact.tokens import Tokens
from shared.errors import Wait
from shared.secrets import Secrets
from tests.exporters.world import World
from tests.promises.interruption import requests_of, watching
from tests.promises.promise import Guard, Worlds, replaced

API = "/v3/"


def one_worker_at_a_time_refreshes_a_token(worlds: Worlds) -> None:
    """At any request of a refresh another worker needs a token too: one refresh token is spent, the pair is kept."""
    with worlds() as world:
        world.give_tokens(world.connection, expired=True)
        calls = requests_of(lambda: another_process(world).access_token(world.connection))
        for at in range(1, calls + 1):
            world.give_tokens(world.connection, expired=True)
            before = refreshes(world)

            def another(number: int, at: int = at) -> None:
                if number == at:
                    with contextlib.suppress(Wait):
                        another_process(world).access_token(world.connection)

            try:
                with watching(another):
                    token = patiently(world, another_process(world))
            except SignInAgain as error:
                raise AssertionError(f"the grant is lost, with another worker at request {at}") from error
            spent = refreshes(world) - before
            assert spent == 1, f"{spent} refreshes, with another worker at request {at}"
            assert token == in_vault(world), f"the vault holds another pair, with another worker at request {at}"


def a_new_token_is_saved_before_it_is_used(worlds: Worlds) -> None:
    """Whenever a request leaves with a token, the vault holds that token: nobody can lose it any more."""
    with worlds() as world:
        world.write_snapshot("Loyal", ["ana@example.com,Ana"])
        world.give_tokens(world.connection, expired=True)
        world.fault("unauthorized", times=1)
        send = requests.Session.send
        used: list[str] = []

        def look(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
            authorization = request.headers.get("Authorization")
            if (request.url or "").startswith(world.simulator.url + API) and authorization:
                token = str(authorization).removeprefix("Bearer ")
                assert token == in_vault(world), "a token is used that the vault does not hold"
                used.append(token)
            return send(session, request, **options)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(requests.Session, "send", look)
            run = world.run_to_end(world.add_export("Loyal"))
        assert run.status == "successful", run.error
        assert len(set(used)) == 2


# How it is done


def another_process(world: World) -> Tokens:
    """Tokens as another process has them: nothing in memory."""
    like = world.services.account(world.connection)._tokens
    limiter = Limiter(
        world.limits, world.client_id, now=lambda: world.clock.now().timestamp(), pause=world.clock.advance
    )
    return Tokens(world.settings, world.secrets, like._locks, limiter, requests.Session(), now=world.clock.now)


def patiently(world: World, tokens: Tokens) -> str:
    while True:
        try:
            return tokens.access_token(world.connection)
        except Wait as wait:
            world.clock.advance(wait.seconds)


def refreshes(world: World) -> int:
    count = world.statistics()["token_refreshes"]
    assert isinstance(count, int)
    return count


def in_vault(world: World) -> str:
    pair = json.loads(world.secrets.get(world.connection.secret_name) or "{}")
    return str(pair.get("access_token"))


# What protects it


def kept_in_memory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written to the vault is lost from the moment the export begins."""
    add_export = World.add_export

    def then_nothing_is_saved(world: World, *segments: str, **changes: object) -> object:
        monkeypatch.setattr(Secrets, "set", lambda *_: None)
        return add_export(world, *segments, **changes)

    monkeypatch.setattr(World, "add_export", then_nothing_is_saved)


GUARDS = [
    Guard(
        one_worker_at_a_time_refreshes_a_token,
        "the lease",
        replaced(Tokens, "_lease", lambda *_: contextlib.nullcontext(SimpleNamespace(renew=lambda: None))),
        "refreshes, with another|another pair|the grant is lost",
    ),
    Guard(
        a_new_token_is_saved_before_it_is_used,
        "saving it first",
        kept_in_memory_alone,
        "the vault does not hold",
    ),
]
