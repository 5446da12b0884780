"""`/oauth2/default/v1/authorize`: the page on which a user signs in and gives or refuses consent."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from local.constant_contact.accounts import User
from local.constant_contact.oauth.grants import SCOPES, App, Grant
from local.constant_contact.state import State

AUTHORIZE_PATH = "/oauth2/default/v1/authorize"
PARAMETERS = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method")

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in - Constant Contact simulator</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 28rem; margin: 3rem auto; padding: 0 1rem; }
select, button { font: inherit; padding: .5rem 1rem; }
select { width: 100%; margin-bottom: 1rem; }
</style>
</head>
<body>
<main>
<h1>Constant Contact simulator</h1>
$content
</main>
</body>
</html>
""")
_CONSENT = Template("""<p>The app <strong>$client_id</strong> asks for access to an account:</p>
<ul>$scopes</ul>
<form method="post" action="$action">
$hidden
<label for="user_id">Sign in as</label>
<select id="user_id" name="user_id">$users</select>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>
""")


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """A valid request for consent."""

    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    code_challenge: str | None


def authorize_routes(state: State) -> list[Route]:
    """The page, and the form on it. A program may post the form without having seen the page."""

    async def show(request: Request) -> Response:
        sent = dict(request.query_params)
        with state.lock:
            asked = _examined(state, sent)
            return asked if isinstance(asked, Response) else _consent_page(state, asked, sent)

    async def decide(request: Request) -> Response:
        async with request.form() as form:
            sent = {**request.query_params, **{name: value for name, value in form.items() if isinstance(value, str)}}
        with state.lock:
            asked = _examined(state, sent)
            return asked if isinstance(asked, Response) else _decision(state, asked, sent)

    return [Route(AUTHORIZE_PATH, show, methods=["GET"]), Route(AUTHORIZE_PATH, decide, methods=["POST"])]


def _examined(state: State, sent: Mapping[str, str]) -> AuthorizeRequest | Response:
    """The request, or the answer to a wrong one: a page while the address cannot be trusted, else a redirect."""
    app = state.grants.apps.get(sent.get("client_id", ""))
    if app is None:
        return _refusal_page("The client_id is not registered.")
    redirect_uri = sent.get("redirect_uri", "")
    if not app.may_redirect_to(redirect_uri):
        return _refusal_page("The redirect_uri is not registered for this app; it must match exactly.")
    asked = AuthorizeRequest(
        app, redirect_uri, tuple(sent.get("scope", "").split()), sent.get("state", ""), sent.get("code_challenge")
    )
    if not asked.state:
        return _refused(asked, "invalid_request", "The request needs a state.")
    if sent.get("response_type") != "code":
        return _refused(asked, "unsupported_response_type", "Only the response_type code is supported.")
    if not asked.scopes or not set(asked.scopes) <= set(SCOPES):
        return _refused(asked, "invalid_scope", f"The scopes are: {', '.join(SCOPES)}.")
    if app.client_secret is None and not asked.code_challenge:
        return _refused(asked, "invalid_request", "An app without a secret needs a code_challenge.")
    if asked.code_challenge and sent.get("code_challenge_method") != "S256":
        return _refused(asked, "invalid_request", "The code_challenge_method must be S256.")
    return asked


def _decision(state: State, asked: AuthorizeRequest, sent: Mapping[str, str]) -> Response:
    user = state.users.get(sent.get("user_id", ""))
    if sent.get("decision") == "deny":
        return _refused(asked, "access_denied", "The resource owner denied the request.")
    if sent.get("decision") != "allow" or user is None:
        return _refusal_page("Choose a user, and Allow or Deny.")
    grant = Grant(asked.app.client_id, user, asked.scopes)
    code = state.grants.issue_code(grant, asked.redirect_uri, asked.code_challenge)
    return _redirect(asked, {"code": code})


def _refused(asked: AuthorizeRequest, error: str, description: str) -> Response:
    return _redirect(asked, {"error": error, "error_description": description})


def _redirect(asked: AuthorizeRequest, parameters: dict[str, str]) -> Response:
    if asked.state:
        parameters["state"] = asked.state
    separator = "&" if "?" in asked.redirect_uri else "?"
    # 303, so that the browser asks the callback with GET after the form was posted.
    return RedirectResponse(asked.redirect_uri + separator + urlencode(parameters), 303)


def _consent_page(state: State, asked: AuthorizeRequest, sent: Mapping[str, str]) -> Response:
    users = "".join(
        f'<option value="{html.escape(user.user_id)}">{html.escape(_described(state, user))}</option>'
        for user in state.users.values()
    )
    hidden = "\n".join(
        f'<input type="hidden" name="{name}" value="{html.escape(sent[name])}">' for name in PARAMETERS if name in sent
    )
    content = _CONSENT.substitute(
        client_id=html.escape(asked.app.client_id),
        scopes="".join(f"<li>{html.escape(scope)}</li>" for scope in asked.scopes),
        hidden=hidden,
        users=users,
        action=AUTHORIZE_PATH,
    )
    return HTMLResponse(_PAGE.substitute(content=content))


def _described(state: State, user: User) -> str:
    account = state.accounts[user.account_id].organization_name
    return f"{user.email} ({user.role.value.replace('_', ' ')}, {account})"


def _refusal_page(reason: str) -> Response:
    return HTMLResponse(_PAGE.substitute(content=f"<p>{html.escape(reason)}</p>"), 400)
