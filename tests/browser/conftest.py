"""One whole system and one browser for all pages: both take seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from local.stand import Stand
from tests.browser.chromium import Visitor, running_chromium, visiting


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    """The system with one host; tests share it, so each uses names of its own."""
    with Stand() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this machine."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def visitor(stand: Stand, chromium: Browser) -> Iterator[Visitor]:
    """Somebody who reads English and has not signed in."""
    with visiting(chromium, stand.site_url) as somebody:
        yield somebody
        assert somebody.complaints == []
