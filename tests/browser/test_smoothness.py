"""What the script adds for those who let it run: the pages do the same without it, a little less smoothly."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from local.stand import Stand
from shared.models import Connection, Export, Schedule
from tests.browser.chromium import LANGUAGES, PHONE, Language, Visitor, visiting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def connection(stand: Stand) -> Connection:
    """One to look at; it was never signed in to."""
    return stand.app.add_connection("Smooth", "Ada Administrator")


@pytest.fixture
def page(visitor: Visitor, connection: Connection) -> Page:
    """The list, as an administrator sees it."""
    visitor.sign_in("ada", "/connections")
    return visitor.page


def add_export(stand: Stand, connection: Connection, name: str) -> Export:
    return stand.app.add_export(
        name,
        connection,
        list_id=stand.account.list_id,
        segments=["Members"],
        mapping={"email": "EMail"},
        schedule=Schedule(active=False),
    )


def focused(page: Page) -> str:
    found: str = page.evaluate("document.activeElement.id")
    return found


def test_escape_closes_the_panel_and_the_focus_is_where_it_was_opened(page: Page, connection: Connection) -> None:
    page.locator(f"#connection-{connection.id}").click()
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_have_count(0)
    expect(page.locator(f"#connection-{connection.id}")).to_be_focused()


def test_the_focus_stays_in_an_open_panel(page: Page, connection: Connection) -> None:
    page.locator(f"#connection-{connection.id}").click()
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('.frame')")


def test_escape_closes_a_menu_and_gives_the_focus_back(page: Page) -> None:
    menu = page.locator(".bar details.menu:visible").last
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


def test_only_one_menu_is_open_and_a_click_elsewhere_closes_it(page: Page) -> None:
    menus = page.locator(".bar details.menu:visible > summary")
    menus.first.click()
    menus.last.click()
    expect(page.locator("details.menu[open]")).to_have_count(1)
    page.locator("h1").click()
    expect(page.locator("details.menu[open]")).to_have_count(0)


def test_the_menu_of_the_last_row_is_seen_whole(page: Page, connection: Connection) -> None:
    page.set_viewport_size({"width": 1280, "height": 400})
    last = page.locator("td.more summary").last
    last.scroll_into_view_if_needed()
    last.click()
    expect(page.locator("td.more [open] .menu-item").last).to_be_in_viewport(ratio=1)


def test_a_row_is_selected_without_leaving_the_page(page: Page, connection: Connection) -> None:
    page.evaluate("window.stayed = true")
    page.locator(f"#select-{connection.id}").click()
    expect(page.locator("tr.selected")).to_have_count(1)
    expect(page).to_have_url(re.compile(f"selected={connection.id}"))
    assert focused(page) == f"select-{connection.id}"
    page.locator("#sort-created").click()
    expect(page.locator("th[aria-sort] #sort-created")).to_be_focused()
    assert page.evaluate("window.stayed")


def test_the_list_follows_what_is_typed_and_the_caret_stays(page: Page, stand: Stand, connection: Connection) -> None:
    stand.app.add_connection("Rough", "Ada Administrator")
    page.reload()
    page.evaluate("window.stayed = true")
    page.locator("#search").press_sequentially("smoo")
    expect(page.locator("th.name", has_text="Rough")).to_have_count(0)
    expect(page.locator(f"#connection-{connection.id}")).to_be_visible()
    expect(page).to_have_url(re.compile("search=smoo"))
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("th")
    expect(page).to_have_url(re.compile("search=smooth"))
    expect(page.locator("#search")).to_have_value("smooth")
    page.locator("#search").fill("")
    expect(page.locator("th.name", has_text="Rough").first).to_be_visible()
    assert page.evaluate("window.stayed")


def test_without_scripts_enter_searches(stand: Stand, chromium: Browser, connection: Connection) -> None:
    with visiting(chromium, stand.site_url, scripts=False) as visitor:
        visitor.sign_in("ada", "/connections")
        visitor.page.locator("#search").fill("there is no such")
        visitor.page.locator("#search").press("Enter")
        expect(visitor.page).to_have_url(re.compile(r"search=there\+is\+no\+such"))
        expect(visitor.page.locator("th.name")).to_have_count(0)


@pytest.mark.parametrize(("zone", "said"), [("Asia/Kolkata", "GMT+5:30"), ("UTC", "UTC")])
def test_times_are_told_in_the_reader_s_own_time_zone(
    stand: Stand, chromium: Browser, connection: Connection, zone: str, said: str
) -> None:
    with visiting(chromium, stand.site_url, time_zone=zone) as visitor:
        visitor.sign_in("ada", "/connections")
        assert (visitor.page.locator("td time").first.get_attribute("title") or "").endswith(said)
        visitor.page.locator("#sort-created").click()
        expect(visitor.page.locator("th[aria-sort] #sort-created")).to_be_focused()
        assert (visitor.page.locator("td time").first.get_attribute("title") or "").endswith(said)


def test_what_does_not_fit_the_command_bar_is_in_its_menu(page: Page, connection: Connection) -> None:
    page.locator(f"#select-{connection.id}").click()
    expect(page.locator(".command.at-4")).to_be_visible()
    expect(page.locator(".overflow")).to_be_hidden()
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    expect(page.locator(".command.at-2")).to_be_hidden()
    page.locator(".overflow > summary").click()
    expect(page.locator(".overflow .menu-item:visible")).to_have_count(3)
    bar = page.locator(".commands").bounding_box()
    assert bar
    assert bar["height"] < 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_in_the_command_bar_lies_over_something_else(
    stand: Stand, chromium: Browser, connection: Connection, language: Language
) -> None:
    export = add_export(stand, connection, f"Bar {language}")
    over = []
    with visiting(chromium, stand.site_url, language) as visitor:
        visitor.sign_in("ada")
        for path in (f"/exports?selected={export.id}", f"/connections?selected={connection.id}"):
            visitor.go(path)
            for width in (320, 360, 500, 700, 800, 900, 1024, 1100, 1280, 1472, 1920):
                visitor.show((width, 800), "light")
                over += [(path, width, *two) for two in visitor.page.evaluate(_OVER_ANOTHER)]
    assert over == []


# What can be pressed in the bar, from left to right: each has to end where the next begins, or before.
_OVER_ANOTHER = """
() => {
  const there = [...document.querySelectorAll(".commands :is(.command, .input)")];
  const seen = there.filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".menu-list"));
  const places = seen.map((one) => one.getBoundingClientRect());
  const sorted = places.sort((one, other) => one.left - other.left);
  return sorted.slice(1).flatMap((one, at) => (one.left < sorted[at].right - 1 ? [[sorted[at].right, one.left]] : []));
}
"""


def test_a_second_click_is_kept_from_doing_it_twice_until_the_load_was_given_up(page: Page) -> None:
    page.clock.install()
    page.reload()
    page.evaluate(
        """() => {
            const form = document.body.appendChild(document.createElement("form"));
            window.sent = 0;
            form.addEventListener("submit", () => window.sent++);
            form.target = "nowhere";
            form.action = "/connections";
            form.id = "twice";
            // What the page itself has decided by the time the event has reached the window.
            window.addEventListener("submit", (event) => {
                if (event.defaultPrevented) window.sent--;
                event.preventDefault();
            });
        }"""
    )
    send = "document.getElementById('twice').requestSubmit()"
    page.evaluate(f"{send}; {send}")
    assert page.evaluate("window.sent") == 1
    page.clock.fast_forward(10_000)
    page.evaluate(send)
    assert page.evaluate("window.sent") == 2


def test_what_save_needs_follows_what_is_typed(visitor: Visitor, page: Page) -> None:
    visitor.go("/connections/add")
    needs = page.locator("[data-need]:visible")
    expect(needs).to_have_count(4)
    page.locator("#display_name").fill("Shop")
    page.locator("#consent").check()
    expect(needs).to_have_count(2)
    expect(page.locator("[data-save]")).to_be_disabled()


def test_save_can_be_pressed_only_while_there_is_a_name(page: Page, connection: Connection) -> None:
    page.locator(f"#connection-{connection.id}").click()
    save = page.locator("[data-save]")
    expect(save).to_be_enabled()
    page.locator("#display_name").fill("  ")
    expect(save).to_be_disabled()
    page.locator("#display_name").fill("Smooth")
    expect(save).to_be_enabled()


def test_a_summary_of_errors_takes_the_focus_and_leads_to_the_field(visitor: Visitor, page: Page) -> None:
    visitor.go("/connections/add")
    # The browser logs every answer of 4xx as an error; this one is meant.
    page.locator("form#set-up section button.primary").click()
    summary = page.locator("[role=alert]")
    expect(summary).to_be_focused()
    summary.locator("a").first.click()
    expect(page.locator("#display_name")).to_be_focused()
    visitor.complaints.clear()


def test_the_redirect_address_is_copied(visitor: Visitor, page: Page, stand: Stand) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.go("/connections/add")
    page.locator("[data-copy]").click()
    expect(page.locator("[data-copy] span")).not_to_have_text("Copy")
    assert page.evaluate("navigator.clipboard.readText()") == f"{stand.site_url}/connections/callback"


def test_a_page_that_is_turned_begins_at_its_top_and_the_way_back_leads_to_the_one_before(
    page: Page, stand: Stand, connection: Connection
) -> None:
    for number in range(60):
        add_export(stand, connection, f"Letter {number:02}")
    page.goto(f"{stand.site_url}/exports?search=letter")
    page.locator("#page-next").click()
    expect(page.locator("th.name", has_text="Letter 59")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.locator("th.name", has_text="Letter 00")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "said"), [("en-GB", "22 Nov 2026"), ("en-US", "Nov 22, 2026"), ("it-CH", "22 nov 2026")]
)
def test_dates_are_written_as_the_reader_s_country_writes_them(
    chromium: Browser, stand: Stand, language: str, said: str
) -> None:
    context = chromium.new_context(locale=language, timezone_id="UTC")
    visitor = Visitor(context.new_page(), stand.site_url)
    visitor.sign_in("ada", "/")
    # Put before its scripts run, which write the times of a page when it is there.
    visitor.page.route(
        "**/help",
        lambda route: route.fulfill(
            response=(answer := route.fetch()),
            body=answer.text().replace("</h1>", '</h1><time datetime="2026-11-22T10:00:00Z" data-exact>x</time>', 1),
        ),
    )
    visitor.go("/help")
    expect(visitor.page.locator("main time")).to_contain_text(said)
    context.close()


def test_a_language_that_the_browser_spells_wrongly_stops_nothing(visitor: Visitor) -> None:
    visitor.page.add_init_script("Object.defineProperty(navigator, 'languages', { get: () => ['en-US@posix'] })")
    visitor.sign_in("ada", "/exports")
    assert visitor.page.evaluate("navigator.languages[0]") == "en-US@posix"
    assert visitor.complaints == []
