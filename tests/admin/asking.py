"""Asks the pages and the API as somebody: signed out, without a role, or with one of the three."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from admin.site import make_api, make_pages
from exporters.services import Services
from local.sign_in import PEOPLE
from shared.settings import Settings
from tests.exporters.world import World

Make = Callable[[Callable[[], Services], Settings], FastAPI]

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
    sent = {"Origin": SITE, "Sec-Fetch-Site": "same-origin", **principal(who), **(headers or {})}
    return TestClient(Site(make_pages, world, settings), SITE, headers=sent, follow_redirects=False)


def api_as(world: World, who: Who, *, trusted: bool = True) -> TestClient:
    """A program with a function key, which the host has checked; signed in as `who` besides."""
    settings = world.settings.model_copy(update={"sign_in_enabled": trusted})
    return TestClient(Site(make_api, world, settings), SITE, headers=principal(who))


@dataclass(frozen=True)
class Site:
    """The pages or the API over a world: made once and asked about many worlds, since to make it takes 0.1 s."""

    make: Make
    world: World
    settings: Settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        _asked.set(self)
        await _made(self.make)(scope, receive, send)


_asked: ContextVar[Site] = ContextVar("_asked")


class _Settings:
    """Those of the site that is asked."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_asked.get().settings, name)


@functools.cache
def _made(make: Make) -> FastAPI:
    return make(lambda: _asked.get().world.services, cast("Settings", _Settings()))
