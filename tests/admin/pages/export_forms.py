"""Fills in the form of an export and reads what comes back, as a browser does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.testclient import TestClient

from local.constant_contact.state import LOCAL_LIST_ID
from shared.models import Connection, Export
from tests.admin.drafting import SHARED
from tests.admin.pages.reading import Element, Page, words_of
from tests.exporters.world import World

NO_LIST = "00000000-0000-4000-8000-000000000000"


def complete(world: World, **changed: object) -> dict[str, Any]:
    """Everything the form needs to be saved, as a browser sends it."""
    return {
        "name": "Newsletter",
        "connection": world.connection.id,
        "list_id": LOCAL_LIST_ID,
        "segments": ["Loyal"],
        "attribute": ["email"],
        "source": ["EMail"],
        "header": "auto",
        **changed,
    }


def share(world: World) -> Connection:
    return world.services.connections.change(
        world.connection.id, lambda one: one.model_copy(update={"sharing": SHARED})
    ).value


def press(client: TestClient, form: Mapping[str, object], do: str, path: str = "/exports/add") -> Page:
    """The form again, after one of its buttons."""
    answer = client.post(path, data={**form, "do": do})
    assert answer.status_code == 200
    page = Page(answer)
    assert page.faults == []
    return page


def panel(page: Page) -> str:
    return words_of(page.one("section", role="dialog"))


def chosen(page: Page, select: str) -> str:
    (option,) = [one for one in options(page, select) if "selected" in one.attributes] or [Element("option", {})]
    return option.attributes.get("value", "")


def options(page: Page, select: str) -> list[Element]:
    return [one for one in page.all("option") if any(around.attributes.get("id") == select for around in one.around)]


def checked(page: Page, name: str) -> list[str]:
    return [one.attributes["value"] for one in page.all("input", name=name) if "checked" in one.attributes]


def value(page: Page, name: str) -> str:
    return page.one("input", name=name).attributes["value"]


def focused(page: Page) -> list[str]:
    return [one.attributes.get("id", one.tag) for one in page.elements if "autofocus" in one.attributes]


def only_export(world: World) -> Export:
    (export,) = world.services.exports.all()
    return export
