"""Removing a connection while something else goes on: a run, a refresh, a vault that refuses, another removal."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from azure.core.exceptions import ServiceRequestError

from admin import changes, connecting, connections
from admin.connections import InUse, RunsGoOn
from exporters.run_store import RunStore
from exporters.services import Services
from shared.errors import Changed, Conflict, NotFound, Unavailable
from shared.models import Connection, Export
from shared.secrets import KeyVaultRefused, Secrets
from tests.admin.drafting import ADA, BO, actions, ready, ready_again, save, secrets_of
from tests.exporters.browser import OTHER_OWNER, add_other_account
from tests.exporters.world import World


def remove(world: World, connection: Connection) -> None:
    connections.remove(world.services, ADA, connection.id)


def running(world: World, connection: Connection) -> Export:
    """An export with a run that is uploading."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal", connection_id=connection.id)
    world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    return export


def told(world: World, connection: Connection) -> list[str]:
    """What the audit log tells of the connection, the newest first."""
    return [e.action for e in world.told() if e.subject_id == connection.id]


def before_the_mark(world: World, patch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """It happens when a removal has looked whether anything uses the connection, and has not marked it yet."""
    change = world.services.connections.change

    def happens_first(*given: object, **options: object) -> object:
        patch.undo()
        happens()
        return change(*given, **options)  # type: ignore[arg-type]

    patch.setattr(world.services.connections, "change", happens_first)


# --- Runs -------------------------------------------------------------------------------------------------------------


def test_a_connection_stays_until_the_run_of_a_detached_export_has_ended(world: World) -> None:
    export = running(world, world.connection)
    connections.detach(world.services, ADA, world.connection.id)
    with pytest.raises(RunsGoOn, match="Newsletter”") as refused:
        remove(world, world.connection)
    assert [run.run_id for run in refused.value.runs] == [world.last_run(export).run_id]
    assert world.services.connections.get(world.connection.id) == world.connection
    world.deliver()
    assert world.last_run(export).status == "successful"
    remove(world, world.connection)
    assert world.services.connections.all() == []


def test_it_stays_too_when_the_export_has_another_connection_by_now(world: World) -> None:
    export, other = running(world, world.connection), world.add_connection()
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"connection_id": other.id}))
    with pytest.raises(RunsGoOn):
        remove(world, world.connection)
    with pytest.raises(InUse):
        remove(world, other)


def test_a_run_that_begins_at_the_last_moment_calls_the_removal_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_and_detach() -> None:
        running(world, world.connection)
        connections.detach(world.services, BO, world.connection.id)

    before_the_mark(world, monkeypatch, run_and_detach)
    with pytest.raises(RunsGoOn):
        remove(world, world.connection)
    assert not world.services.connections.get(world.connection.id).being_removed
    assert world.secrets.get(world.connection.secret_name)
    assert told(world, world.connection) == ["removal called off", "removal begun"]


def test_a_run_that_nothing_ends_does_not_keep_a_connection_for_ever(world: World) -> None:
    export = running(world, world.connection)
    world.services.exports.remove(export.id)
    world.clock.advance(world.settings.run_time_limit_hours * 3600 - 60)
    with pytest.raises(RunsGoOn):
        remove(world, world.connection)
    world.clock.advance(120)
    remove(world, world.connection)
    assert world.services.connections.all() == []


def test_a_run_that_begins_while_its_export_is_removed_goes_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    slot = RunStore.slot

    def begins_after_the_look(store: RunStore, export_id: str) -> object:
        looked = slot(store, export_id)
        monkeypatch.undo()
        world.start(export)
        return looked

    monkeypatch.setattr(RunStore, "slot", begins_after_the_look)
    assert connections.remove_exports(world.services, ADA, world.connection.id) == [export]
    with pytest.raises(RunsGoOn):
        remove(world, world.connection)
    world.deliver()
    assert world.last_run(export).status == "successful"


def test_another_account_waits_for_the_run_of_a_detached_export_too(world: World) -> None:
    add_other_account(world)
    made = save(world, ready(world))
    export = running(world, made)
    draft = ready_again(world, made, user=OTHER_OWNER)
    connections.detach(world.services, ADA, made.id)
    with pytest.raises(Conflict, match="are running: “Newsletter”"):
        save(world, draft)
    world.deliver()
    assert world.last_run(export).status == "successful"


