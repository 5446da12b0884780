"""What App Service authentication (Easy Auth) does in front of the app, with people to choose instead of passwords.

It removes every `X-MS-*` header that comes from outside and, for whoever has signed in, sets its own. The addresses
are the platform's: `/.auth/login/aad`, `/.auth/logout`, `/.auth/me`. A session is a signed cookie, so that several
hosts that share the key agree on it, and one that was started anew as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import secrets
from dataclasses import dataclass
from string import Template
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from admin.access import local_path
from shared.people import PRINCIPAL_HEADER, Role

LOGIN_PATH = "/.auth/login/aad"
COOKIE = "AppServiceAuthSession"
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in on this machine</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 "Segoe UI", system-ui, sans-serif; }
body { max-width: 26rem; margin: 3rem auto; padding: 0 1rem; }
button { font: inherit; display: block; width: 100%; margin: 0 0 .5rem; padding: .5rem 1rem; text-align: left; }
small { display: block; }
</style>
</head>
<body>
<main>
<h1>Who are you?</h1>
<p>This page stands in for your organization's sign-in. In Azure, people sign in with their own accounts.</p>
<form method="post" action="$action">
$people
</form>
</main>
</body>
</html>
""")
_CHOICE = Template('<button name="person" value="$key">$name <small>$role</small></button>')


@dataclass(frozen=True)
class LocalPerson:
    """Somebody to sign in as; without a role they are known but may do nothing."""

    key: str
    name: str
    role: Role | None

    @property
    def object_id(self) -> str:
        """The id of the directory's object, the same for good."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"

    @property
    def user_name(self) -> str:
        """What they would sign in with."""
        return f"{self.key}@example.com"

    def claims(self) -> list[dict[str, str]]:
        """What the directory says of them."""
        known = [("name", self.name), ("preferred_username", self.user_name), (_OBJECT_ID, self.object_id)]
        if self.role:
            known.append(("roles", self.role))
        return [{"typ": kind, "val": value} for kind, value in known]

    def headers(self) -> dict[str, str]:
        """What the platform adds to their requests."""
        principal = {"auth_typ": "aad", "claims": self.claims(), "name_typ": "name", "role_typ": "roles"}
        return {
            PRINCIPAL_HEADER: base64.b64encode(json.dumps(principal).encode()).decode(),
            f"{PRINCIPAL_HEADER}-ID": self.object_id,
            f"{PRINCIPAL_HEADER}-NAME": self.user_name,
            f"{PRINCIPAL_HEADER}-IDP": "aad",
        }


PEOPLE = (
    LocalPerson("ada", "Ada Administrator", "Administrator"),
    LocalPerson("carlo", "Carlo Contributor", "Contributor"),
    LocalPerson("vera", "Vera Viewer", "Viewer"),
    LocalPerson("nadia", "Nadia Newcomer", None),
)


class SignIn:
    """ASGI middleware in front of the functions; hosts that are given the same key share their sessions."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()
        self._own = Starlette(
            routes=[
                Route(LOGIN_PATH, self._choose, methods=["GET"]),
                Route(LOGIN_PATH, self._log_in, methods=["POST"]),
                Route("/.auth/logout", self._log_out, methods=["GET"]),
                Route("/.auth/me", self._me, methods=["GET"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].lower().startswith("/.auth/"):
            await self._own(scope, receive, send)
        else:
            person = self._person(HTTPConnection(scope))
            own = person.headers() if person else {}
            headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(b"x-ms-")]
            headers += [(name.lower().encode(), value.encode()) for name, value in own.items()]
            await self._app({**scope, "headers": headers}, receive, send)

    async def _choose(self, request: Request) -> Response:
        target = local_path(request.query_params.get("post_login_redirect_uri"))
        people = "\n".join(
            _CHOICE.substitute(key=one.key, name=html.escape(one.name), role=one.role or "no role") for one in PEOPLE
        )
        action = f"{LOGIN_PATH}?{urlencode({'post_login_redirect_uri': target})}"
        return HTMLResponse(_PAGE.substitute(action=html.escape(action), people=people))

    async def _log_in(self, request: Request) -> Response:
        async with request.form() as form:
            person = next((one for one in PEOPLE if one.key == form.get("person")), None)
        if person is None:
            return HTMLResponse("Choose one of the people.", 400)
        response = RedirectResponse(local_path(request.query_params.get("post_login_redirect_uri")), 303)
        response.set_cookie(COOKIE, self._session(person), httponly=True, samesite="lax")
        return response

    async def _log_out(self, request: Request) -> Response:
        response = RedirectResponse(local_path(request.query_params.get("post_logout_redirect_uri")), 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    async def _me(self, request: Request) -> Response:
        person = self._person(request)
        if person is None:
            return Response(status_code=401)
        return JSONResponse(
            [{"provider_name": "aad", "user_id": person.user_name, "user_claims": person.claims()}],
            headers={"Cache-Control": "no-store"},
        )

    def _session(self, person: LocalPerson) -> str:
        content = f"{person.key}.{secrets.token_urlsafe(16)}"
        return f"{content}.{self._signature(content)}"

    def _person(self, connection: HTTPConnection) -> LocalPerson | None:
        content, _, signature = connection.cookies.get(COOKIE, "").rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            return None
        key = content.partition(".")[0]
        return next((one for one in PEOPLE if one.key == key), None)

    def _signature(self, content: str) -> str:
        return hmac.new(self._key, b"session " + content.encode(), hashlib.sha256).hexdigest()
