"""A real Chromium, and what a visitor does in it: sign in, look around, read what the page says of itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from dev import NO_CHROMIUM, find_chromium

Language = Literal["en", "it", "ro"]
Scheme = Literal["light", "dark"]
LANGUAGES: tuple[Language, ...] = ("en", "it", "ro")

WIDE = (1280, 800)
PHONE = (360, 740)
SCREENS: tuple[tuple[tuple[int, int], Scheme], ...] = (
    (WIDE, "light"),
    (WIDE, "dark"),
    (PHONE, "light"),
    (PHONE, "dark"),
)
# Nothing that asks somebody else's server, and nothing that needs a graphics card or a desktop.
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_WAIT_MS = 20_000


@contextlib.contextmanager
def running_chromium() -> Iterator[Browser]:
    """The browser of this machine, without a window; an AssertionError that says what to install if there is none."""
    executable = find_chromium()
    assert executable, NO_CHROMIUM
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """Somebody in front of the site, with a browser profile of their own.

    `complaints` is what the browser itself held against the pages: scripts that failed, what the Content-Security-
    Policy stopped, requests that left this machine.
    """

    page: Page
    site_url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        self.page.on("console", self._hear)
        self.page.on("request", self._watch)

    def go(self, path: str) -> None:
        """Open a page of the site."""
        self.page.goto(self.site_url + path)

    def sign_in(self, who: str, path: str = "/connections") -> None:
        """As this person of the local sign-in page, on the way to `path`."""
        self.go(path)
        self.page.locator("a[href^='/.auth/login/aad']").first.click()
        # A click does not wait for the page that it leads to, and whoever looks must not look at the one before.
        with self.page.expect_navigation():
            self.page.locator(f"button[name=person][value={who}]").click()

    @property
    def path(self) -> str:
        """Where they are: the path without the query."""
        return urlsplit(self.page.url).path

    @property
    def text(self) -> str:
        """What they can read."""
        return self.page.locator("body").inner_text()

    def show(self, size: tuple[int, int], scheme: Scheme) -> None:
        """Look at the same page on a screen of this size, in light or dark."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _watch(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self.complaints.append(f"left this machine: {request.url}")


@contextlib.contextmanager
def visiting(
    browser: Browser, site_url: str, language: Language = "en", *, scripts: bool = True, time_zone: str | None = None
) -> Iterator[Visitor]:
    """A visitor whose browser asks for this language; without `scripts` it runs none.

    `time_zone` is where they are; None is where this machine is.
    """
    context = browser.new_context(
        locale={"en": "en-GB", "it": "it-IT", "ro": "ro-RO"}[language],
        viewport={"width": WIDE[0], "height": WIDE[1]},
        java_script_enabled=scripts,
        timezone_id=time_zone,
    )
    context.set_default_timeout(_WAIT_MS)
    try:
        yield Visitor(context.new_page(), site_url)
    finally:
        context.close()
