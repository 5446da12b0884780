"""Connections in a real browser: the whole way in every language, also without scripts, and no barrier."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from local.stand import Stand
from tests.browser.axe import violations
from tests.browser.chromium import LANGUAGES, SCREENS, Language, Visitor, visiting
from tests.browser.journey import walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def check(visitor: Visitor, language: Language, seen: str) -> None:
    """The page speaks the language, fits the screen, and axe finds nothing, on every screen and in light and dark."""
    assert visitor.page.locator("html").get_attribute("lang") == language
    for size, scheme in SCREENS:
        visitor.show(size, scheme)
        found = violations(visitor.page)
        assert not found, "\n".join([f"{seen}, {size[0]} px, {scheme}:", *found])
        wider = visitor.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, f"{seen}, {size[0]} px: {wider} px have to be scrolled to the side"
    visitor.show(*SCREENS[0])
    assert visitor.complaints == [], seen


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_connection_is_added_shared_signed_in_again_detached_and_removed(
    language: Language, stand: Stand, chromium: Browser
) -> None:
    with visiting(chromium, stand.site_url, language) as visitor:
        walk(stand, visitor, lambda at, seen: check(at, language, seen), f"Shop {language}")


def test_the_whole_way_can_be_walked_without_scripts(stand: Stand, chromium: Browser) -> None:
    seen: list[str] = []
    with visiting(chromium, stand.site_url, scripts=False) as visitor:
        walk(stand, visitor, lambda _, page: seen.append(page), "No scripts")

    assert (seen[0], seen[-1]) == ("signed-out", "audit")
