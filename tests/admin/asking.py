"""Asks the pages and the API as somebody: signed out, without a role, or with one of the three."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.testclient import TestClient

from admin.site import make_api, make_pages
from local.sign_in import PEOPLE
from tests.exporters.world import World

SITE = "https://localhost"
"""The site's address, as long as no setting says another one."""

Who = str
SIGNED_OUT: Who = "signed out"
NO_ROLE: Who = "no role"
EVERYBODY: tuple[Who, ...] = (SIGNED_OUT, NO_ROLE, "Viewer", "Contributor", "Administrator")


def principal(who: Who) -> dict[str, str]:
    """The headers that the platform adds to what they send."""
    if who == SIGNED_OUT:
        return {}
    return next(one.headers() for one in PEOPLE if (one.role or NO_ROLE) == who)


def pages_as(world: World, who: Who, *, trusted: bool = True, headers: Mapping[str, str] | None = None) -> TestClient:
    """A browser with the pages, in which they are signed in; its forms are sent as browsers send them.

    Args:
        trusted: whether the platform signs people in; without that its headers are somebody's invention.
        headers: further headers of every request.
    """
    settings = world.settings.model_copy(update={"sign_in_enabled": trusted})
    app = make_pages(lambda: world.services, settings)
    sent = {"Origin": SITE, "Sec-Fetch-Site": "same-origin", **principal(who), **(headers or {})}
    return TestClient(app, SITE, headers=sent, follow_redirects=False)


def api_as(world: World, who: Who, *, trusted: bool = True) -> TestClient:
    """A program with a function key, which the host has checked; signed in as `who` besides."""
    settings = world.settings.model_copy(update={"sign_in_enabled": trusted})
    return TestClient(make_api(lambda: world.services, settings), SITE, headers=principal(who))
