"""A refresh token is spent once, and what it was spent for is kept before it is used."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
import requests

from exporters.constant_contact import tokens
from exporters.constant_contact.errors import SignInAgain
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import Limiter
from exporters.constant_contact.tokens import Tokens
from shared.errors import Wait
from shared.models import Connection
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


def a_vault_that_is_away_for_a_while_costs_no_grant(worlds: Worlds) -> None:
    """It takes no new pair for two minutes: the worker insists, and the next process finds the living pair."""
    with worlds() as world:
        world.give_tokens(world.connection, expired=True)
        back_at = world.clock.now() + timedelta(minutes=2)
        with away_for_new_pairs(world, until=back_at), contextlib.suppress(Wait):
            another_process(world).access_token(world.connection)
        try:
            token = patiently(world, another_process(world))
        except SignInAgain as error:
            raise AssertionError("the grant is lost") from error
        assert token == in_vault(world)
        assert refreshes(world) == 1, f"{refreshes(world)} refreshes"


# How it is done


@contextlib.contextmanager
def away_for_new_pairs(world: World, *, until: datetime) -> Iterator[None]:
    """What is in the vault already can be written back all the same."""
    keep = Secrets.set

    def refuse(secrets: Secrets, name: str, value: str) -> None:
        if access_token_of(value) != access_token_of(secrets.get(name)) and world.clock.now() < until:
            raise Wait(15, "Key Vault does not answer")
        keep(secrets, name, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Secrets, "set", refuse)
        yield


def another_process(world: World) -> Tokens:
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


def patiently(world: World, process: Tokens) -> str:
    while True:
        try:
            return process.access_token(world.connection)
        except Wait as wait:
            world.clock.advance(wait.seconds)


def refreshes(world: World) -> int:
    count = world.statistics()["token_refreshes"]
    assert isinstance(count, int)
    return count


def in_vault(world: World) -> str:
    return access_token_of(world.secrets.get(world.connection.secret_name))


def access_token_of(secret: str | None) -> str:
    return str(json.loads(secret or "{}").get("access_token"))


# What protects it


def saved_when_the_next_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the end every pair is in the vault; but not yet when its token is used for the first time."""
    save, ask = Tokens._save, Tokens.access_token
    late: list[Callable[[], None]] = []

    def later(self: Tokens, *given: object, **more: object) -> None:
        late.append(lambda: save(self, *given, **more))  # type: ignore[arg-type]

    def then_save(self: Tokens, connection: Connection) -> str:
        while late:
            late.pop()()
        return ask(self, connection)

    monkeypatch.setattr(Tokens, "_save", later)
    monkeypatch.setattr(Tokens, "access_token", then_save)


GUARDS = [
    Guard(
        one_worker_at_a_time_refreshes_a_token,
        "the lease",
        replaced(Tokens, "_lease", lambda *_: contextlib.nullcontext(SimpleNamespace(renew=lambda **_: None))),
        "refreshes, with another|another pair|the grant is lost",
    ),
    Guard(
        a_new_token_is_saved_before_it_is_used,
        "saving it first",
        saved_when_the_next_is_asked_for,
        "a token is used that the vault does not hold",
    ),
    Guard(
        a_vault_that_is_away_for_a_while_costs_no_grant,
        "insisting on saving",
        replaced(tokens, "_SAVE_WITHIN", timedelta(0)),
        "the grant is lost",
    ),
]
