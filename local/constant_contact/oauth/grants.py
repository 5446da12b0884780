"""Apps, consent given to them, and the codes and tokens that stand for it."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from local.constant_contact.accounts import User
from local.constant_contact.clock import SECONDS_A_DAY, Clock

CODE_SECONDS = 300
REFRESH_TOKEN_IDLE_SECONDS = 180 * SECONDS_A_DAY

OFFLINE_ACCESS = "offline_access"
SCOPES = ("account_read", "account_update", "billing_data", "campaign_data", "contact_data", OFFLINE_ACCESS)

# Registered instead of an exact address, these stand for any port and path on the own machine. The real service has
# no such thing; here it saves registering whichever port a local stand gets.
LOOPBACK_REDIRECTS = ("http://127.0.0.1:*/", "http://localhost:*/")


class OAuthError(Exception):
    """A refusal by the token endpoint, in the words of RFC 6749."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description


def invalid_refresh_token() -> OAuthError:
    """400 invalid_grant in the words reported for the real service."""
    return OAuthError(400, "invalid_grant", "The refresh token is invalid or expired.")


@dataclass(frozen=True, slots=True)
class App:
    """A registered application; one without a secret is public and must use PKCE."""

    client_id: str
    client_secret: str | None
    redirect_uris: tuple[str, ...]
    refresh_tokens: Literal["rotating", "long_lived"]

    def may_redirect_to(self, redirect_uri: str) -> bool:
        """Whether the address is registered: exactly, or by one of LOOPBACK_REDIRECTS."""
        if redirect_uri in self.redirect_uris:
            return True
        try:
            parts = urlsplit(redirect_uri)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.hostname}:*/" in self.redirect_uris and parts.username is None


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """The consent of one user to one app."""

    client_id: str
    user: User
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for; it can be redeemed once, within five minutes."""

    grant: Grant
    redirect_uri: str
    code_challenge: str | None
    issued_at: float


@dataclass(slots=True)
class _RefreshToken:
    grant: Grant
    last_used_at: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint hands out; no refresh token without the scope offline_access."""

    access_token: str
    refresh_token: str | None
    scopes: tuple[str, ...]
    expires_in: int
    token_type: str = "Bearer"

    def as_json(self) -> dict[str, str | int]:
        """The answer of the token endpoint."""
        body: dict[str, str | int] = {
            "token_type": self.token_type,
            "expires_in": self.expires_in,
            "access_token": self.access_token,
            "scope": " ".join(self.scopes),
        }
        if self.refresh_token:
            body["refresh_token"] = self.refresh_token
        return body


