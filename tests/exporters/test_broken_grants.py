"""A connection says when somebody has to sign in again: when its grant is broken, and for no other reason."""

from __future__ import annotations

import pytest
import requests

from exporters.accounts import account_of, mark_broken
from exporters.constant_contact.errors import AppNotAccepted, SignInAgain
from shared.errors import Wait
from shared.models import ConstantContactAccount
from tests.exporters.world import World
from tests.promises.interruption import Killed, watching


@pytest.fixture(autouse=True)
def signed_in(world: World) -> None:
    update = {"account": ConstantContactAccount(id="a", name="A"), "signed_in_at": world.clock.now()}
    changed = world.services.connections.change(world.connection.id, lambda one: one.model_copy(update=update))
    world.connection = changed.value
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])


def state(world: World) -> str:
    return world.services.connections.get(world.connection.id).state


def test_a_run_with_a_broken_grant_fails_and_the_connection_says_the_same(world: World) -> None:
    world.give_tokens(world.connection, expired=True)
    world.fault("invalid-grant")
    run = world.run_to_end(world.add_export("Loyal"))
    marked = world.services.connections.get(world.connection.id)
    assert run.status == "failed"
    assert marked.state == "sign_in_again"
    assert marked.sign_in_again == run.error
    assert marked.sign_in_problem == "refused"
    assert "no longer accepts" in (run.error or "")


def test_tokens_that_are_gone_from_the_vault_are_such_a_reason_too(world: World) -> None:
    world.secrets.delete(world.connection.secret_name)
    assert world.run_to_end(world.add_export("Loyal")).status == "failed"
    assert state(world) == "sign_in_again"


@pytest.mark.parametrize("fault", ["token-unavailable", "refresh-answer-lost"])
def test_a_fault_that_passes_never_disconnects(world: World, fault: str) -> None:
    world.give_tokens(world.connection, expired=True)
    world.fault(fault, times=1)
    run = world.start(world.add_export("Loyal"))
    world.deliver(until=lambda: world.services.runs.get(run.export_id, run.run_id).waiting is not None)
    assert state(world) == "connected"


def test_an_app_whose_own_credentials_are_wrong_disconnects_nobody(world: World) -> None:
    world.give_tokens(world.connection, expired=True)
    app = {"client_id": world.client_id, "client_secret": "changed"}
    requests.post(f"{world.simulator.url}/_simulator/apps", json=app, timeout=10).raise_for_status()
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.status == "failed"
    assert "CONSTANT_CONTACT_CLIENT_ID" in (run.error or "")
    assert state(world) == "connected"
    mark_broken(world.services, world.connection, AppNotAccepted("wrong"))
    assert state(world) == "connected"


def test_the_grant_that_was_broken_before_somebody_signed_in_again_is_not_held_against_the_new_one(
    world: World,
) -> None:
    run = world.start(world.add_export("Loyal"))

    def works_while_somebody_signs_in() -> None:
        with account_of(world.services, run):
            update = {"signed_in_at": world.clock.now()}
            world.services.connections.change(world.connection.id, lambda one: one.model_copy(update=update))
            raise SignInAgain("the old one")

    with pytest.raises(Wait, match="signed in"):
        works_while_somebody_signs_in()
    assert state(world) == "connected"


def test_the_first_reason_stays(world: World) -> None:
    mark_broken(world.services, world.connection, SignInAgain("first"))
    mark_broken(world.services, world.connection, SignInAgain("second"))
    assert world.services.connections.get(world.connection.id).sign_in_again == "first"


def test_a_connection_that_was_removed_meanwhile_is_not_marked(world: World) -> None:
    world.services.connections.remove(world.connection.id)
    mark_broken(world.services, world.connection, SignInAgain("too late"))
    assert world.services.connections.all() == []


def test_a_broken_grant_is_told_though_whoever_told_it_died_as_soon_as_the_connection_said_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def dead(_: int) -> None:
        if state(world) == "sign_in_again":
            raise Killed

    with pytest.raises(Killed), watching(dead, after=True):
        mark_broken(world.services, world.connection, SignInAgain("refused"))
    mark_broken(world.services, world.connection, SignInAgain("refused"))
    told = [vars(one)["connection_id"] for one in caplog.records if one.name == "exporters.events"]
    assert told == [world.connection.id]
