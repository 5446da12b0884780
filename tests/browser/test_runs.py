"""The pages of runs and the first page in a real browser: a run is watched to its end, and no page has a barrier."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local.samples import Samples, write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Connection
from tests.browser.axe import violations
from tests.browser.chromium import LANGUAGES, SCREENS, Language, Visitor, visiting
from tests.browser.run_journey import (
    CLEAN,
    DIRTY,
    FAILED,
    REJECTED,
    SEGMENTS,
    UP_TO_DATE,
    address,
    full_queue,
    furnish_runs,
    run_of,
    slow_uploads,
    start_run,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PROFILES = 100_000
# Its three uploads take so long at the least, and the page looks every 0.4 s: it has to see the run under way.
_UPLOAD_SECONDS = 0.4
# Two are promised; the third is for a machine that is busy with other tests.
_LONGEST_PAUSE_SECONDS = 3
_TO_THE_END_MS = 180_000
# The clocks of the page go on by themselves: what is left is what the server has told.
_RECORD = """() => {
    window.changes = [];
    window.announced = [];
    const told = () => {
        const main = document.querySelector("main").cloneNode(true);
        for (const clock of main.querySelectorAll("[data-keep]")) clock.remove();
        return main.textContent + (main.querySelector("progress")?.value ?? "");
    };
    let last = told();
    const note = () => {
        const now = told();
        const status = document.getElementById("run").dataset.status;
        window.changes.push({ at: performance.now(), told: now !== last, status });
        last = now;
        document.documentElement.dataset.told = window.changes.filter((one) => one.told).length;
        const said = document.getElementById("announcement").textContent;
        if (said && window.announced.at(-1) !== said) window.announced.push(said);
    };
    const what = { subtree: true, childList: true, characterData: true, attributes: true };
    new MutationObserver(note).observe(document.querySelector("main"), what);
}"""


@dataclass(frozen=True)
class Change:
    """Something on the page changed, `at` seconds; `told` when it was more than a clock."""

    at: float
    told: bool
    status: str


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """Two segments with so many profiles, some of which cannot be contacts."""
    return write_samples(tmp_path_factory.mktemp("samples"), PROFILES)


@pytest.fixture(scope="module")
def stand(samples: Samples) -> Iterator[Stand]:
    """A system of its own, in which only these runs run."""
    with Stand() as running:
        upload(samples.folder, running.snapshots)
        yield running


@pytest.fixture(scope="module")
def connection(stand: Stand) -> Connection:
    """The connection of every export here."""
    return stand.connect("Local Company")


@pytest.fixture(scope="module")
def furnished(connection: Connection, stand: Stand) -> list[str]:
    """The pages there are: of runs that ended in every way, of the lists, of the first page."""
    furnish_runs(stand, connection)
    runs = [run_of(name)(stand) for name in (CLEAN, DIRTY, FAILED, REJECTED, UP_TO_DATE)]
    return [*runs, runs[0].rpartition("/")[0], "/runs", "/runs?status=canceled", "/"]


def ended(page: Page) -> None:
    """Wait until the page says, by itself, that the run has ended."""
    expect(page.locator("#run:not([data-live])")).to_have_count(1, timeout=_TO_THE_END_MS)


def changes(page: Page) -> list[Change]:
    found: list[dict[str, Any]] = page.evaluate("window.changes")
    return [Change(one["at"] / 1000, one["told"], one["status"]) for one in found]


def longest_pause(seen: list[Change]) -> float:
    return max(after.at - before.at for before, after in pairwise(seen))


def figure(page: Page, place: str) -> int:
    """How many profiles went there."""
    card = page.locator(".places li").filter(has=page.locator(f"rect.{place}"))
    return int(re.sub(r"\D", "", card.locator(".big").inner_text()))


def test_a_run_of_100_000_profiles_is_watched_moving_to_its_end(
    stand: Stand, samples: Samples, connection: Connection, visitor: Visitor
) -> None:
    visitor.sign_in("vera", "/")
    page = visitor.page
    with slow_uploads(stand, _UPLOAD_SECONDS):
        run = start_run(stand, connection, "Watched")
        visitor.go(address(run))
        page.evaluate(_RECORD)
        page.evaluate("window.stayed = true")
        ended(page)

    seen = changes(page)
    busy = [one for one in seen if one.told and one.status in ("queued", "preparing", "uploading")]
    assert len(busy) > 2
    assert longest_pause(busy) <= _LONGEST_PAUSE_SECONDS
    assert longest_pause(seen) <= _LONGEST_PAUSE_SECONDS
    expected, now = samples.expected(), stand.app.run(run.export_id, run.run_id)
    assert page.evaluate("window.stayed")
    assert now.status == page.locator("#run").get_attribute("data-status") == "completed_with_warnings"
    assert figure(page, "duplicate") == expected.duplicates
    assert figure(page, "rejected_by_us") + figure(page, "rejected_by_them") == expected.rejected
    assert figure(page, "sent") + figure(page, "not_added") == expected.sent
    # What comes only at the end is there too, without the page having been opened anew.
    expect(page.locator("#rejected tbody tr")).to_have_count(50)
    expect(page.locator(f"form[action='/exports/{run.export_id}/run']")).to_have_count(0)
    announced: list[str] = page.evaluate("window.announced")
    assert announced[-1] == page.locator("#run").get_attribute("data-says")
    assert len(announced) == len(set(announced))


def test_focus_selection_menu_and_scrolling_stay_while_the_page_changes(
    stand: Stand, connection: Connection, visitor: Visitor
) -> None:
    visitor.sign_in("ada", "/")
    run = start_run(stand, connection, "Undisturbed")
    visitor.go(address(run))
    page = visitor.page
    page.set_viewport_size({"width": 360, "height": 500})
    page.evaluate(_RECORD)
    page.locator("details.overflow > summary").click()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    page.evaluate("scrollTo(0, 300)")
    before = page.evaluate("[document.activeElement.tagName, String(getSelection()), scrollY]")

    expect(page.locator("html")).to_have_attribute("data-told", re.compile(r"^([3-9]|\d\d+)$"), timeout=60_000)

    assert page.evaluate("[document.activeElement.tagName, String(getSelection()), scrollY]") == before
    expect(page.locator("details.overflow")).to_have_attribute("open", "")


def test_without_scripts_the_page_comes_to_the_end_too(stand: Stand, connection: Connection, chromium: Browser) -> None:
    with visiting(chromium, stand.site_url, scripts=False) as visitor:
        visitor.sign_in("vera", "/")
        visitor.go(address(start_run(stand, connection, "Plain", SEGMENTS[0])))
        expect(visitor.page.locator("#run[data-live]")).to_have_count(1)
        ended(visitor.page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_of_runs_has_a_barrier(
    stand: Stand, furnished: list[str], chromium: Browser, language: Language
) -> None:
    with visiting(chromium, stand.site_url, language) as visitor:
        visitor.sign_in("ada", "/")
        for path in furnished:
            visitor.go(path)
            assert visitor.page.locator("html").get_attribute("lang") == language
            check(visitor, path)


# Last: after a queue that was full the app waits for a minute.


def test_a_run_that_waits_counts_down_and_is_canceled_with_the_keyboard_alone(
    stand: Stand, connection: Connection, visitor: Visitor
) -> None:
    visitor.sign_in("ada", "/")
    page = visitor.page
    with full_queue(stand):
        run = start_run(stand, connection, "Canceled")
        visitor.go(address(run))
        expect(page.locator("#countdown")).to_have_count(1, timeout=60_000)
        first = page.locator("#countdown").inner_text()
        expect(page.locator("#countdown")).not_to_have_text(first)

        tab_to(page, "#cancel")
        page.keyboard.press("Enter")
        expect(page.locator("#ask-title")).to_be_focused()
        tab_to(page, "form[action$='/cancel'] button")
        page.keyboard.press("Enter")

        expect(page).to_have_url(re.compile(f"{run.run_id}$"))
        ended(page)
    now = stand.app.run(run.export_id, run.run_id)
    assert now.status == page.locator("#run").get_attribute("data-status") == "canceled"
    assert figure(page, "not_sent") == now.counts.not_sent
    assert figure(page, "sent") == now.counts.sent == 0


def test_a_page_that_gets_no_answer_says_so_until_it_gets_one(
    stand: Stand, connection: Connection, visitor: Visitor
) -> None:
    visitor.sign_in("vera", "/")
    page = visitor.page
    with full_queue(stand):
        run = start_run(stand, connection, "Out of reach", SEGMENTS[0])
        visitor.go(address(run))
        page.route("**/live*", lambda route: route.abort())
        expect(page.locator("#stale")).to_be_visible()
        page.unroute("**/live*")
        expect(page.locator("#stale")).to_be_hidden()


def test_a_run_under_way_has_no_barrier(stand: Stand, connection: Connection, visitor: Visitor) -> None:
    visitor.sign_in("ada", "/")
    with full_queue(stand):
        run = start_run(stand, connection, "Under way", SEGMENTS[0])
        visitor.go(address(run))
        expect(visitor.page.locator("#countdown")).to_have_count(1, timeout=60_000)
        check(visitor, "a run that waits")
        visitor.go(f"{address(run)}?ask=cancel")
        check(visitor, "the question before it is canceled")
        visitor.page.locator("form[action$='/cancel'] button").click()
        ended(visitor.page)


def check(visitor: Visitor, seen: str) -> None:
    """The page fits every screen, and axe finds nothing, in light and dark."""
    for size, scheme in SCREENS:
        visitor.show(size, scheme)
        found = violations(visitor.page)
        assert not found, "\n".join([f"{seen}, {size[0]} px, {scheme}:", *found])
        wider = visitor.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, f"{seen}, {size[0]} px: {wider} px have to be scrolled to the side"
    visitor.show(*SCREENS[0])


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(40):
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not come to {selector}")
