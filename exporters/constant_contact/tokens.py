"""Access tokens: read from Key Vault, refreshed before they end, by one refresher at a time.

A rotating refresh token works once: whoever spends it must have saved its successor before anybody needs it. So a
refresh holds the connection's lease, reads the secret again under it, and saves the new pair before using it. With
long-lived refresh tokens the same value comes back and the same steps are harmless. While the sign-in service is away
nothing is asked and nothing is written.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import requests
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceModifiedError
from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer

from exporters.constant_contact.answers import read_body
from exporters.constant_contact.calls import one_call
from exporters.constant_contact.errors import (
    AppNotAccepted,
    NoAnswer,
    ServerError,
    SignInAgain,
    SignInAway,
    Throttled,
    answer_error,
    error_keys,
)
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import TOKEN, Limiter
from shared import telemetry
from shared.errors import Wait
from shared.models import Connection, SignInProblem
from shared.secrets import Secrets
from shared.settings import Settings

CLIENT_SECRET_NAME = "constant-contact-client-secret"  # noqa: S105 - the name of a secret, not a secret
# A token is refreshed this long before it ends, so that it lives through any request that starts with it.
_MARGIN = timedelta(minutes=10)
# The service keeps a lease at most this long for a refresher that died; blob leases last 15 to 60 seconds.
_LEASE_SECONDS = 60
# Longer than any token lives, and than Python's dates go wrong; longer than a header may be.
_LONGEST_LIFE_SECONDS = 30 * 24 * 3600
_LONGEST_TOKEN = 8_000
_CACHE_FOR = timedelta(minutes=5)
# Connecting and reading; together, and with the pause of a save, within a lease.
_ANSWER_SECONDS = (5, 30)
# Until the vault takes it, the new pair is in this process alone and the one in the vault is spent: whoever gives up
# may lose the grant, and a person has to sign in again. So the worker stays as long as it can: host.json gives a
# function 30 minutes, within which the host keeps its message from others (it renews the message's invisibility) and
# the plan lets it finish though its instance is to go. Ten minutes are left for what else the function does.
_SAVE_WITHIN = timedelta(minutes=20)
_SAVE_AGAIN_SECONDS = 5.0
# For a clock that is set back meanwhile.
_MOST_SAVES = 240
# A storage that is away must not hold up a vault that is not.
_RENEWING: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 5, "retry_total": 0}
# Somebody who waits at a page is not sent away for a refresh under way, which takes a second or two.
_TRIES_FOR_A_PERSON = 8
_TRY_AGAIN_SECONDS = 0.5
_OTHER_REFRESHER = "another worker is refreshing the connection's token"


def _can_be_sent(token: SecretStr | None) -> SecretStr | None:
    text = "a" if token is None else token.get_secret_value()
    if not (0 < len(text) <= _LONGEST_TOKEN and text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("is no token")
    return token


def _lifetime(seconds: float | None) -> float | None:
    """The token counts, whatever is said of its life: the refresh token that it cost is spent."""
    return None if seconds is None or math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_LIFE_SECONDS)


Token = Annotated[SecretStr, AfterValidator(_can_be_sent)]


class TokenAnswer(BaseModel):
    """What the token endpoint sends (RFC 6749, 5.1)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    access_token: Token
    refresh_token: Token | None = None
    expires_in: Annotated[float | None, AfterValidator(_lifetime)] = None
    scope: str | None = None

    def token_set(self, now: datetime, *, old: TokenSet | None = None) -> TokenSet:
        """The tokens to keep; what a refresh leaves out of its answer stays as it was in `old`."""
        return TokenSet(
            access_token=self.access_token,
            # A long-lived refresh token may be left out of the answer: then the old one stays.
            refresh_token=self.refresh_token or (old.refresh_token if old else None),
            # RFC 6749 only recommends the lifetime; without it the token is taken for a short one.
            expires_at=now + timedelta(seconds=self.expires_in or 3600),
            scope=self.scope or (old.scope if old else ""),
            account_id=old.account_id if old else None,
            given_at=now,
        )


