"""Who may do what: the person of a request, the role a route asks for, and what other sites must not do.

A route names the weakest role that may use it as a dependency: `Annotated[Person, Depends(administrator)]`. What it
raises, SignedOut or NotAllowed, the pages turn into a page and the API into a problem document.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admin.problems import Answer
from shared.people import PRINCIPAL_HEADER, Person, Role, person_of
from shared.settings import Settings

# Whoever holds a function key of the host may do everything; the host has checked the key.
FUNCTION_KEY = Person(id="function-key", name="function key", role="Administrator")

_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_PATH = 2000
_CONSTANT_CONTACT = ".constantcontact.com"


class SignedOut(Exception):
    """Nobody is signed in."""


class NotAllowed(Exception):
    """Somebody is signed in, but their role is not `least` or a stronger one."""

    def __init__(self, person: Person, least: Role) -> None:
        super().__init__(f"The role {least} is needed.")
        self.person = person
        self.least = least


# --- Persons and roles ------------------------------------------------------------------------------------------------


def person(request: Request) -> Person | None:
    """Who is signed in, or None; the application keeps its settings for this in its `state` (see `admin.site`)."""
    settings: Callable[[], Settings] = request.app.state.settings
    return person_of(request.headers, trusted=settings().sign_in_enabled)


def signed_in(request: Request) -> Person:
    """Dependency: somebody, whatever their role; raises SignedOut."""
    found = person(request)
    if found is None:
        raise SignedOut
    return found


def administrator(request: Request) -> Person:
    """Dependency: an administrator; raises SignedOut or NotAllowed."""
    return _with_role(signed_in(request), "Administrator")


def contributor(request: Request) -> Person:
    """Dependency: a contributor or an administrator; raises SignedOut or NotAllowed."""
    return _with_role(signed_in(request), "Contributor")


def viewer(request: Request) -> Person:
    """Dependency: anybody with a role; raises SignedOut or NotAllowed."""
    return _with_role(signed_in(request), "Viewer")


def caller(request: Request) -> Person:
    """Dependency of the API, whose function the host opens to function keys only: an administrator.

    Where a person is signed in too, it is they who call, and their role counts; raises NotAllowed.
    """
    return _with_role(_calls(request), "Administrator")


def calling_contributor(request: Request) -> Person:
    """Dependency of the API: who calls, a contributor or an administrator; raises NotAllowed."""
    return _with_role(_calls(request), "Contributor")


def calling_viewer(request: Request) -> Person:
    """Dependency of the API: who calls, with any role; raises NotAllowed."""
    return _with_role(_calls(request), "Viewer")


def _calls(request: Request) -> Person:
    found = person(request)
    if found is None and _names_somebody(request):
        raise SignedOut  # Somebody who cannot be told is not the holder of the key alone.
    return found or FUNCTION_KEY


def _names_somebody(request: Request) -> bool:
    settings: Callable[[], Settings] = request.app.state.settings
    return settings().sign_in_enabled and PRINCIPAL_HEADER in request.headers


def _with_role(found: Person, least: Role) -> Person:
    if not found.may(least):
        raise NotAllowed(found, least)
    return found


# --- Addresses --------------------------------------------------------------------------------------------------------


def local_path(given: str | None, otherwise: str = "/") -> str:
    """`given` when it is a path of this site, else `otherwise`: no link may send people to somebody else's site."""
    if not given or len(given) > _LONGEST_PATH or not given.startswith("/") or given.startswith("//"):
        return otherwise
    # Browsers read a backslash as a slash and drop line ends and tabs before they look at what is left.
    if "\\" in given or not given.isprintable() or " " in given:
        return otherwise
    return given


# --- Other sites ------------------------------------------------------------------------------------------------------


class SameSite:
    """ASGI middleware: whatever changes something has to come from a page of this site, else 403.

    Browsers say where a request comes from in Origin, newer ones in Sec-Fetch-Site too, and no page can change that.
    A request that has neither is refused as well: no browser sends one, and nothing else uses the pages.
    """

    def __init__(self, app: ASGIApp, settings: Settings, answer: Answer) -> None:
        self._app = app
        self._settings = settings
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        changes = scope["type"] == "http" and scope["method"] not in _HARMLESS
        if changes and not _from_this_site(Headers(scope=scope), self._settings):
            detail = "This request did not come from a page of this site, so nothing was done."
            await self._answer(Request(scope), HTTPStatus.FORBIDDEN, detail)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _from_this_site(headers: Headers, settings: Settings) -> bool:
    origin, fetched_from = headers.get("origin"), headers.get("sec-fetch-site")
    if fetched_from not in (None, "same-origin") or (origin is None and fetched_from is None):
        return False
    if origin is None:
        return True
    # The site's own address, or the host that the browser asked for: a page of another site cannot choose that one.
    site = urlsplit(settings.site_address)
    hosts = filter(None, (site.netloc, headers.get("host")))
    return origin.lower() in {f"{site.scheme}://{host}".lower() for host in hosts}


class SecurityHeaders:
    """ASGI middleware: what browsers may do with an answer. Nothing is kept unless the answer itself says so."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": content_security_policy(settings),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }
        if settings.site_address.startswith("https://"):
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


def content_security_policy(settings: Settings) -> str:
    """Only files of the site itself; forms lead to the site and, redirected, to Constant Contact's sign-in."""
    own = " ".join(f"{kind}-src 'self';" for kind in ("style", "script", "img", "connect", "font"))
    targets = " ".join(["'self'", *_sign_in_sources(settings.constant_contact_auth_url)])
    return f"default-src 'none'; {own} form-action {targets}; frame-ancestors 'none'; base-uri 'none'"


def _sign_in_sources(address: str) -> list[str]:
    """Browsers apply form-action to every redirect after the form, and the sign-in passes through several hosts."""
    parts = urlsplit(address)
    sources = [f"{parts.scheme}://{parts.netloc}"]
    if parts.scheme == "https" and (parts.hostname or "").endswith(_CONSTANT_CONTACT):
        sources.append(f"https://*{_CONSTANT_CONTACT}")
    return sources
