"""The process may die at any line of a change, a Save or a removal: nothing is half done or untold then.

Everything that they do to the world is a request: to the tables, to Key Vault, to the lease. So the process is killed
just before, and just after, each of them, one at a time.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobLeaseClient

from admin import changes, connecting, connections
from exporters.constant_contact.tokens import TokenSet
from exporters.services import Services
from local.constant_contact.state import LOCAL_LIST_ID
from shared.documents import new_id
from shared.errors import ExportError, NotFound
from shared.models import Export
from shared.people import Person
from tests.admin.drafting import ADA, begin, come_back, ready, ready_again, save, secrets_of
from tests.exporters.browser import OTHER_OWNER, add_other_account
from tests.exporters.world import World
from tests.promises.interruption import Killed, death, watching


@dataclass
class Kill:
    """Kills what is done `during` it, before its request number `at`, which is after the one before."""

    world: World
    at: int
    came_through: bool = False

    def during(self, does: Callable[[], object], *, lease_of: str | None = None) -> None:
        """Do it and be killed, unless it makes fewer requests; then let go of the lease that a dead holder has."""
        with contextlib.suppress(Killed), watching(death(self.at)):
            does()
            self.came_through = True
        if lease_of is not None:
            blob = self.world.services.tokens._locks.get_blob_client(f"refresh/{lease_of}")
            with contextlib.suppress(ResourceExistsError, ResourceNotFoundError):  # Nobody holds it, or it is new.
                BlobLeaseClient(blob).break_lease(0)


def every_kill(world: World, *, more_than: int) -> Iterator[Kill]:
    """A kill at each request in turn, until one comes through; there have to be more requests than so many."""
    kill = Kill(world, 1)
    while True:
        yield kill
        if kill.came_through:
            break
        kill = Kill(world, kill.at + 1)
    assert kill.at > more_than


def entries(world: World, subject_id: str) -> list[str]:
    return [e.action for e in world.told() if e.subject_id == subject_id]


def sweep(world: World, *, after: float = 0) -> None:
    """The next sweep, by default at once; nothing is left untold then."""
    world.clock.advance(after)
    connecting.remove_abandoned(world.services)
    assert world.services.connections.untold() == world.services.exports.untold() == []


# --- Changes: done and told, or neither -------------------------------------------------------------------------------


def new_export(world: World, connection_id: str | None = None) -> Export:
    return Export(
        id=new_id(),
        name="Newsletter",
        connection_id=connection_id or world.connection.id,
        list_id=LOCAL_LIST_ID,
        segments=("Loyal",),
        mapping={"email": "EMail"},
        created_at=world.clock.now(),
        created_by="Ada Administrator",
    )


def test_a_change_killed_at_any_request_is_done_and_told_or_neither(world: World) -> None:
    for kill in every_kill(world, more_than=4):
        made = world.add_connection()

        def rename(connection_id: str = made.id) -> None:
            connections.change(world.services, ADA, connection_id, display_name="Store")

        kill.during(rename)
        sweep(world)
        done = world.services.connections.get(made.id).display_name == "Store"
        assert entries(world, made.id) == ["changed"] * done, kill
        rename()
        assert entries(world, made.id) == ["changed"], kill


@pytest.mark.parametrize(
    ("does", "told"),
    [(connections.detach, "detached"), (connections.remove_exports, "removed")],
    ids=["detach", "remove"],
)
def test_detaching_and_removing_exports_killed_at_any_request_is_done_and_told_or_neither_for_each(
    world: World, does: Callable[[Services, Person, str], object], told: str
) -> None:
    for kill in every_kill(world, more_than=8):
        made = world.add_connection()
        exports = [world.add_export("Loyal", connection_id=made.id) for _ in range(2)]
        go = functools.partial(does, world.services, ADA, made.id)
        kill.during(go)
        sweep(world)
        untouched = {one.id for one in world.services.exports.all() if one.connection_id == made.id}
        for export in exports:
            assert entries(world, export.id) == [told] * (export.id not in untouched), kill
        go()
        assert not [one for one in world.services.exports.all() if one.connection_id == made.id], kill
        assert [entries(world, export.id) for export in exports] == [[told], [told]], kill


def test_making_an_export_killed_at_any_request_is_done_and_told_or_neither(world: World) -> None:
    for kill in every_kill(world, more_than=2):
        export = new_export(world)
        kill.during(functools.partial(changes.add, world.services, ADA, export))
        sweep(world)
        done = export.id in {one.id for one in world.services.exports.all()}
        assert entries(world, export.id) == ["added"] * done, kill


def test_making_a_connection_killed_at_any_request_is_done_and_told_or_neither(world: World) -> None:
    for kill in every_kill(world, more_than=1):
        before = {one.id for one in world.services.connections.all()}

        def add() -> None:
            connections.add(
                world.services, ADA, display_name="New", sharing="administrators", consent=True, export_user=None
            )

        kill.during(add)
        sweep(world)
        made = [one for one in world.services.connections.all() if one.id not in before]
        assert [entries(world, one.id) for one in made] == [["added"]] * len(made), kill
        told = [e for e in world.told() if e.action == "added"]
        assert {e.subject_id for e in told} <= {one.id for one in world.services.connections.all()}, kill


# --- Signing in and removing ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sign_in_killed_at_any_request_leaves_no_secret_once_it_is_over(world: World) -> None:
    for kill in every_kill(world, more_than=8):
        start = begin(world)
        kill.during(functools.partial(come_back, world, start))
        sweep(world, after=2 * 3600)
        assert secrets_of(world, start.draft_id) == [], kill
        assert world.services.drafts.all() == [], kill
        assert world.services.loose_secrets.all() == [], kill


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_save_killed_at_any_request_is_done_again_and_ends_the_same(world: World) -> None:
    for kill in every_kill(world, more_than=8):
        draft = ready(world)
        tokens = world.secrets.get(draft.secret_name)
        kill.during(functools.partial(save, world, draft))
        with contextlib.suppress(NotFound):  # It was saved, and only the answer was lost.
            save(world, draft)
        sweep(world)
        saved = world.services.connections.get(draft.id)
        assert saved.state == "connected", kill
        assert world.secrets.get(saved.secret_name) == tokens, kill
        assert secrets_of(world, draft.id) == [saved.secret_name], kill
        assert world.services.drafts.all() == [], kill
        assert entries(world, draft.id) == ["added"], kill
        sweep(world, after=2 * 3600)
        assert secrets_of(world, draft.id) == [saved.secret_name], kill


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_save_killed_at_any_request_and_given_up_leaves_nothing_or_a_whole_connection(world: World) -> None:
    for kill in every_kill(world, more_than=8):
        draft = ready(world)
        kill.during(functools.partial(save, world, draft))
        sweep(world, after=2 * 3600)
        assert world.services.drafts.all() == [], kill
        assert world.services.loose_secrets.all() == [], kill
        left = [one for one in world.services.connections.all() if one.id == draft.id]
        assert secrets_of(world, draft.id) == [one.secret_name for one in left], kill
        assert all(one.state == "connected" for one in left), kill
        assert entries(world, draft.id) == ["added"] * len(left), kill


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_new_sign_in_killed_at_any_request_is_done_again_and_ends_the_same(world: World) -> None:
    add_other_account(world)
    for kill in every_kill(world, more_than=12):
        made = world.add_connection()
        draft = ready_again(world, made, user=OTHER_OWNER)
        tokens = TokenSet.model_validate_json(world.secrets.get(draft.secret_name) or "")
        kill.during(functools.partial(save, world, draft), lease_of=made.id)
        with contextlib.suppress(NotFound):  # It was saved, and only the answer was lost.
            save(world, draft)
        saved = world.services.connections.get(made.id)
        assert saved.account is not None
        assert (saved.state, saved.account.id) == ("connected", "another-account"), kill
        assert TokenSet.model_validate_json(world.secrets.get(saved.secret_name) or "") == tokens, kill
        assert world.services.drafts.all() == [], kill
        assert entries(world, made.id) == ["signed in"] or world.services.connections.untold(), kill
        # Soon, and not only when the draft would have been over.
        sweep(world, after=11 * 60)
        assert secrets_of(world, made.id, draft.id) == [saved.secret_name], kill
        assert entries(world, made.id) == ["signed in"], kill


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_new_sign_in_killed_at_any_request_and_given_up_leaves_one_whole_sign_in(world: World) -> None:
    for kill in every_kill(world, more_than=12):
        made = world.add_connection()
        draft = ready_again(world, made)
        kill.during(functools.partial(save, world, draft), lease_of=made.id)
        sweep(world, after=2 * 3600)
        left = world.services.connections.get(made.id)
        assert secrets_of(world, made.id, draft.id) == [left.secret_name], kill
        assert entries(world, made.id) == ["signed in"] * (left.secret_name == draft.secret_name), kill
        assert world.services.loose_secrets.all() == [], kill


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_removal_killed_at_any_request_never_hides_a_secret_and_can_be_done_again(world: World) -> None:
    for kill in every_kill(world, more_than=8):
        made = world.add_connection()

        def remove(connection_id: str = made.id) -> None:
            connections.remove(world.services, ADA, connection_id)

        kill.during(remove, lease_of=made.id)
        sweep(world, after=11 * 60)
        left = {one.id: one for one in world.services.connections.all()}
        if made.id not in left:
            assert secrets_of(world, made.id) == [], kill
            assert entries(world, made.id) == ["removed", "removal begun"], kill
            continue
        assert entries(world, made.id) == ["removal begun"] * left[made.id].being_removed, kill
        if world.secrets.get(made.secret_name) is None:
            assert left[made.id].state == "removal_begun", kill
        remove()
        assert made.id not in {one.id for one in world.services.connections.all()}, kill
        assert secrets_of(world, made.id) == [], kill
        assert entries(world, made.id) == ["removed", "removal begun"], kill


# --- Two at the same moment -------------------------------------------------------------------------------------------


def at_any_request(does: Callable[[], object], meanwhile: Callable[[], object], at: int) -> bool:
    """Do it, with something else in between, before its request number `at`; whether it came so far."""
    came: list[int] = []

    def happens(number: int) -> None:
        if number == at:
            came.append(number)
            with contextlib.suppress(ExportError):
                meanwhile()

    with contextlib.suppress(ExportError), watching(happens):
        does()
    return bool(came)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", ["the export", "the removal"])
def test_an_export_never_keeps_a_connection_that_is_removed_while_it_is_made(world: World, first: str) -> None:
    at, going_on = 0, True
    while going_on:
        at += 1
        made = world.add_connection()
        export = new_export(world, made.id)

        def add(export: Export = export) -> None:
            changes.add(world.services, ADA, export)

        def remove(connection_id: str = made.id) -> None:
            connections.remove(world.services, ADA, connection_id)

        going_on = at_any_request(add, remove, at) if first == "the export" else at_any_request(remove, add, at)
        left = {one.id: one for one in world.services.connections.all()}
        kept = {one.id: one.connection_id for one in world.services.exports.all()}.get(export.id)
        assert kept is None or kept in left, at
        assert all(not one.being_removed for one in left.values()), at
        if made.id in left:
            assert world.secrets.get(made.secret_name), at
    assert at > 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_save_and_a_removal_at_any_moment_leave_a_whole_connection_or_nothing(world: World) -> None:
    at, going_on = 0, True
    while going_on:
        at += 1
        made = world.add_connection()
        draft = ready_again(world, made)

        def remove(connection_id: str = made.id) -> None:
            connections.remove(world.services, ADA, connection_id)

        going_on = at_any_request(remove, functools.partial(save, world, draft), at)
        sweep(world, after=2 * 3600)
        left = [one for one in world.services.connections.all() if one.id == made.id]
        assert secrets_of(world, made.id, draft.id) == [one.secret_name for one in left], at
        assert [one.state for one in left] == ["connected"] * len(left), at
        assert entries(world, made.id)[:1] == (["signed in"] if left else ["removed"]), at
    assert at > 8


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_draft_that_is_given_up_at_any_moment_of_its_save_leaves_a_whole_connection_or_nothing(world: World) -> None:
    at, going_on = 0, True
    while going_on:
        at += 1
        draft = ready(world)

        def give_up(draft_id: str = draft.id) -> None:
            connecting.abandon(world.services, ADA, draft_id)

        going_on = at_any_request(functools.partial(save, world, draft), give_up, at)
        sweep(world, after=2 * 3600)
        left = [one for one in world.services.connections.all() if one.id == draft.id]
        assert secrets_of(world, draft.id) == [one.secret_name for one in left], at
        assert world.services.loose_secrets.all() == [], at
    assert at > 6
