"""What different people meet on the pages: their role's view, their language, their keyboard, and the way out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from local.sign_in import LOGIN_PATH
from local.stand import Stand
from tests.browser.axe import violations
from tests.browser.chromium import SCREENS, Visitor, visiting
from tests.browser.journey import allow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("carlo", "/connections", 200),
        ("carlo", "/connections/add", 403),
        ("vera", "/connections", 403),
        ("nadia", "/connections", 403),
        ("ada", "/connections/none", 404),
        ("vera", "/help", 200),
    ],
)
def test_whoever_comes_is_told_what_they_need_without_a_barrier(
    who: str, path: str, status: int, visitor: Visitor
) -> None:
    visitor.sign_in(who)
    answer = visitor.page.goto(visitor.site_url + path)

    assert answer
    assert answer.status == status
    expect(visitor.page.locator("h1")).to_have_count(1)
    for size, scheme in SCREENS:
        visitor.show(size, scheme)
        assert violations(visitor.page) == []


def test_a_contributor_finds_no_command(visitor: Visitor) -> None:
    visitor.sign_in("carlo")

    assert visitor.path == "/connections"
    expect(visitor.page.locator("main form[method=post], main button, #add")).to_have_count(0)


def test_the_language_is_switched_in_the_menu_and_stays(visitor: Visitor) -> None:
    visitor.sign_in("ada")
    english = visitor.page.locator("h1").inner_text()
    for language in ("it", "ro"):
        menu = visitor.page.locator("details.menu").filter(has=visitor.page.locator("form[action='/language']"))
        menu.locator("summary").click()
        menu.locator(f"button[name=lang][value={language}]").click()
        expect(visitor.page.locator("html")).to_have_attribute("lang", language)
        visitor.go("/audit")
        expect(visitor.page.locator("html")).to_have_attribute("lang", language)
        visitor.go("/connections")
        assert visitor.page.locator("h1").inner_text() != english


def test_a_panel_is_opened_and_left_with_the_keyboard_alone(visitor: Visitor) -> None:
    visitor.sign_in("ada")
    for _ in range(30):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("document.activeElement.id") == "add":
            break
    visitor.page.keyboard.press("Enter")
    expect(visitor.page).to_have_url(re.compile("/connections/add$"))
    assert visitor.page.evaluate("document.querySelector('[role=dialog]').contains(document.activeElement)")

    visitor.page.keyboard.press("Escape")
    expect(visitor.page).to_have_url(re.compile("/connections$"))


def test_after_signing_out_going_back_shows_nothing(visitor: Visitor) -> None:
    visitor.sign_in("ada", "/audit")
    visitor.page.locator("details.menu").filter(has=visitor.page.locator("a[href^='/.auth/logout']")).locator(
        "summary"
    ).click()
    visitor.page.locator("a[href^='/.auth/logout']").click()
    expect(visitor.page.locator("a[href^='/.auth/login']")).to_have_count(1)

    visitor.page.go_back()
    expect(visitor.page.locator("a[href^='/.auth/login']")).to_have_count(1)
    assert "Ada Administrator" not in visitor.text


def test_the_way_back_from_constant_contact_works_once_and_in_one_browser(
    stand: Stand, visitor: Visitor, chromium: Browser
) -> None:
    visitor.sign_in("ada", "/connections/add")
    callbacks: list[str] = []
    visitor.page.on("request", lambda request: callbacks.append(request.url) if "code=" in request.url else None)
    visitor.page.locator("#display_name").fill("Once")
    visitor.page.locator("#consent").check()
    visitor.page.locator("form#set-up section button.primary").click()
    allow(stand, visitor.page)
    expect(visitor.page).to_have_url(re.compile("/connections/drafts/"))

    (callback,) = callbacks
    again = visitor.page.goto(callback)
    with visiting(chromium, stand.site_url) as other:
        other.sign_in("ada")
        elsewhere = other.page.goto(callback)

    assert again
    assert elsewhere
    assert again.status == 422
    assert elsewhere.status == again.status


def test_the_local_sign_in_page_has_no_barrier_either(visitor: Visitor) -> None:
    visitor.go(LOGIN_PATH)
    for size, scheme in SCREENS:
        visitor.show(size, scheme)
        assert violations(visitor.page) == []


def test_a_barrier_is_found_where_there_is_one(visitor: Visitor) -> None:
    visitor.go("/connections")
    visitor.page.evaluate("document.documentElement.removeAttribute('lang')")

    (found,) = violations(visitor.page)
    assert found.startswith("html-has-lang (serious) at html:")
