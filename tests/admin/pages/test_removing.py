"""Removing a connection: refused while exports use it, with two ways out."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from shared.models import Export
from tests.admin.pages.reading import Page, words_of
from tests.exporters.world import World


@pytest.fixture
def exports(world: World) -> list[Export]:
    """Two exports that use the connection."""
    return [_named(world, world.add_export(name), f"{name} customers") for name in ("Loyal", "New")]


def _named(world: World, export: Export, name: str) -> Export:
    return world.services.exports.change(export.id, lambda one: one.model_copy(update={"name": name})).value


def address(world: World) -> str:
    return f"/connections/{world.connection.id}/remove"


def actions(page: Page) -> list[str]:
    """Where the forms of the panel lead."""
    return [
        one.attributes["action"].rpartition("/")[2]
        for one in page.all("form")
        if "/connections/" in one.attributes["action"]
    ]


def shown(browser: TestClient, world: World, what: str) -> dict[str, list[str]]:
    """What the form of the panel with this button would send."""
    page = Page(browser.get(address(world)))
    form = page.one("form", action=f"/connections/{world.connection.id}/{what}")
    fields = [one for one in page.all("input", type="hidden") if form in one.around]
    return {"export": [one.attributes["value"] for one in fields]}


def test_what_happens_is_said_before_it_happens(world: World, ada: TestClient) -> None:
    page = Page(ada.get(address(world)))
    panel = words_of(page.one("section", role="dialog"))
    assert "Remove “Shop”?" in panel
    assert "deleted from Key Vault" in panel
    assert "Contacts and lists that are at Constant Contact stay there." in panel
    assert "remove" in actions(page)


def test_a_connection_that_nothing_uses_is_removed(world: World, ada: TestClient) -> None:
    answer = ada.post(address(world))
    assert answer.status_code == 303
    assert "The connection “Shop” was removed" in Page(ada.get(answer.headers["location"])).words
    assert world.services.connections.all() == []
    assert world.secrets.get(world.connection.secret_name) is None


def test_while_exports_use_it_they_are_named_and_there_is_no_button_to_remove_it(
    world: World, ada: TestClient, exports: list[Export]
) -> None:
    page = Page(ada.get(address(world)))
    panel = words_of(page.one("section", role="dialog"))
    assert "2 exports use this connection" in panel
    assert all(export.name in panel for export in exports)
    assert f"/connections/{world.connection.id}/remove" not in [
        one.attributes.get("action") for one in page.all("form")
    ]
    assert {"detach", "remove-exports"} <= set(actions(page))


def test_an_export_that_was_made_meanwhile_keeps_the_connection(
    world: World, ada: TestClient, exports: list[Export]
) -> None:
    answer = ada.post(address(world))
    page = Page(answer)
    assert answer.status_code == 409
    assert "so it was not removed" in page.problems()[0]
    assert exports[0].name in page.words
    assert world.services.connections.all() == [world.connection]


def test_detached_exports_are_kept_without_a_connection(world: World, ada: TestClient, exports: list[Export]) -> None:
    answer = ada.post(f"/connections/{world.connection.id}/detach", data=shown(ada, world, "detach"))
    assert answer.status_code == 303
    page = Page(ada.get(answer.headers["location"]))
    assert "2 exports were detached." in page.words
    assert "remove" in actions(page)
    assert [one.connection_id for one in world.services.exports.all()] == [None, None]


def test_while_a_run_of_a_detached_export_goes_on_it_is_named_and_there_is_no_button_to_remove(
    world: World, ada: TestClient, exports: list[Export]
) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    run = world.start(exports[0])
    ada.post(f"/connections/{world.connection.id}/detach", data=shown(ada, world, "detach"))
    page = Page(ada.get(address(world)))
    assert "1 run still goes through this connection" in page.words
    assert f"/exports/{exports[0].id}/runs/{run.run_id}" in [one.attributes.get("href") for one in page.all("a")]
    assert "remove" not in actions(page)
    answer = ada.post(address(world))
    assert answer.status_code == 409
    assert "Wait until they have ended." in Page(answer).problems()[0]
    world.deliver()
    assert "remove" in actions(Page(ada.get(address(world))))


def test_exports_are_removed_with_their_settings(world: World, ada: TestClient, exports: list[Export]) -> None:
    answer = ada.post(f"/connections/{world.connection.id}/remove-exports", data=shown(ada, world, "remove-exports"))
    assert answer.status_code == 303
    assert "2 exports were removed." in Page(ada.get(answer.headers["location"])).words
    assert world.services.exports.all() == []
    assert world.services.connections.all() == [world.connection]


def test_an_export_that_is_running_is_not_removed(world: World, ada: TestClient, exports: list[Export]) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.start(exports[0])
    answer = ada.post(f"/connections/{world.connection.id}/remove-exports", data=shown(ada, world, "remove-exports"))
    page = Page(answer)
    assert answer.status_code == 409
    assert "One of the exports is running" in page.problems()[0]
    assert len(world.services.exports.all()) == 2


def test_an_export_that_was_made_meanwhile_is_not_detached(
    world: World, ada: TestClient, exports: list[Export]
) -> None:
    decided = shown(ada, world, "detach")
    later = world.add_export("Later")
    page = Page(ada.get(ada.post(f"/connections/{world.connection.id}/detach", data=decided).headers["location"]))
    assert "2 exports were detached." in page.words
    assert "1 export uses this connection" in page.words
    assert [one.id for one in world.services.exports.all() if one.connection_id] == [later.id]


def test_when_an_export_was_made_meanwhile_none_is_removed(
    world: World, ada: TestClient, exports: list[Export]
) -> None:
    decided = shown(ada, world, "remove-exports")
    later = world.add_export("Later")
    answer = ada.post(f"/connections/{world.connection.id}/remove-exports", data=decided)
    page = Page(answer)
    assert answer.status_code == 409
    assert "Other exports use the connection by now" in page.problems()[0]
    assert later.name in page.words
    assert len(world.services.exports.all()) == 3


def test_numbers_follow_the_language(world: World, ada: TestClient) -> None:
    ada.headers["Accept-Language"] = "ro"
    said = []
    for count in (1, 2):
        for number in range(count):
            world.add_export(f"Segment{count}{number}")
        answer = ada.post(f"/connections/{world.connection.id}/detach", data=shown(ada, world, "detach"))
        said.append(Page(ada.get(answer.headers["location"])).words)
    assert "1 export a fost detașat." in said[0]
    assert "2 exporturi au fost detașate." in said[1]
