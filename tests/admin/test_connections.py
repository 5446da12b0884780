"""Changing a connection, taking it from exports, removing it: what happens, what is refused, what is told."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.keyvault.secrets import SecretClient

from admin import changes, connecting, connections
from admin.connections import CameMeanwhile, InUse, Running
from admin.usage import used_by
from shared.audit import AuditEntry
from shared.errors import Changed, Invalid, NotFound, Unavailable
from shared.models import Export
from shared.people import Person, Role
from tests.admin.drafting import secrets_of
from tests.exporters.world import World

ADA = Person(id="ada", name="Ada Administrator", role="Administrator")


def log(world: World) -> list[AuditEntry]:
    return world.told()


# --- Changing ---------------------------------------------------------------------------------------------------------


def test_a_change_is_kept_and_told_with_before_and_after(world: World) -> None:
    changed = connections.change(
        world.services, ADA, world.connection.id, display_name=" Store ", sharing="administrators_and_contributors"
    ).value
    assert changed == world.services.connections.get(world.connection.id)
    assert (changed.display_name, changed.sharing) == ("Store", "administrators_and_contributors")
    assert (changed.updated_by, changed.created_by) == ("Ada Administrator", "test")
    [entry] = log(world)
    assert (entry.action, entry.by, entry.subject_name) == ("changed", "Ada Administrator", "Store")
    assert entry.before == {"display_name": "Shop", "sharing": "administrators"}
    assert entry.after == {"display_name": "Store", "sharing": "administrators_and_contributors"}


def test_what_is_left_out_stays(world: World) -> None:
    changed = connections.change(world.services, ADA, world.connection.id, display_name="Store").value
    assert changed.sharing == "administrators"


def test_a_change_that_changes_nothing_is_none(world: World) -> None:
    connections.change(world.services, ADA, world.connection.id, display_name="Shop", sharing="administrators")
    assert world.services.connections.get(world.connection.id) == world.connection
    assert log(world) == []


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "two\nlines", "a\u202eb"])
def test_a_name_that_no_list_can_show_is_refused(world: World, name: str) -> None:
    with pytest.raises(Invalid, match="1 to 100 characters"):
        connections.change(world.services, ADA, world.connection.id, display_name=name)
    assert world.services.connections.get(world.connection.id) == world.connection


def test_of_two_who_change_the_same_version_the_second_is_told(world: World) -> None:
    etag = world.services.connections.stored(world.connection.id).etag
    connections.change(world.services, ADA, world.connection.id, display_name="First", etag=etag)
    with pytest.raises(Changed):
        connections.change(world.services, ADA, world.connection.id, display_name="Second", etag=etag)
    assert world.services.connections.get(world.connection.id).display_name == "First"
    assert len(log(world)) == 1


def test_exports_keep_working_when_a_connection_is_no_longer_shared(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    connections.change(world.services, ADA, world.connection.id, sharing="administrators")
    assert world.run_to_end(export).status == "successful"


# --- Who knows of which -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "seen"),
    [("Administrator", ["own", "shared"]), ("Contributor", ["shared"]), ("Viewer", []), (None, [])],
)
def test_contributors_know_of_shared_connections_only(world: World, role: Role | None, seen: list[str]) -> None:
    own = world.connection.model_copy(update={"id": "own"})
    shared = own.model_copy(update={"id": "shared", "sharing": "administrators_and_contributors"})
    person = Person(id="p", name="P", role=role)
    assert [one.id for one in connections.for_role(person, [own, shared])] == seen


# --- Detaching --------------------------------------------------------------------------------------------------------


def test_detached_exports_are_kept_without_a_connection(world: World) -> None:
    mine, other = world.add_export("Loyal", name="Mine"), world.add_connection()
    others = world.add_export("Loyal", name="Other's", connection_id=other.id)
    [detached] = connections.detach(world.services, ADA, world.connection.id)
    kept = world.services.exports.get(mine.id)
    assert detached == kept
    assert kept == mine.model_copy(
        update={
            "connection_id": None,
            "updated_at": kept.updated_at,
            "updated_by": "Ada Administrator",
            "updated_by_id": "ada",
        }
    )
    assert world.services.exports.get(others.id) == others
    assert used_by(world.services, world.connection.id) == []
    [entry] = log(world)
    assert (entry.action, entry.subject, entry.subject_id) == ("detached", "export", mine.id)
    assert (entry.before, entry.after) == ({"connection": "Shop"}, {})


def test_only_the_exports_that_were_named_are_detached(world: World) -> None:
    first, second = world.add_export("Loyal", name="A"), world.add_export("Loyal", name="B")
    detached = connections.detach(world.services, ADA, world.connection.id, [first.id, "nobody"])
    assert [one.id for one in detached] == [first.id]
    assert used_by(world.services, world.connection.id) == [second]
    assert connections.detach(world.services, ADA, world.connection.id, [first.id]) == []


# --- Removing exports -------------------------------------------------------------------------------------------------


def test_the_exports_of_a_connection_are_removed_and_their_runs_stay(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.run_to_end(export)
    assert connections.remove_exports(world.services, ADA, world.connection.id) == [export]
    with pytest.raises(NotFound):
        world.services.exports.get(export.id)
    assert world.services.runs.get(export.id, run.run_id).status == "successful"
    entry = log(world)[0]
    assert (entry.action, entry.subject, entry.subject_name) == ("removed", "export", "Newsletter")
    assert entry.before["connection"] == "Shop"
    assert entry.before["segments"] == "Loyal"


def test_no_export_is_removed_while_one_is_running(world: World) -> None:
    idle, running = world.add_export("Loyal", name="Idle"), world.add_export("Loyal", name="Running")
    world.start(running)
    with pytest.raises(Running, match="“Running”") as refused:
        connections.remove_exports(world.services, ADA, world.connection.id)
    assert refused.value.exports == [running]
    assert used_by(world.services, world.connection.id) == [idle, running]
    assert [entry.action for entry in log(world)] == ["started"]


def test_an_export_that_came_after_the_others_were_shown_is_named_and_none_is_removed(world: World) -> None:
    shown = [world.add_export("Loyal", name="A"), world.add_export("Loyal", name="B")]
    late = world.add_export("Loyal", name="Late")
    ids = [one.id for one in shown]
    with pytest.raises(CameMeanwhile, match="“Late”") as refused:
        connections.remove_exports(world.services, ADA, world.connection.id, ids)
    assert refused.value.exports == [late]
    assert used_by(world.services, world.connection.id) == [*shown, late]
    connections.detach(world.services, ADA, world.connection.id, [late.id])
    assert connections.remove_exports(world.services, ADA, world.connection.id, ids) == shown
    assert world.services.exports.all() == [world.services.exports.get(late.id)]


# --- Removing ---------------------------------------------------------------------------------------------------------


def test_a_connection_is_removed_with_its_tokens(world: World) -> None:
    connections.remove(world.services, ADA, world.connection.id)
    assert world.services.connections.all() == []
    assert secrets_of(world, world.connection.id) == []
    [entry, begun] = log(world)
    assert (begun.action, begun.by, begun.before, begun.after) == ("removal begun", "Ada Administrator", {}, {})
    assert (entry.action, entry.subject_id, entry.subject_name) == ("removed", world.connection.id, "Shop")
    assert entry.before == {"display_name": "Shop", "sharing": "administrators", "consent": "1"}


def test_a_connection_that_exports_use_is_not_removed_and_they_are_named(world: World) -> None:
    export = world.add_export("Loyal")
    with pytest.raises(InUse, match="“Newsletter”") as refused:
        connections.remove(world.services, ADA, world.connection.id)
    assert refused.value.exports == [export]
    assert world.services.connections.get(world.connection.id) == world.connection
    assert world.secrets.get(world.connection.secret_name)


def test_a_connection_is_removed_once_its_exports_are_detached(world: World) -> None:
    world.add_export("Loyal")
    connections.detach(world.services, ADA, world.connection.id)
    connections.remove(world.services, ADA, world.connection.id)
    assert world.services.connections.all() == []


def test_what_constant_contact_holds_stays(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.run_to_end(world.add_export("Loyal"))
    connections.remove_exports(world.services, ADA, world.connection.id)
    connections.remove(world.services, ADA, world.connection.id)
    assert world.members() == ["ana@example.com"]


def test_another_version_than_the_one_that_was_read_is_not_removed(world: World) -> None:
    etag = world.services.connections.stored(world.connection.id).etag
    connections.change(world.services, ADA, world.connection.id, display_name="Store")
    with pytest.raises(Changed):
        connections.remove(world.services, ADA, world.connection.id, etag=etag)
    assert world.secrets.get(world.connection.secret_name)


def test_a_removal_that_the_vault_cuts_short_is_told_and_can_be_done_again(world: World) -> None:
    world.vault_fault(status=500, times=50)
    with pytest.raises(Unavailable, match="Nothing is lost"):
        connections.remove(world.services, ADA, world.connection.id)
    world.clear_faults()
    half = world.services.connections.get(world.connection.id)
    assert half.state == "removal_begun"
    assert half.removal_begun_at is not None
    assert half.sign_in_again is None
    connections.remove(world.services, ADA, world.connection.id)
    assert world.services.connections.all() == []
    assert secrets_of(world, world.connection.id) == []
    assert [entry.action for entry in log(world)] == ["removed", "removal begun"]


def test_a_vault_that_takes_longer_to_delete_holds_nobody_up_and_the_sweep_purges_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def not_yet(*_: object, **__: object) -> None:
        raise on_its_way

    on_its_way = HttpResponseError()
    on_its_way.status_code = 409
    with monkeypatch.context() as patch:
        patch.setattr(SecretClient, "purge_deleted_secret", not_yet)
        patch.setattr("shared.secrets.time.sleep", pauses.append)
        connections.remove(world.services, ADA, world.connection.id)
    assert 1 < sum(pauses) <= 2
    assert world.services.connections.all() == []
    connecting.remove_abandoned(world.services)
    assert [one.value.name for one in world.services.loose_secrets.all()] == [world.connection.secret_name]
    world.clock.advance(11 * 60)
    connecting.remove_abandoned(world.services)
    assert secrets_of(world, world.connection.id) == []
    assert world.services.loose_secrets.all() == []


def test_an_export_that_was_given_the_connection_after_its_removal_began_loses_it_again(world: World) -> None:
    mark = {"removal_begun_at": world.clock.now()}
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update=mark))
    export = world.add_export("Loyal", connection_id=None)

    def attach(one: Export) -> Export:
        return one.model_copy(update={"connection_id": world.connection.id})

    after = changes.change(world.services, ADA, "attached", world.services.exports, export.id, attach)
    assert after.value.connection_id is None
    assert after == world.services.exports.stored(export.id)
    assert [entry.action for entry in log(world)] == ["detached", "attached"]


def test_an_export_that_was_left_with_a_connection_that_is_gone_is_detached_by_the_sweep(world: World) -> None:
    export = world.add_export("Loyal", connection_id="nobody")
    healthy = world.add_export("Loyal")
    connecting.remove_abandoned(world.services)
    assert world.services.exports.get(export.id).connection_id is None
    assert world.services.exports.get(healthy.id) == healthy
    assert [(entry.action, entry.by) for entry in log(world)] == [("detached", "the app")]


def test_an_export_that_comes_at_the_last_moment_keeps_its_connection_which_is_not_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = world.services.connections.change

    def given_first(*given: object, **options: object) -> object:
        monkeypatch.undo()
        world.add_export("Loyal")
        return change(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(world.services.connections, "change", given_first)
    with pytest.raises(InUse, match="“Newsletter”"):
        connections.remove(world.services, ADA, world.connection.id)
    kept = world.services.connections.get(world.connection.id)
    assert not kept.being_removed
    assert world.secrets.get(kept.secret_name)
    assert [entry.action for entry in log(world)] == ["removal called off", "removal begun"]


def test_a_change_whose_audit_log_is_away_is_done_and_told_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: AuditEntry) -> None:
        raise ServiceRequestError("away")

    with monkeypatch.context() as patch:
        patch.setattr(world.services.audit, "write", away)
        connections.change(world.services, ADA, world.connection.id, display_name="Store")
    assert log(world) == []
    connecting.remove_abandoned(world.services)
    assert [(entry.action, entry.subject_name) for entry in log(world)] == [("changed", "Store")]


def test_a_refresh_under_way_does_not_bring_the_tokens_back(world: World) -> None:
    with world.services.tokens._lease(world.connection.id), pytest.raises(Unavailable, match="another worker"):
        connections.remove(world.services, ADA, world.connection.id)
    assert world.secrets.get(world.connection.secret_name)
    connections.remove(world.services, ADA, world.connection.id)
    assert secrets_of(world, world.connection.id) == []


def test_somebody_who_changes_it_during_its_removal_is_heard(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    forget = world.services.tokens.forget

    def renamed_meanwhile(connection_id: str, secret_name: str) -> bool:
        connections.change(world.services, ADA, connection_id, display_name="Store")
        return forget(connection_id, secret_name)

    monkeypatch.setattr(world.services.tokens, "forget", renamed_meanwhile)
    with pytest.raises(Changed):
        connections.remove(world.services, ADA, world.connection.id)
    assert world.services.connections.get(world.connection.id).display_name == "Store"


@pytest.mark.parametrize("odd", ["nobody", "a/b", ""])
def test_a_connection_that_is_not_there_is_not_found(world: World, odd: str) -> None:
    services = world.services
    with pytest.raises(NotFound):
        connections.change(services, ADA, odd, display_name="Store")
    with pytest.raises(NotFound):
        connections.detach(services, ADA, odd)
    with pytest.raises(NotFound):
        connections.remove_exports(services, ADA, odd)
    with pytest.raises(NotFound):
        connections.remove(services, ADA, odd)
