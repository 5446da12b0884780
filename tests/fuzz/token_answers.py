"""Gives any bytes as the answer of the token endpoint: a token comes out, or an error that says what to do."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import requests
from urllib3 import HTTPResponse

from exporters.constant_contact.errors import ConstantContactError
from exporters.constant_contact.tokens import Tokens, TokenSet
from shared.errors import Wait
from shared.models import Connection

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONNECTION = Connection(id="shop", display_name="Shop", secret_name="s", created_at=NOW, created_by="test")


class Endpoint(requests.Session):
    """Answers every request with the same bytes."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__()
        self._status, self._body = status, body

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.request = self._status, request
        answer.raw = HTTPResponse(io.BytesIO(self._body), preload_content=False)
        return answer


class Lock:
    """A lock that is always free."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self


def refreshed(status: int, body: bytes) -> TokenSet:
    """What is kept of this answer to a refresh."""
    settings: Any = SimpleNamespace(
        constant_contact_client_id="id",
        constant_contact_auth_url="http://127.0.0.1:9/oauth2",
        request_timeout_seconds=1,
    )
    kept = {"s": '{"refresh_token": "old"}'}
    secrets: Any = SimpleNamespace(get=kept.get, set=kept.__setitem__)
    limiter: Any = SimpleNamespace(take=lambda *_, **__: None, hold_back=lambda *_: None)
    gates: Any = SimpleNamespace(sign_in=lambda _: SimpleNamespace(attempt=contextlib.nullcontext))
    locks: Any = Lock()
    tokens = Tokens(settings, secrets, locks, limiter, Endpoint(status, body), gates=gates, now=lambda: NOW)
    token = tokens.access_token(CONNECTION)
    found = TokenSet.model_validate_json(kept["s"])
    assert found.access_token
    assert found.access_token.get_secret_value() == token
    return found


def read_token_answer(data: bytes) -> None:
    """The first byte is the status."""
    if not data:
        return
    with contextlib.suppress(Wait, ConstantContactError):
        found = refreshed(200 if data[0] < 128 else 200 + data[0] * 2, data[1:])
        for token in (found.access_token, found.refresh_token):
            assert token
            assert token.get_secret_value()
            assert token.get_secret_value().isascii()
            assert token.get_secret_value().isprintable()
