"""The help page in a browser: folded away, until somebody is led to a part of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import PHONE, SCREENS, Visitor

# Three screens of a phone; with everything unfolded there are sixteen.
FEW_PIXELS = 2_200


def test_the_page_is_short_on_a_phone_until_somebody_unfolds_a_part(visitor: Visitor) -> None:
    visitor.sign_in("vera", "/help")
    visitor.show(PHONE, "light")

    assert visitor.page.evaluate("document.documentElement.scrollHeight") < FEW_PIXELS


@pytest.mark.parametrize(("size", "scheme"), SCREENS)
def test_nothing_of_the_page_is_in_anybody_s_way_folded_or_not(
    visitor: Visitor, size: tuple[int, int], scheme: str
) -> None:
    visitor.sign_in("vera", "/help")
    visitor.show(size, "dark" if scheme == "dark" else "light")
    assert violations(visitor.page) == []

    visitor.page.evaluate("for (const one of document.querySelectorAll('.unfolds')) one.open = true")
    assert violations(visitor.page) == []


def test_whoever_is_led_to_a_problem_reads_it_and_nothing_else_is_unfolded(visitor: Visitor) -> None:
    visitor.sign_in("vera", "/runs")
    visitor.go("/help#sign_in_again")

    expect(visitor.page.locator("#sign_in_again p").first).to_be_in_viewport()
    expect(visitor.page.locator("#sign_in_again")).to_be_focused()
    expect(visitor.page.locator("details.unfolds[open]")).to_have_count(2)


def test_the_index_unfolds_what_it_leads_to(visitor: Visitor) -> None:
    visitor.sign_in("vera", "/help")

    visitor.page.locator(".help nav a[href='#schedules']").click()

    expect(visitor.page.locator("details.unfolds[open] h2")).to_have_attribute("id", "schedules")
    expect(visitor.page.locator("details:has(#schedules) p").first).to_be_in_viewport()


def test_what_only_programs_meet_is_in_a_part_of_its_own(visitor: Visitor) -> None:
    visitor.sign_in("vera", "/help")
    visitor.go("/help#invalid")

    expect(visitor.page.locator("details.help-part[open] h2")).to_have_attribute("id", "program-problems")
    ids = visitor.page.locator("details.help-part[open] article").evaluate_all("all => all.map(one => one.id)")
    assert ids == ["changed", "no_version", "invalid"]
