"""The process may die at any line of a Save or a removal: what is done again then ends as if nothing had happened.

Everything that they do to the world is a request: to the tables, to Key Vault, to the lease. So the process is killed
just before, and just after, each of them, one at a time.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobLeaseClient

from admin import connecting, connections
from exporters.constant_contact.tokens import TokenSet
from shared.audit import month_of
from shared.errors import NotFound
from shared.models import Connection
from tests.admin.drafting import ADA, ready, ready_again, save, secrets_of
from tests.exporters.browser import OTHER_OWNER, add_other_account
from tests.exporters.world import World
from tests.promises.interruption import Killed, death, watching


def killed_at(kill_at: int, *, does: Callable[[], object]) -> bool:
    """Do it, and be killed before one of its requests, which is after the one before; whether it came so far."""
    with contextlib.suppress(Killed), watching(death(kill_at)):
        does()
        return False
    return True


def let_go(world: World, connection_id: str) -> None:
    """What the storage service does to the lease of a holder that has died."""
    blob = world.services.tokens._locks.get_blob_client(f"refresh/{connection_id}")
    with contextlib.suppress(ResourceExistsError, ResourceNotFoundError):  # Nobody holds it, or it was never made.
        BlobLeaseClient(blob).break_lease(0)


def entries(world: World, subject_id: str) -> list[str]:
    return [e.action for e in world.services.audit.month(month_of(world.clock.now())) if e.subject_id == subject_id]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_save_killed_at_any_request_is_done_again_and_ends_the_same(world: World) -> None:
    kill_at = 0
    going_on = True
    while going_on:
        kill_at += 1
        draft = ready(world)
        tokens = world.secrets.get(draft.secret_name)
        going_on = killed_at(kill_at, does=functools.partial(save, world, draft))
        where = f"killed at request {kill_at}"
        let_go(world, draft.id)
        with contextlib.suppress(NotFound):  # It was saved, and only the answer was lost.
            save(world, draft)
        saved = world.services.connections.get(draft.id)
        assert saved.state == "connected", where
        assert world.secrets.get(saved.secret_name) == tokens, where
        assert secrets_of(world, draft.id) == [saved.secret_name], where
        assert world.services.drafts.all() == [], where
        assert entries(world, draft.id) == ["added"], where
    assert kill_at > 12


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_save_killed_at_any_request_and_given_up_leaves_nothing_or_a_whole_connection(world: World) -> None:
    kill_at = 0
    going_on = True
    while going_on:
        kill_at += 1
        draft = ready(world)
        going_on = killed_at(kill_at, does=functools.partial(save, world, draft))
        where = f"killed at request {kill_at}"
        let_go(world, draft.id)
        world.clock.advance(2 * 3600)
        connecting.remove_abandoned(world.services)
        assert world.services.drafts.all() == [], where
        left = [one for one in world.services.connections.all() if one.id == draft.id]
        assert secrets_of(world, draft.id) == [one.secret_name for one in left], where
        assert all(one.state == "connected" for one in left), where
    assert kill_at > 12


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_new_sign_in_killed_at_any_request_is_done_again_and_ends_the_same(world: World) -> None:
    add_other_account(world)
    kill_at = 0
    going_on = True
    while going_on:
        kill_at += 1
        made = world.add_connection()
        draft = ready_again(world, made, user=OTHER_OWNER)
        tokens = TokenSet.model_validate_json(world.secrets.get(draft.secret_name) or "")
        going_on = killed_at(kill_at, does=functools.partial(save, world, draft))
        where = f"killed at request {kill_at}"
        let_go(world, made.id)
        with contextlib.suppress(NotFound):  # It was saved, and only the answer was lost.
            save(world, draft)
        saved = world.services.connections.get(made.id)
        assert saved.account is not None
        assert (saved.state, saved.account.id) == ("connected", "another-account"), where
        assert TokenSet.model_validate_json(world.secrets.get(saved.secret_name) or "") == tokens, where
        assert secrets_of(world, made.id, draft.id) == [saved.secret_name], where
        assert world.services.drafts.all() == [], where
        assert entries(world, made.id) == ["signed in"], where
    assert kill_at > 12


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_removal_killed_at_any_request_never_hides_a_secret_and_can_be_done_again(world: World) -> None:
    kill_at = 0
    going_on = True
    while going_on:
        kill_at += 1
        made = world.add_connection()

        def remove(made: Connection = made) -> None:
            connections.remove(world.services, ADA, made.id)

        going_on = killed_at(kill_at, does=remove)
        where = f"killed at request {kill_at}"
        let_go(world, made.id)
        left = {one.id: one for one in world.services.connections.all()}
        if made.id not in left:
            assert secrets_of(world, made.id) == [], where
            continue
        if world.secrets.get(made.secret_name) is None:
            assert left[made.id].state == "sign_in_again", where
        remove()
        assert made.id not in {one.id for one in world.services.connections.all()}, where
        assert secrets_of(world, made.id) == [], where
        assert entries(world, made.id) == ["removed"], where
    assert kill_at > 8
