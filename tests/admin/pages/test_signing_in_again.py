"""Signing in again on the pages: the same account or another one, and who else was at it meanwhile."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from admin import connections
from shared.models import Connection
from tests.admin.asking import pages_as
from tests.admin.drafting import ADA
from tests.admin.pages.reading import Page, words_of
from tests.admin.pages.signing_in import TYPED, Way, needs, save_button
from tests.exporters.browser import OTHER_OWNER, add_other_account
from tests.exporters.world import World


@pytest.fixture
def way(ada: TestClient) -> Way:
    return Way(ada)


def added(world: World, way: Way) -> str:
    """The id of a connection that was added on the pages."""
    draft = way.back(way.begin())
    way.do(draft, "export-user")
    way.do(draft, "save")
    return next(one.id for one in world.services.connections.all() if one.display_name == "Newsletter")


def test_signing_in_again_with_the_same_account_needs_no_new_consent(world: World, way: Way) -> None:
    connection_id = added(world, way)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"))
    page = Page(way.browser.get(draft))
    assert page.all("input", id="consent") == []
    assert "Ada Administrator has agreed to version 1" in page.words
    assert needs(page) == []
    page = way.do(draft, "save", consent="")
    assert "“Newsletter” is signed in again" in page.words


def test_another_account_is_warned_of_before_it_is_saved(world: World, way: Way) -> None:
    connection_id = added(world, way)
    add_other_account(world)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"), user=OTHER_OWNER)
    page = Page(way.browser.get(draft))
    assert "This is another account: “Another Company”." in page.words
    assert "Before it was “Local Company”." in page.words
    assert "disabled" not in save_button(page)


def test_an_account_that_came_meanwhile_is_warned_of_at_save(world: World, way: Way) -> None:
    connection_id = added(world, way)
    add_other_account(world)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"))
    with pages_as(world, "Administrator") as browser:
        bos = Way(browser)
        bos.do(bos.back(bos.begin(f"/connections/{connection_id}/sign-in"), user=OTHER_OWNER), "save")
    answer = way.browser.post(draft, data={**TYPED, "do": "save"})
    page = Page(answer)
    assert answer.status_code == 409
    assert page.problems() == ["Somebody else has signed in to another account meanwhile. Save again to replace it."]
    assert "This is another account: “Local Company”. Before it was “Another Company”." in page.words
    assert "is signed in again" in way.do(draft, "save").words


@pytest.mark.parametrize("do", ["look", "save", "connect", "export-user", "cancel"])
def test_a_sign_in_whose_connection_was_removed_says_that_it_is_over(world: World, way: Way, do: str) -> None:
    connection_id = added(world, way)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"))
    connections.remove(world.services, ADA, connection_id)
    answer = way.browser.get(draft) if do == "look" else way.browser.post(draft, data={**TYPED, "do": do})
    if do in ("connect", "cancel"):
        assert answer.status_code == 303
    else:
        assert answer.status_code == 404
        assert "This sign-in is over" in Page(answer).words
        assert "its connection was removed" in Page(answer).words


def test_another_person_can_become_the_export_user(world: World, way: Way) -> None:
    connection_id = added(world, way)

    def somebody_else(one: Connection) -> Connection:
        return one.model_copy(update={"export_user": "Bo Administrator", "export_user_id": "bo"})

    world.services.connections.change(connection_id, somebody_else)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"))
    page = Page(way.browser.get(draft))
    assert "Bo Administrator is the export user." in page.words
    assert words_of(page.one("button", value="export-user")) == "Become the export user yourself"
    page = way.do(draft, "export-user")
    assert "Ada Administrator is the export user." in page.words
    assert page.all("button", value="export-user") == []
    way.do(draft, "save")
    assert world.services.connections.get(connection_id).export_user == "Ada Administrator"


def test_the_first_sign_in_of_a_connection_is_not_called_another_one(world: World, way: Way) -> None:
    """A connection that was made through the API has never been signed in to."""
    draft = way.back(way.begin(f"/connections/{world.connection.id}/sign-in"))
    page = Page(way.browser.get(draft))
    assert "Connect “Shop”" in page.words
    assert "again" not in words_of(page.one("h1", id="panel-title"))
    way.do(draft, "export-user", consent="yes")
    page = way.do(draft, "save", display_name="Shop")
    assert "The connection “Shop” is signed in." in page.words


def test_another_account_is_not_saved_while_an_export_is_running(world: World, way: Way) -> None:
    connection_id = added(world, way)
    export = world.add_export("Loyal")
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"connection_id": connection_id}))
    add_other_account(world)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"), user=OTHER_OWNER)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.start(world.services.exports.get(export.id))
    answer = way.browser.post(draft, data={**TYPED, "do": "save"})
    assert answer.status_code == 409
    assert "an export of this connection is running" in Page(answer).problems()[0]