# --- Key Vault --------------------------------------------------------------------------------------------------------


def test_a_vault_that_refuses_leaves_the_connection_as_it_was_and_both_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(world, ready(world))

    def refused(*_: object) -> bool:
        raise KeyVaultRefused("the app may not")

    monkeypatch.setattr(Secrets, "delete", refused)
    with pytest.raises(KeyVaultRefused):
        remove(world, made)
    kept = world.services.connections.get(made.id)
    assert (kept.state, kept.removal_begun_at) == ("connected", None)
    assert told(world, made) == ["removal called off", "removal begun", "added"]


def test_a_refresh_under_way_leaves_the_connection_as_it_was(world: World) -> None:
    made = save(world, ready(world))
    with world.services.tokens._lease(made.id), pytest.raises(Unavailable, match="another worker"):
        remove(world, made)
    assert world.services.connections.get(made.id).state == "connected"


def test_tokens_that_were_deleted_before_the_vault_went_away_are_told_of_and_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(world, ready(world))
    delete = Secrets.delete

    def deleted_and_away(secrets: Secrets, name: str) -> bool:
        delete(secrets, name)
        raise Unavailable("away")

    monkeypatch.setattr(Secrets, "delete", deleted_and_away)
    with pytest.raises(Unavailable):
        remove(world, made)
    assert secrets_of(world, made.id) == []
    assert world.services.connections.get(made.id).state == "removal_begun"
    assert actions(world)[0] == ("removal begun", "Ada Administrator")


def test_of_two_who_remove_it_the_one_whom_the_vault_refuses_does_not_make_it_look_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(world, ready(world))
    marked = world.services.connections.change(
        made.id, lambda one: one.model_copy(update={"removal_begun_at": world.clock.now()})
    )
    delete = Secrets.delete

    def called_off_meanwhile(secrets: Secrets, name: str) -> bool:
        monkeypatch.undo()
        connections._call_off(world.services, BO, marked)
        assert world.services.connections.get(made.id).state == "connected"
        return delete(secrets, name)

    monkeypatch.setattr(Secrets, "delete", called_off_meanwhile)
    with pytest.raises(Changed):
        remove(world, made)
    assert world.services.connections.get(made.id).state == "removal_begun"
    remove(world, made)
    assert world.services.connections.all() == [world.connection]


def test_nothing_is_left_of_the_lock_of_a_connection_that_is_gone(world: World) -> None:
    made, draft = save(world, ready(world)), ready(world)
    world.services.tokens.another_access_token(made, world.services.tokens.access_token(made))
    remove(world, made)
    connecting.abandon(world.services, ADA, draft.id)
    assert list(world.services.tokens._locks.list_blob_names()) == []


# --- The sweep --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["exports", "connections", "drafts"])
def test_the_sweep_deletes_secrets_whatever_else_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    draft = ready(world)
    connecting.abandon(world.services, ADA, ready(world).id)
    world.clock.advance(2 * 3600)

    def away(*_: object) -> None:
        raise ServiceRequestError("away")

    monkeypatch.setattr(getattr(world.services, broken), "untold" if broken == "connections" else "all", away)
    with caplog.at_level(logging.ERROR), pytest.raises(ServiceRequestError):
        connecting.remove_abandoned(world.services)
    assert secrets_of(world, draft.id) == []
    monkeypatch.undo()
    assert bool(world.services.drafts.all()) == (broken == "drafts")


def test_the_sweep_brings_entries_to_the_audit_log_though_secrets_cannot_be_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ServiceRequestError("away")

    def not_now(_: Services, *__: object) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr(changes, "_tell", not_now)
        connections.change(world.services, ADA, world.connection.id, display_name="Store")
    monkeypatch.setattr(world.services.loose_secrets, "all", away)
    with pytest.raises(ServiceRequestError):
        connecting.remove_abandoned(world.services)
    assert told(world, world.connection) == ["changed"]
    with pytest.raises(NotFound):
        connections.remove(world.services, ADA, "nobody")