class TokenSet(BaseModel):
    """What the secret of a connection holds, as JSON. Only the refresh token is needed at first."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    access_token: SecretStr | None = None
    refresh_token: SecretStr | None = None
    expires_at: datetime = Field(default=datetime(1970, 1, 1, tzinfo=UTC))
    scope: str = ""
    given_at: datetime | None = Field(default=None, description="when Constant Contact gave them")
    account_id: str | None = Field(default=None, description="whose account they are for, when a sign-in has told")

    @field_serializer("access_token", "refresh_token", when_used="json")
    def _plain(self, value: SecretStr | None) -> str | None:
        return value.get_secret_value() if value else None


class Tokens:
    """The tokens of all connections of one client id."""

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        locks: ContainerClient,
        limiter: Limiter,
        session: requests.Session,
        *,
        gates: Gates,
        now: Callable[[], datetime],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._locks = locks
        self._limiter = limiter
        self._session = session
        self._gates = gates
        self._now = now
        self._pause = pause
        self._cache: dict[tuple[str, datetime | None], tuple[TokenSet, datetime]] = {}
        self._unsaved: dict[str, TokenSet] = {}

    def access_token(self, connection: Connection) -> str:
        """A token that lives for at least ten minutes, or the one at hand while Key Vault is away.

        Raises:
            SignInAgain: the connection has no tokens, or Constant Contact no longer takes them.
            Wait: Key Vault or Constant Contact is away, or another worker is refreshing.
        """
        cached = self._cache.get(_sign_in_of(connection))
        if cached and self._now() - cached[1] < _CACHE_FOR and self._usable(cached[0]):
            return _value(cached[0])
        try:
            tokens = self._read(connection)
        except Wait:
            if cached is None or self._now() >= cached[0].expires_at:
                raise
            return self._keep(connection, cached[0])
        if not self._usable(tokens):
            tokens = self._refresh(connection, rejected=None)
        return self._keep(connection, tokens)

    def another_access_token(self, connection: Connection, rejected: str) -> str:
        """A token other than `rejected`, which Constant Contact has just refused. Raises as `access_token` does."""
        self._cache.pop(_sign_in_of(connection), None)
        return self._keep(connection, self._refresh(connection, rejected=rejected))

    def keep_alive(self, connection: Connection, idle: timedelta) -> bool:
        """Refresh a grant whose last access token ended more than `idle` ago; whether that was to be done.

        A connection that nobody has signed in yet is left alone. Raises as `access_token` does.
        """
        if connection.account is None and self._secrets.get(connection.secret_name) is None:
            return False
        # A token's end is known and its beginning is not; it lives for a day, and never for more than a month.
        if self._now() - self._read(connection).expires_at < idle:
            return False
        self._keep(connection, self._refresh(connection, rejected=None))
        return True

    def age(self, connection: Connection) -> timedelta | None:
        """How long ago the connection's tokens were given; None where that is not known (yet).

        Raises as `access_token` does, and asks Constant Contact nothing.
        """
        given_at = self._read(connection).given_at
        return self._now() - given_at if given_at else None

    def forget(self, connection_id: str, secret_name: str) -> bool:
        """Delete tokens of a connection for good; a refresh under way would bring them back.

        Returns:
            What `Secrets.delete` does: False when they are deleted and still to be purged.

        Raises:
            Wait: Key Vault is away, or a worker is refreshing the connection's token.
            KeyVaultRefused: the app may not delete the secret.
        """
        with self._lease(connection_id, tries=_TRIES_FOR_A_PERSON) as lease:
            is_gone = self._secrets.delete(secret_name)
            # Nobody may ask for it again; whoever does makes it anew.
            with contextlib.suppress(HttpResponseError):
                self._lock(connection_id).delete_blob(lease=lease)
            return is_gone

    def _keep(self, connection: Connection, tokens: TokenSet) -> str:
        self._cache[_sign_in_of(connection)] = (tokens, self._now())
        return _value(tokens)

    def _usable(self, tokens: TokenSet) -> bool:
        return tokens.access_token is not None and tokens.expires_at - self._now() > _MARGIN

    def _read(self, connection: Connection) -> TokenSet:
        secret = self._secrets.get(connection.secret_name)
        if not secret:
            raise SignInAgain(
                "The connection has no token in Key Vault. An administrator has to connect it to Constant Contact.",
                "no_tokens",
            )
        try:
            tokens = TokenSet.model_validate_json(secret)
        except ValidationError:
            raise SignInAgain(
                "What Key Vault has for the connection is not a token pair. "
                "An administrator has to connect it to Constant Contact again.",
                "not_tokens",
            ) from None
        if tokens.account_id and connection.account and tokens.account_id != connection.account.id:
            raise SignInAgain(
                "The tokens of the connection are for another account than its own. "
                "An administrator has to connect it to Constant Contact again.",
                "other_account",
            )
        return tokens

    def _refresh(self, connection: Connection, *, rejected: str | None) -> TokenSet:
        with telemetry.span("connection.refresh", connection_id=connection.id), self._lease(connection.id) as lease:
            tokens = self._read(connection)
            if self._usable(tokens) and _value(tokens) != rejected:
                return tokens  # Somebody else was quicker.
            if tokens.refresh_token is None:
                raise _broken("it holds no refresh token", "no_refresh_token")
            spent = tokens.refresh_token.get_secret_value()
            try:
                with self._gates.sign_in(connection).attempt():
                    # A pair that the vault would not take a moment ago is still the only living one.
                    fresh = self._unsaved.get(spent) or self._spend(connection, tokens, spent, lease)
                    self._unsaved[spent] = fresh
                    # Before the gate is left: what it writes may fail.
                    self._save(connection, fresh, lease)
                    del self._unsaved[spent]
                    return fresh
            except SignInAway as error:
                raise Wait(error.seconds, str(error), "sign_in") from error
            except SignInAgain:
                # The lease of a slow refresher may have run out: then its pair is in the vault by now.
                saved = self._read(connection)
                if saved.refresh_token == tokens.refresh_token or not self._usable(saved):
                    raise
                return saved

    def _save(self, connection: Connection, fresh: TokenSet, lease: BlobLeaseClient) -> None:
        """Insist, and let nobody else refresh meanwhile: what they would find in the vault is spent."""
        until = self._now() + _SAVE_WITHIN
        for tries_left in reversed(range(_MOST_SAVES)):
            with contextlib.suppress(AzureError):
                lease.renew(**_RENEWING)
            try:
                self._secrets.set(connection.secret_name, fresh.model_dump_json())
            except Wait:
                if not tries_left or self._now() >= until:
                    raise
                self._pause(_SAVE_AGAIN_SECONDS)
            else:
                return

    def _spend(self, connection: Connection, old: TokenSet, refresh_token: str, lease: BlobLeaseClient) -> TokenSet:
        """The new pair. Raises SignInAway, SignInAgain, or Wait; nothing is spent then, or nobody can know."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        client_id = self._settings.constant_contact_client_id
        client_secret = self._secrets.get(CLIENT_SECRET_NAME)
        if client_secret is None:
            form["client_id"] = client_id  # An app without a secret (PKCE) names itself in the form instead.
        self._limiter.take(TOKEN)
        # What was read is written back first: a vault that does not take it would not take the new pair. Whoever was
        # held up until now may have lost the lease, and would write over another's new pair.
        _renew(lease)
        self._secrets.set(connection.secret_name, old.model_dump_json())
        # The request may last as long as a lease, so it begins with a whole one.
        _renew(lease)
        until = time.monotonic() + sum(_ANSWER_SECONDS)
        try:
            with one_call("refresh_token") as answered:
                answer = self._session.post(
                    f"{self._settings.constant_contact_auth_url}/token",
                    data=form,
                    auth=(client_id, client_secret) if client_secret else None,
                    headers={"Accept": "application/json"},
                    timeout=_ANSWER_SECONDS,
                    allow_redirects=False,
                    stream=True,
                )
                read_body(answer, until)
                answered(answer)
        except (requests.RequestException, NoAnswer) as error:
            raise SignInAway("does not answer") from error
        if answer.status_code // 100 != 2:
            raise self._refresh_error(answer)
        try:
            given = TokenAnswer.model_validate_json(answer.content)
        except ValidationError as error:
            raise SignInAway("gave an answer without a token") from error
        return given.token_set(self._now(), old=old)

    def _refresh_error(self, answer: requests.Response) -> Exception:
        keys = error_keys(answer.content)
        if "invalid_grant" in keys:
            return _broken("Constant Contact no longer accepts its refresh token", "refused")
        if keys & {"invalid_client", "unauthorized_client"}:
            return AppNotAccepted(
                "Constant Contact does not accept the app's own credentials. Check CONSTANT_CONTACT_CLIENT_ID and the "
                f"secret “{CLIENT_SECRET_NAME}” in Key Vault."
            )
        error = answer_error(
            answer.status_code, answer.content, retry_after=answer.headers.get("Retry-After"), queues_work=False
        )
        # Anything else may pass: a connection is never given up for a fault that is not its own.
        why = f"refuses for now (HTTP {answer.status_code})"
        if isinstance(error, Throttled):
            self._limiter.hold_back(TOKEN, error.seconds)
        if isinstance(error, Throttled | ServerError) and error.seconds:
            return SignInAway(why, error.seconds)
        return SignInAway(why)

    def _lock(self, connection_id: str) -> BlobClient:
        return self._locks.get_blob_client(f"refresh/{connection_id}")

    @contextlib.contextmanager
    def _lease(self, connection_id: str, *, tries: int = 1) -> Iterator[BlobLeaseClient]:
        """Hold the connection's refresh lease; the service's clock ends it if its holder dies."""
        blob = self._lock(connection_id)
        for left in reversed(range(tries)):
            # 412 is what storage may answer while somebody holds the lease.
            with contextlib.suppress(ResourceExistsError, ResourceModifiedError):
                blob.upload_blob(b"", overwrite=False)
            try:
                lease = blob.acquire_lease(_LEASE_SECONDS)
                break
            except HttpResponseError as error:
                # 404: whoever held it has forgotten the tokens meanwhile, and it with them.
                if error.status_code not in (404, 409):
                    raise
                if not left:
                    raise Wait(2, _OTHER_REFRESHER, "other_worker") from error
            self._pause(_TRY_AGAIN_SECONDS)
        try:
            yield lease
        finally:
            with contextlib.suppress(HttpResponseError):
                lease.release()


def _sign_in_of(connection: Connection) -> tuple[str, datetime | None]:
    """What a token at hand belongs to: after a new sign-in, maybe to another account, no worker uses an old one."""
    return connection.secret_name, connection.signed_in_at


def _broken(why: str, problem: SignInProblem) -> SignInAgain:
    return SignInAgain(f"The connection has to be signed in to Constant Contact again: {why}.", problem)


def _renew(lease: BlobLeaseClient) -> None:
    """Raises Wait when the lease ran out and somebody else has it."""
    try:
        lease.renew()
    except HttpResponseError as error:
        if error.status_code not in (409, 412):
            raise
        raise Wait(2, _OTHER_REFRESHER, "other_worker") from error


def _value(tokens: TokenSet) -> str:
    return tokens.access_token.get_secret_value() if tokens.access_token else ""
