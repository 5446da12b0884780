"""Exports in a real browser: from nothing to a finished run in every language, by keyboard and without scripts too."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from local.samples import write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Connection, Schedule
from tests.browser.chromium import LANGUAGES, Language, Visitor, visiting
from tests.browser.export_journey import SEGMENT, Keyboard, Mouse, make_and_run, shared_connection, the_other_pages
from tests.browser.test_connections import check

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROFILES = 2_000
TWO_MINUTES = 120
CLICKS = 10


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A system of its own, whose segments can be exported at once."""
    samples = write_samples(tmp_path_factory.mktemp("samples"), PROFILES)
    with Stand() as running:
        upload(samples.folder, running.snapshots)
        yield running


@pytest.fixture(scope="module")
def connection(stand: Stand, chromium: Browser) -> Connection:
    """The one connection, shared with contributors."""
    with visiting(chromium, stand.site_url) as ada:
        ada.sign_in("ada")
        return shared_connection(stand, ada, "Local Company")


@pytest.fixture
def carlo(visitor: Visitor, connection: Connection) -> Visitor:
    """A contributor in front of the list of exports."""
    visitor.sign_in("carlo", "/exports")
    return visitor


def export_id(path: str) -> str:
    found = re.match(r"/exports/(\w+)/", path)
    assert found
    return found[1]


# --- From nothing to a finished run -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_contributor_makes_an_export_and_sees_its_run_end_in_under_two_minutes_of_clicks(
    language: Language, stand: Stand, chromium: Browser, connection: Connection
) -> None:
    with visiting(chromium, stand.site_url, language) as carlo:
        carlo.sign_in("carlo", "/exports")
        hand = Mouse(carlo.page)
        began = time.monotonic()
        path = make_and_run(
            carlo,
            hand,
            lambda *_: None,
            name=f"Newsletter {language}",
            connection=connection,
            list_id=stand.account.list_id,
        )
        assert time.monotonic() - began < TWO_MINUTES
        assert hand.clicks <= CLICKS
        assert carlo.complaints == []
    run = stand.app.runs(export_id(path))[0]
    assert run.status in ("successful", "completed_with_warnings")
    assert run.counts.sent > 0


def test_the_same_with_the_keyboard_alone(stand: Stand, carlo: Visitor, connection: Connection) -> None:
    path = make_and_run(
        carlo,
        Keyboard(carlo.page),
        lambda *_: None,
        name="By keyboard",
        connection=connection,
        list_id=stand.account.list_id,
    )
    (export,) = [one for one in stand.app.exports() if one.id == export_id(path)]
    assert (export.name, export.segments) == ("By keyboard", (SEGMENT,))
    assert export.mapping["first_name"] == "FirstName"


def test_the_same_without_scripts(stand: Stand, chromium: Browser, connection: Connection) -> None:
    with visiting(chromium, stand.site_url, scripts=False) as carlo:
        carlo.sign_in("carlo", "/exports/add")
        page = carlo.page
        page.locator("#name").fill("No scripts")
        page.locator("#connection").select_option(connection.id)
        page.locator("#part-name button[value=update]").click()
        page.locator(f"#list-{stand.account.list_id}").check()
        page.locator(f"input[name=segments][value={SEGMENT}]").check()
        page.locator("#segments > button[value=update]").click()
        expect(page.locator("#email")).to_have_value("EMail")
        page.locator("button[value=preview]").click()
        expect(page.locator(".contacts tbody tr")).to_have_count(10)
        page.locator("button[value=save]").click()
        expect(page).to_have_url(re.compile(r"/exports\?selected="))
        expect(page.locator(".notice")).to_contain_text("“No scripts”")
    (export,) = [one for one in stand.app.exports() if one.name == "No scripts"]
    assert export.segments == (SEGMENT,)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_of_exports_has_a_barrier(
    language: Language, stand: Stand, chromium: Browser, connection: Connection
) -> None:
    export = stand.app.add_export(
        f"To look at {language}",
        connection,
        list_id=stand.account.list_id,
        segments=[SEGMENT],
        mapping={"email": "EMail"},
        schedule=Schedule(active=False),
    )
    with visiting(chromium, stand.site_url, language) as carlo:
        carlo.sign_in("carlo", "/exports")
        the_other_pages(carlo, export.id, lambda at, seen: check(at, language, seen))


# --- What the script adds ---------------------------------------------------------------------------------------------


