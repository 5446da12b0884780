"""Signing in to Constant Contact: the authorization code flow with PKCE, and what the signed-in user may do there.

The person goes to Constant Contact's own page (`address`) and comes back with a code, which works once and for five
minutes; `exchange` makes tokens of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from exporters.constant_contact.answers import read_body
from exporters.constant_contact.calls import one_call
from exporters.constant_contact.errors import ConstantContactError, NoAnswer, error_keys
from exporters.constant_contact.limits import API, TOKEN, Limit, Limiter
from exporters.constant_contact.session import timed, timed_session
from exporters.constant_contact.tokens import CLIENT_SECRET_NAME, TokenAnswer, TokenSet
from shared.errors import Wait
from shared.models import ConstantContactAccount
from shared.secrets import Secrets
from shared.settings import Settings

# Reading which account it is needs account_read; without offline_access there is no refresh token, and no error.
SCOPES = ("contact_data", "account_read", "offline_access")
NEEDED_PRIVILEGE = "contacts:write"
NEEDED_SCOPE = "contact_data"
ACCOUNT_SCOPE = "account_read"
CALLBACK_PATH = "/connections/callback"

# Connecting and reading, each: somebody is waiting in front of the page.
_ANSWER_SECONDS = (5, 20)
_LONGEST_NAME = 200
_MOST_PRIVILEGES = 1_000

Problem = Literal["code_refused", "app_refused", "not_allowed", "no_answer", "busy"]
Parsed = TypeVar("Parsed")


class SignInFailed(ConstantContactError):
    """Signing in did not go through; `problem` says why, the message in words.

    code_refused: the code was used already, or is older than five minutes. app_refused: the app's own client id or
    secret is wrong. not_allowed: the user, or the app, may not do this. no_answer: Constant Contact did not answer, or
    not as it should. busy: the app's request limit leaves no room now.
    """

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem: Problem = problem


def _shown(name: str) -> str:
    """A name on one line that a page can show."""
    return " ".join("".join(one if one.isprintable() else " " for one in name).split())[:_LONGEST_NAME]


class _Summary(BaseModel):
    model_config = ConfigDict(frozen=True)

    encoded_account_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
    organization_name: Annotated[str, BeforeValidator(lambda given: given or ""), AfterValidator(_shown)] = ""


class _Privilege(BaseModel):
    model_config = ConfigDict(frozen=True)

    privilege_name: str = ""


_SUMMARY = TypeAdapter(_Summary)
_PRIVILEGES = TypeAdapter(Annotated[list[_Privilege], Field(max_length=_MOST_PRIVILEGES)])


class SignIn:
    """The sign-in of the app's client id. Each request to Constant Contact takes a slot of the request limits."""

    def __init__(self, settings: Settings, secrets: Secrets, limiter: Limiter, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._secrets = secrets
        self._limiter = limiter
        self._session = timed_session()
        self._now = now

    @property
    def callback(self) -> str:
        """The redirect address; the app registration at Constant Contact has to name exactly this one."""
        return self._settings.site_address + CALLBACK_PATH

    def address(self, state: str, verifier: str) -> str:
        """Where the person signs in. `verifier` stays here; only its SHA-256 is in the address (PKCE, S256)."""
        with self._oauth(None) as session:
            address, _ = session.create_authorization_url(
                f"{self._settings.constant_contact_auth_url}/authorize", state=state, code_verifier=verifier
            )
        return str(address)

    def exchange(self, code: str, verifier: str) -> TokenSet:
        """The tokens for a code; without `refresh_token` when the scope offline_access was not granted.

        Raises:
            SignInFailed: with the problem.
            KeyVaultRefused, Wait: the client secret cannot be read.
        """
        client_secret = self._secrets.get(CLIENT_SECRET_NAME)
        self._take(TOKEN)
        given: list[TokenAnswer] = []

        def read(answer: requests.Response) -> requests.Response:
            read_body(answer, time.monotonic() + sum(_ANSWER_SECONDS))
            answered(answer)
            if answer.status_code // 100 != 2:
                raise _refusal(answer)
            given.append(TokenAnswer.model_validate_json(answer.content))
            return answer

        with self._oauth(client_secret) as session, one_call("exchange_code") as answered:
            session.register_compliance_hook("access_token_response", read)
            try:
                session.fetch_token(
                    f"{self._settings.constant_contact_auth_url}/token",
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    timeout=_ANSWER_SECONDS,
                    allow_redirects=False,
                    stream=True,
                )
            except (requests.RequestException, NoAnswer) as error:
                raise _no_answer() from error
            except (OAuthError, ValueError, TypeError, OverflowError):
                # Whatever the error quotes of the answer is not kept: it may be a token.
                raise _no_answer() from None
        return given[0].token_set(self._now())

    def account_of(self, tokens: TokenSet) -> ConstantContactAccount:
        """Which account the tokens are for. Raises SignInFailed."""
        summary = self._read("account", tokens, "/account/summary", _SUMMARY)
        account_id = summary.encoded_account_id
        return ConstantContactAccount(id=account_id, name=summary.organization_name or account_id)

    def privileges(self, tokens: TokenSet) -> frozenset[str]:
        """What the user who signed in may do there, e.g. `contacts:write`. Raises SignInFailed."""
        found = self._read("privileges", tokens, "/account/user/privileges", _PRIVILEGES)
        return frozenset(one.privilege_name for one in found)

    def _oauth(self, client_secret: str | None) -> OAuth2Session:
        # An app without a secret (PKCE alone) names itself in the form, any other with HTTP Basic.
        return timed(
            OAuth2Session(
                client_id=self._settings.constant_contact_client_id,
                client_secret=client_secret,
                token_endpoint_auth_method="client_secret_basic" if client_secret else "none",
                scope=" ".join(SCOPES),
                redirect_uri=self.callback,
                code_challenge_method="S256",
            )
        )

    def _read(self, operation: str, tokens: TokenSet, path: str, shape: TypeAdapter[Parsed]) -> Parsed:
        token = tokens.access_token.get_secret_value() if tokens.access_token else ""
        self._take(API)
        try:
            with one_call(operation) as answered:
                answer = self._session.get(
                    self._settings.constant_contact_api_url + path,
                    headers={
                        "Authorization": f"Bearer {token}",
                        "Accept": "application/json",
                        "Accept-Encoding": "gzip",
                    },
                    timeout=_ANSWER_SECONDS,
                    # A token is sent to nobody but the configured service.
                    allow_redirects=False,
                    stream=True,
                )
                read_body(answer, time.monotonic() + sum(_ANSWER_SECONDS))
                answered(answer)
        except (requests.RequestException, NoAnswer) as error:
            raise _no_answer() from error
        if answer.status_code // 100 != 2:
            raise _refusal(answer)
        try:
            return shape.validate_json(answer.content)
        except ValidationError:
            raise _no_answer() from None

    def _take(self, limit: Limit) -> None:
        try:
            self._limiter.take(limit)
        except Wait as wait:
            raise SignInFailed("busy", f"Signing in has to wait: {wait.reason}. Connect again in a moment.") from wait


def _no_answer() -> SignInFailed:
    return SignInFailed("no_answer", "Constant Contact did not answer as it should. Connect again in a moment.")


def _refusal(answer: requests.Response) -> SignInFailed:
    keys, status = error_keys(answer.content), answer.status_code
    if keys & {"invalid_client", "unauthorized_client"}:
        return SignInFailed(
            "app_refused",
            "Constant Contact does not accept the app's own credentials. Check CONSTANT_CONTACT_CLIENT_ID and the "
            f"secret “{CLIENT_SECRET_NAME}” in Key Vault.",
        )
    if "invalid_grant" in keys:
        return SignInFailed(
            "code_refused", "Constant Contact no longer accepts the sign-in: it works once, and for five minutes."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SignInFailed("busy", "Constant Contact asked to slow down. Connect again in a moment.")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return SignInFailed("not_allowed", "Constant Contact does not let this user or this app read the account.")
    return _no_answer()
