"""The way from no export to a finished run, as a contributor walks it: with the mouse, or with the keyboard alone.

Elements are found by what they do (name, value, address), never by their words, so that the same walk is walked in
every language.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from local.samples import write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Connection, Schedule
from tests.browser.chromium import Visitor, visiting
from tests.browser.journey import Look, share
from tests.browser.past import name_list

SEGMENT = "LoyaltyMembers"
_MOST_TABS = 80
_PROFILES = 2_000


def shared_connection(stand: Stand, visitor: Visitor, name: str) -> Connection:
    """A connection that contributors may use; `visitor` is an administrator, who shares it."""
    connection = stand.connect(name)
    visitor.go("/connections")
    share(visitor, connection, lambda *_: None)
    return connection


@dataclass
class Mouse:
    """A hand at the mouse, which counts what it does."""

    page: Page
    clicks: int = 0

    def press(self, selector: str) -> None:
        """Click on it: a button, a link, a box to tick."""
        self.page.locator(selector).click()
        self.clicks += 1

    def write(self, selector: str, text: str) -> None:
        """Click into the field, and type."""
        self.press(selector)
        self.page.keyboard.type(text)

    def choose(self, selector: str, value: str) -> None:
        """Open the choice, and click on one."""
        self.page.locator(selector).select_option(value)
        self.clicks += 2


@dataclass
class Keyboard:
    """Two hands at the keyboard, which reach everything by Tab and count the keys."""

    page: Page
    clicks: int = 0

    def press(self, selector: str) -> None:
        """Go there and press what presses it: Space for boxes, Enter for buttons and links."""
        self._go_to(selector)
        box = self.page.locator(selector).evaluate("one => one.type === 'checkbox' || one.type === 'radio'")
        self._key("Space" if box else "Enter")

    def write(self, selector: str, text: str) -> None:
        """Go there, and type."""
        self._go_to(selector)
        self.page.keyboard.type(text)

    def choose(self, selector: str, value: str) -> None:
        """Go there, and type the beginning of the words that are wanted."""
        words = self.page.locator(f"{selector} option[value='{value}']").inner_text()
        self._go_to(selector)
        self.page.keyboard.type(words)

    def _go_to(self, selector: str) -> None:
        wanted = self.page.locator(selector).element_handle()
        for _ in range(_MOST_TABS):
            if self.page.evaluate("one => one === document.activeElement", wanted):
                return
            self._key("Tab")
        raise AssertionError(f"{selector} is not reached by Tab")

    def _key(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.clicks += 1


def make_and_run(
    visitor: Visitor, hand: Mouse | Keyboard, look: Look, *, name: str, connection: Connection, list_id: str
) -> str:
    """From the list of exports to a run that has ended; returns the path of its page. The visitor has signed in."""
    page = visitor.page
    hand.press("#add")
    expect(page.locator("#panel-title")).to_be_focused()
    look(visitor, "export-add")
    hand.write("#name", name)
    if page.locator("#connection").input_value() != connection.id:
        hand.choose("#connection", connection.id)
    expect(page.locator(f"#list-{list_id}")).to_have_count(1)
    hand.press(f"#list-{list_id}")
    hand.press(f"input[name=segments][value={SEGMENT}]")
    with_suggestion = page.locator("#email")
    expect(with_suggestion).not_to_have_value("")
    hand.press("button[value=add-suggested]")
    expect(page.locator("#source-first_name")).not_to_have_value("")
    hand.press("button[value=preview]")
    expect(page.locator(".contacts tbody tr")).to_have_count(10)
    look(visitor, "export-preview")
    hand.press("button[value=save-and-run]")
    expect(page).to_have_url(re.compile(r"/exports/\w+/runs/"))
    path = visitor.path
    expect(page.locator("#run")).to_have_attribute(
        "data-status", re.compile("^(successful|completed_with_warnings)$"), timeout=90_000
    )
    return path


def the_other_pages(visitor: Visitor, export_id: str, look: Look) -> None:
    """Every other page of an export, as somebody comes to it who may edit it."""
    page = visitor.page
    visitor.go("/exports")
    look(visitor, "exports")
    page.locator(f"#select-{export_id}").click()
    expect(page.locator("tr.selected")).to_have_count(1)
    look(visitor, "exports-selected")
    page.locator(f"#export-{export_id}").click()
    look(visitor, "export-edit")
    visitor.go(f"/exports/{export_id}/schedule")
    page.locator("#active").check()
    page.locator("[name=recurrence][value=weekly]").check()
    page.locator("[name=days][value=monday]").check()
    page.locator("#time_zone").fill("Europe/Rome")
    page.locator("#time_zone").blur()
    expect(page.locator("#part-next dd")).to_have_count(2)
    look(visitor, "export-schedule")
    for what in ("duplicate", "detach", "remove"):
        visitor.go(f"/exports/{export_id}/{what}")
        look(visitor, f"export-{what}")
    visitor.go("/exports/run-all")
    look(visitor, "exports-run-all")
    visitor.go("/exports/add")
    with allowed_to_save(page):
        page.locator("button[value=save]").click()
    expect(page.locator("[role=alert]")).to_be_focused()
    look(visitor, "export-errors")


@contextmanager
def allowed_to_save(page: Page) -> Iterator[None]:
    """As for somebody whose browser runs no script: the button can be pressed, whatever is missing."""
    page.evaluate("for (const one of document.querySelectorAll('[data-save]')) one.disabled = false")
    yield


PICTURED = frozenset(
    {"exports-none", "export-add", "export-preview", "exports", "exports-selected", "export-schedule"}
    | {"export-detach", "export-remove", "exports-run-all", "export-errors"}
)
"""The pages that are worth a picture; the others look like one of these."""


def show(browser: Browser, stand: Stand, connection: Connection, look: Look) -> None:
    """Every page of exports that is `PICTURED`, as a contributor comes to it with a connection that is shared."""

    def look_at(visitor: Visitor, name: str) -> None:
        if name in PICTURED:
            look(visitor, name)

    with tempfile.TemporaryDirectory(prefix="samples-") as folder:
        write_samples(Path(folder), _PROFILES)
        upload(Path(folder), stand.snapshots)
    with visiting(browser, stand.site_url) as carlo:
        carlo.sign_in("carlo", "/exports")
        look_at(carlo, "exports-none")
        path = make_and_run(
            carlo,
            Mouse(carlo.page),
            look_at,
            name="Newsletter for loyal customers",
            connection=connection,
            list_id=stand.account.list_id,
        )
        weekly = stand.app.add_export(
            "Weekly digest",
            connection,
            list_id=stand.account.list_id,
            segments=["NewsletterSubscribers"],
            mapping={"email": "EMail"},
            schedule=Schedule(
                recurrence="weekly", days=("monday", "thursday"), times=("06:00",), time_zone="Europe/Rome"
            ),
        )
        name_list(stand, weekly)
        the_other_pages(carlo, path.split("/")[2], look_at)