def test_focus_and_scrolling_stay_where_they_are_when_something_is_chosen(carlo: Visitor) -> None:
    carlo.go("/exports/add")
    page = carlo.page
    box = page.locator(f"input[name=segments][value={SEGMENT}]")
    box.scroll_into_view_if_needed()
    page.locator("#form-body").evaluate("one => one.scrollBy(0, 60)")
    before = page.locator("#form-body").evaluate("one => one.scrollTop")
    box.focus()
    page.keyboard.press("Space")
    expect(page.locator("#email")).not_to_have_value("")
    expect(box).to_be_focused()
    expect(box).to_be_checked()
    assert page.locator("#form-body").evaluate("one => one.scrollTop") == before


def test_what_is_typed_while_the_answer_is_under_way_stays(carlo: Visitor) -> None:
    carlo.go("/exports/add")
    page = carlo.page
    page.locator("#name").fill("Before")
    held: list[object] = []
    page.route("**/exports/add", lambda route: held.append(route))
    page.locator(f"input[name=segments][value={SEGMENT}]").check()
    page.locator("#name").fill("After")
    page.locator("#list_search").focus()
    for route in held:
        route.continue_()  # type: ignore[attr-defined]
    expect(page.locator("#email")).not_to_have_value("")
    expect(page.locator("#name")).to_have_value("After")


def test_when_the_site_does_not_answer_it_is_said_and_nothing_is_lost(carlo: Visitor) -> None:
    carlo.go("/exports/add")
    page = carlo.page
    page.locator("#name").fill("Still here")
    page.route("**/exports/add", lambda route: route.abort())
    page.locator(f"input[name=segments][value={SEGMENT}]").check()
    expect(page.locator("#busy")).to_have_text("The site did not answer. What you typed is still here; try again.")
    expect(page.locator("#name")).to_have_value("Still here")


def test_save_can_be_pressed_only_when_nothing_is_missing(stand: Stand, carlo: Visitor, connection: Connection) -> None:
    carlo.go("/exports/add")
    page = carlo.page
    save, needs = page.locator("button[value=save]"), page.locator("[data-need]:visible")
    expect(save).to_be_disabled()
    page.locator("#name").fill("Complete")
    page.locator("#connection").select_option(connection.id)
    page.locator(f"#list-{stand.account.list_id}").check()
    expect(needs).to_have_count(2)
    page.locator(f"input[name=segments][value={SEGMENT}]").check()
    expect(save).to_be_enabled()
    expect(needs).to_have_count(0)


def test_enter_in_a_field_never_saves(carlo: Visitor) -> None:
    carlo.go("/exports/add")
    page = carlo.page
    page.locator("#name").fill("Not saved")
    with page.expect_response("**/exports/add") as answered:
        page.keyboard.press("Enter")
    assert answered.value.status == 200
    expect(page.locator("#name")).to_be_focused()
    assert carlo.path == "/exports/add"


def test_escape_closes_the_form_unless_something_was_typed(carlo: Visitor) -> None:
    carlo.go("/exports/add")
    page = carlo.page
    page.locator("#name").fill("Half done")
    page.keyboard.press("Escape")
    expect(page.locator("#name")).to_have_value("Half done")
    assert carlo.path == "/exports/add"
    page.reload()
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/exports$"))


def test_a_new_schedule_begins_in_the_readers_own_time_zone(
    stand: Stand, chromium: Browser, connection: Connection
) -> None:
    export = stand.app.add_export(
        "Where am I",
        connection,
        list_id=stand.account.list_id,
        segments=[SEGMENT],
        mapping={"email": "EMail"},
        schedule=Schedule(),
    )
    context = chromium.new_context(timezone_id="Europe/Bucharest", locale="en-GB")
    try:
        carlo = Visitor(context.new_page(), stand.site_url)
        carlo.sign_in("carlo", f"/exports/{export.id}/schedule")
        expect(carlo.page.locator("#time_zone")).to_have_value("Europe/Bucharest")
        expect(carlo.page.locator(".only-own")).to_be_hidden()
        carlo.page.locator("[name=recurrence][value=daily]").check()
        expect(carlo.page.locator("#part-next dt").first).to_have_text("Europe/Bucharest")
        carlo.page.locator("button[value=save]").click()
        expect(carlo.page).to_have_url(re.compile(r"/exports\?selected="))
    finally:
        context.close()
    (kept,) = [one for one in stand.app.exports() if one.id == export.id]
    assert kept.schedule == Schedule(recurrence="daily", times=("06:00",), time_zone="Europe/Bucharest")
