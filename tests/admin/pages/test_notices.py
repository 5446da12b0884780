"""What has just happened is told once, on the page that follows, and only if it happened."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from tests.admin.asking import pages_as
from tests.admin.pages.reading import Page
from tests.exporters.world import World


def rename(browser: TestClient, world: World, name: str) -> str:
    """Change the connection in its panel; where that leads."""
    form = {"display_name": name, "sharing": "administrators"}
    return browser.post(f"/connections/{world.connection.id}", data=form).headers["location"]


def test_it_is_told_in_the_language_of_the_page_that_follows(world: World, ada: TestClient) -> None:
    address = rename(ada, world, "Newsletter")
    ada.headers["Accept-Language"] = "ro"
    assert "Conexiunea „Newsletter” a fost salvată." in Page(ada.get(address)).words


def test_no_script_can_read_or_write_it_and_it_is_gone_after_a_minute(world: World, ada: TestClient) -> None:
    form = {"display_name": "Newsletter", "sharing": "administrators"}
    cookie = ada.post(f"/connections/{world.connection.id}", data=form).headers["set-cookie"]
    assert re.match("__Host-notice=[A-Za-z0-9_-]+;", cookie), "a value that needs quotes does not pass every host"
    assert {"HttpOnly", "Secure", "Path=/", "Max-Age=60", "SameSite=lax"} <= {one.strip() for one in cookie.split(";")}


def test_a_name_is_told_as_it_was_typed(world: World, ada: TestClient) -> None:
    page = Page(ada.get(rename(ada, world, "<b>100 % “Co”</b> %(name)s")))
    assert "The connection “<b>100 % “Co”</b> %(name)s” was saved." in page.words
    assert page.faults == []


@pytest.mark.parametrize("kept", ["", "!!", "e30=", "bnVsbA==", "eyJ0ZXh0IjogMX0=", "x" * 5000])
def test_a_cookie_that_is_none_of_ours_says_nothing(world: World, kept: str) -> None:
    with pages_as(world, "Administrator", headers={"Cookie": f"__Host-notice={kept}"}) as browser:
        answer = browser.get("/connections")
    assert answer.status_code == 200
    assert "message success" not in answer.text


def test_values_that_the_text_does_not_have_break_no_page(world: World) -> None:
    with pages_as(world, "Administrator") as browser:
        address = rename(browser, world, "Newsletter")
        # {"text": "%(who)s was here", "values": {}}
        browser.cookies.set("__Host-notice", "eyJ0ZXh0IjogIiUod2hvKXMgd2FzIGhlcmUifQ==")
        assert browser.get(address).status_code == 200


@pytest.mark.parametrize(
    "kept",
    [
        "eyJ0ZXh0IjogIiUod2hvKXMgd2FzIGhlcmUiLCAidmFsdWVzIjogeyJuYW1lIjogIngifX0",  # %(who)s was here, with a name
        "eyJ0ZXh0IjogIjEwMCAlIiwgInZhbHVlcyI6IHsibmFtZSI6ICJ4In19",  # 100 %, with a name
        "eyJ0ZXh0IjogImEiLCAicGx1cmFsIjogImIiLCAidmFsdWVzIjogeyJjb3VudCI6ICJ4In19",  # a or b, by the number x
    ],
)
def test_values_that_do_not_fit_the_text_say_nothing(world: World, kept: str) -> None:
    with pages_as(world, "Administrator", headers={"Cookie": f"__Host-notice={kept}"}) as browser:
        answer = browser.get("/connections")
    assert answer.status_code == 200
    assert "message success" not in answer.text
