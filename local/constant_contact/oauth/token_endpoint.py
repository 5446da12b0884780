"""`/oauth2/default/v1/token`: codes and refresh tokens become access tokens."""

import base64
import binascii
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.constant_contact.answers import CutConnection, retry_after, unavailable
from local.constant_contact.errors import ApiError
from local.constant_contact.faults import Stage
from local.constant_contact.oauth.grants import App, OAuthError, Tokens, invalid_refresh_token
from local.constant_contact.state import State

TOKEN_PATH = "/oauth2/default/v1/token"


def token_routes(state: State) -> list[Route]:
    """The one route of the token endpoint."""

    async def token(request: Request) -> Response:
        response = await _answer(request, state)
        with state.lock:
            cut = isinstance(response, CutConnection)
            state.statistics.answered(f"POST {TOKEN_PATH}", "cut" if cut else str(response.status_code))
        return response

    return [Route(TOKEN_PATH, token, methods=["POST"])]


async def _answer(request: Request, state: State) -> Response:
    # The documented samples put the parameters into the query string, most programs into the body.
    async with request.form() as form:
        sent = {**request.query_params, **{name: value for name, value in form.items() if isinstance(value, str)}}
    seconds = state.configuration.retry_after_seconds
    with state.lock:
        try:
            client_id, secret = _credentials(request, sent)
            state.limits.admit_token_request(client_id)
            app = _authenticated(state, client_id, secret)
            fault = state.faults.take(Stage.TOKEN, content=sent.get("grant_type", "").encode())
            if fault and fault.name == "token-unavailable":
                return unavailable(seconds)
            if fault and fault.name == "invalid-grant":
                raise invalid_refresh_token()
            tokens = _tokens(state, app, sent)
            if fault:
                return CutConnection()
            return JSONResponse(tokens.as_json(), headers={"Cache-Control": "no-store"})
        except ApiError as error:
            return JSONResponse(error.body, error.status, retry_after(error.status, seconds))
        except OAuthError as error:
            return JSONResponse(_body(error, state), error.status)


def _credentials(request: Request, sent: dict[str, str]) -> tuple[str, str | None]:
    """Client id and secret of HTTP Basic, or the client id of a public app from the form."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return sent.get("client_id", ""), None
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", None
    return unquote_plus(client_id), unquote_plus(secret)


def _authenticated(state: State, client_id: str, secret: str | None) -> App:
    app = state.grants.apps.get(client_id)
    if app is None or app.client_secret != secret:
        raise OAuthError(401, "invalid_client", "The client id or the client secret is wrong or missing.")
    return app


def _tokens(state: State, app: App, sent: dict[str, str]) -> Tokens:
    match sent.get("grant_type"):
        case "authorization_code":
            if "code" not in sent or "redirect_uri" not in sent:
                raise OAuthError(400, "invalid_request", "The request needs code and redirect_uri.")
            return state.grants.redeem(app, sent["code"], sent["redirect_uri"], sent.get("code_verifier"))
        case "refresh_token":
            if "refresh_token" not in sent:
                raise OAuthError(400, "invalid_request", "The request needs refresh_token.")
            tokens = state.grants.refresh(app, sent["refresh_token"])
            state.statistics.token_refreshed()
            return tokens
        case None:
            raise OAuthError(400, "invalid_request", "The request needs grant_type.")
        case _:
            raise OAuthError(400, "unsupported_grant_type", "Only authorization_code and refresh_token are supported.")


def _body(error: OAuthError, state: State) -> dict[str, str]:
    # Answers in the form of the identity product underneath have been seen as well.
    if state.configuration.token_error_form == "okta":
        return {"errorCode": "E0000021", "errorSummary": error.description}
    return {"error": error.error, "error_description": error.description}
