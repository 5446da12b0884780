"""What a run asks of Constant Contact is counted on it."""

from __future__ import annotations

import contextlib

import pytest

from exporters.accounts import account_of
from exporters.errors import OtherAccount
from exporters.runs import Run
from shared.errors import Invalid, NotFound
from shared.models import ConstantContactAccount
from tests.exporters.world import World


def api_calls(world: World) -> int:
    answers = world.statistics()["requests"]
    assert isinstance(answers, dict)
    return sum(sum(found.values()) for route, found in answers.items() if " /v3/" in route)


def test_every_request_of_a_run_is_counted_on_it(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.fault("throttled", times=2)
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.requests == api_calls(world) >= 5


def test_requests_are_counted_though_the_step_fails(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    with contextlib.suppress(LookupError), account_of(world.services, run) as account:
        list(account.activities())
        raise LookupError
    assert world.services.runs.get(run.export_id, run.run_id).requests == 1
    with account_of(world.services, run) as account:
        list(account.activities())
        list(account.activities())
    assert world.services.runs.get(run.export_id, run.run_id).requests == 3


def test_a_step_that_asks_nothing_writes_nothing(world: World) -> None:
    run = world.start(world.add_export("Loyal"))
    before = world.services.runs.last_written(run)
    with account_of(world.services, run):
        pass
    assert world.services.runs.last_written(run) == before


def test_a_connection_without_consent_is_refused(world: World) -> None:
    without = world.add_connection(consent=False)
    run = world.start(world.add_export("Loyal", connection_id=without.id))
    with pytest.raises(Invalid, match="Nobody has given consent"), account_of(world.services, run):
        pytest.fail("it was used")


def test_a_connection_that_was_removed_is_not_found(world: World) -> None:
    run = world.start(world.add_export("Loyal", connection_id="removed"))
    with pytest.raises(NotFound), account_of(world.services, run):
        pytest.fail("it was used")


def begun_with(world: World, account_id: str) -> Run:
    """A run that was started while the connection was signed in to this account."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    run = world.start(world.add_export("Loyal"))
    world.services.runs.change(run, lambda one: one.model_copy(update={"account_id": account_id}))
    return world.services.runs.get(run.export_id, run.run_id)


def sign_in_to(world: World, account_id: str) -> None:
    account = ConstantContactAccount(id=account_id, name=account_id)
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update={"account": account}))


def test_a_run_goes_on_in_the_account_that_it_began_with(world: World) -> None:
    run = begun_with(world, "mine")
    sign_in_to(world, "mine")
    with account_of(world.services, run) as account:
        assert list(account.activities()) == []


def test_a_run_never_goes_on_in_another_account(world: World) -> None:
    run = begun_with(world, "mine")
    sign_in_to(world, "another")
    with pytest.raises(OtherAccount, match="another Constant Contact account"), account_of(world.services, run):
        pytest.fail("it was used")
    world.deliver()
    failed = world.services.runs.get(run.export_id, run.run_id)
    assert failed.status == "failed"
    assert "another Constant Contact account" in (failed.error or "")
    assert api_calls(world) == 0