@dataclass(slots=True)
class Grants:
    """All apps, codes and tokens. `issued` is every code and token that was ever given out, used up or not."""

    clock: Clock
    access_token_seconds: int = 86_400
    apps: dict[str, App] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    _codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    _access_tokens: dict[str, tuple[Grant, float]] = field(default_factory=dict)
    _refresh_tokens: dict[str, _RefreshToken] = field(default_factory=dict)

    def register(self, app: App) -> None:
        """Add or replace an app."""
        self.apps[app.client_id] = app

    def issue_code(self, grant: Grant, redirect_uri: str, code_challenge: str | None) -> str:
        """A code for the redirect that follows consent."""
        code = secrets.token_urlsafe(32)
        self.issued.append(code)
        self._codes[code] = AuthorizationCode(grant, redirect_uri, code_challenge, self.clock.now())
        return code

    def redeem(self, app: App, code: str, redirect_uri: str, code_verifier: str | None) -> Tokens:
        """Tokens for a code, or OAuthError invalid_grant: used, expired, or not of this app, address or verifier."""
        issued = self._codes.pop(code, None)
        if issued is None or issued.grant.client_id != app.client_id:
            raise OAuthError(400, "invalid_grant", "The authorization code is invalid or has expired.")
        if self.clock.now() > issued.issued_at + CODE_SECONDS:
            raise OAuthError(400, "invalid_grant", "The authorization code is invalid or has expired.")
        if redirect_uri != issued.redirect_uri:
            raise OAuthError(400, "invalid_grant", "The redirect_uri does not match the authorization request.")
        if issued.code_challenge is not None and not _verifies(code_verifier or "", issued.code_challenge):
            raise OAuthError(400, "invalid_grant", "PKCE verification failed.")
        return self.grant(issued.grant)

    def grant(self, grant: Grant) -> Tokens:
        """Tokens for consent just given."""
        refresh_token = self._new_refresh_token(grant) if OFFLINE_ACCESS in grant.scopes else None
        return self._tokens(grant, refresh_token)

    def refresh(self, app: App, refresh_token: str) -> Tokens:
        """New tokens for a refresh token, or OAuthError invalid_grant: unknown, used up or 180 days unused.

        A rotating refresh token is single use: a new one comes back and all previous ones of the grant are void.
        A long-lived one comes back as it is.
        """
        known = self._refresh_tokens.get(refresh_token)
        now = self.clock.now()
        if known is None or known.grant.client_id != app.client_id:
            raise invalid_refresh_token()
        if now > known.last_used_at + REFRESH_TOKEN_IDLE_SECONDS:
            raise invalid_refresh_token()
        known.last_used_at = now
        grant = known.grant
        if app.refresh_tokens == "rotating":
            for token in [token for token, other in self._refresh_tokens.items() if other.grant is grant]:
                del self._refresh_tokens[token]
            refresh_token = self._new_refresh_token(grant)
        return self._tokens(grant, refresh_token)

    def takes(self, refresh_token: str) -> bool:
        """Whether a refresh token would still be taken; it is not used up by asking."""
        known = self._refresh_tokens.get(refresh_token)
        return known is not None and self.clock.now() <= known.last_used_at + REFRESH_TOKEN_IDLE_SECONDS

    def grant_of(self, access_token: str) -> Grant | None:
        """The grant that an access token stands for; None for an unknown or expired one."""
        grant, expires_at = self._access_tokens.get(access_token, (None, 0.0))
        return grant if self.clock.now() < expires_at else None

    def _tokens(self, grant: Grant, refresh_token: str | None) -> Tokens:
        return Tokens(self._new_access_token(grant), refresh_token, grant.scopes, self.access_token_seconds)

    def _new_refresh_token(self, grant: Grant) -> str:
        token = secrets.token_urlsafe(32)[:42]
        self.issued.append(token)
        self._refresh_tokens[token] = _RefreshToken(grant, self.clock.now())
        return token

    def _new_access_token(self, grant: Grant) -> str:
        now = int(self.clock.now())
        claims = {
            "ver": 1,
            "jti": f"AT.{secrets.token_urlsafe(120)}",
            "iss": "https://identity.constantcontact.com/oauth2/aus1lm3ry9mF7x2Ja0h8",
            "aud": "https://api.cc.email/v3",
            "iat": now,
            "exp": now + self.access_token_seconds,
            "cid": grant.client_id,
            "uid": grant.user.user_id,
            "scp": list(grant.scopes),
            "sub": grant.user.email,
        }
        # The shape and about the length of the real RS256 token; the signature is random, nobody here verifies it.
        header = {"kid": secrets.token_urlsafe(32), "alg": "RS256"}
        parts = (json.dumps(header).encode(), json.dumps(claims).encode(), secrets.token_bytes(256))
        token = ".".join(_base64url(part) for part in parts)
        self.issued.append(token)
        self._access_tokens[token] = (grant, self.clock.now() + self.access_token_seconds)
        return token


def _verifies(code_verifier: str, code_challenge: str) -> bool:
    """S256 of RFC 7636."""
    computed = _base64url(hashlib.sha256(code_verifier.encode()).digest())
    return hmac.compare_digest(computed.encode(), code_challenge.encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
