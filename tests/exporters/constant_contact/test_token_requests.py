"""What is asked of the token endpoint, and what is made of an answer that leaves something out."""

from __future__ import annotations

import base64
import io
import json
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from pydantic import ValidationError
from urllib3 import HTTPResponse

from exporters.constant_contact.answers import read_body
from exporters.constant_contact.errors import SignInAgain
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import TOKEN, Limiter
from exporters.constant_contact.tokens import CLIENT_SECRET_NAME, Tokens, TokenSet
from shared.errors import Wait
from shared.secrets import Secrets
from tests.exporters.world import World


class TokenEndpoint(requests.Session):
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.status, self.body = 200, b""
        self.asked: list[requests.PreparedRequest] = []
        self.sent_with: list[dict[str, object]] = []
        self.sent_at = 0.0
        self.answer_headers: dict[str, str] = {}

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:
        self.asked.append(request)
        self.sent_with.append(options)
        self.sent_at = time.monotonic()
        answer = requests.Response()
        answer.status_code, answer.request = self.status, request
        answer.headers.update(self.answer_headers)
        answer.raw = HTTPResponse(io.BytesIO(self.body), preload_content=False)
        return answer

    def answers(self, *, status: int = 200, **fields: object) -> None:
        self.status, self.body = status, json.dumps(fields).encode()

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(str(self.asked[-1].body))


@pytest.fixture
def endpoint() -> TokenEndpoint:
    endpoint = TokenEndpoint()
    endpoint.answers(access_token="new", refresh_token="next", expires_in=7200)
    return endpoint


@pytest.fixture
def tokens(world: World, endpoint: TokenEndpoint) -> Tokens:
    like = world.services.account(world.connection)._tokens
    limiter = Limiter(
        world.limits, world.client_id, now=lambda: world.clock.now().timestamp(), pause=world.clock.advance
    )
    gates = Gates(world.limits, world.client_id, now=world.clock.now)
    return Tokens(world.settings, world.secrets, like._locks, limiter, endpoint, gates=gates, now=world.clock.now)


def keep(world: World, **pair: object) -> None:
    world.secrets.set(world.connection.secret_name, json.dumps(pair))


def kept(world: World) -> dict[str, str]:
    found: dict[str, str] = json.loads(world.secrets.get(world.connection.secret_name) or "")
    return found


def test_an_app_with_a_secret_names_itself_by_it(world: World, tokens: Tokens, endpoint: TokenEndpoint) -> None:
    keep(world, refresh_token="old")
    assert tokens.access_token(world.connection) == "new"
    assert endpoint.form == {"grant_type": ["refresh_token"], "refresh_token": ["old"]}
    secret = base64.b64encode(f"{world.client_id}:local-secret".encode()).decode()
    assert endpoint.asked[0].headers["Authorization"] == f"Basic {secret}"
    assert endpoint.asked[0].headers["Accept"] == "application/json"
    assert urlsplit(endpoint.asked[0].url or "").path == "/oauth2/default/v1/token"


def test_an_app_without_a_secret_names_itself_in_the_form(
    world: World, tokens: Tokens, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = Secrets.get
    monkeypatch.setattr(Secrets, "get", lambda self, name: None if name == CLIENT_SECRET_NAME else get(self, name))
    keep(world, refresh_token="old")
    tokens.access_token(world.connection)
    assert endpoint.form["client_id"] == [world.client_id]
    assert "Authorization" not in endpoint.asked[0].headers


def test_a_token_is_sent_to_no_other_address(world: World, tokens: Tokens, endpoint: TokenEndpoint) -> None:
    keep(world, refresh_token="old")
    tokens.access_token(world.connection)
    assert endpoint.sent_with[0]["allow_redirects"] is False
    assert endpoint.sent_with[0]["timeout"] == (5, 30), "a lease lasts a minute, and the vault needs some of it"


def test_an_answer_without_a_refresh_token_leaves_the_old_one(
    world: World, tokens: Tokens, endpoint: TokenEndpoint
) -> None:
    endpoint.answers(access_token="new", expires_in=7200)
    keep(world, refresh_token="old", scope="contact_data")
    tokens.access_token(world.connection)
    assert (kept(world)["refresh_token"], kept(world)["scope"]) == ("old", "contact_data")


def test_an_answer_with_a_scope_keeps_it(world: World, tokens: Tokens, endpoint: TokenEndpoint) -> None:
    endpoint.answers(access_token="new", refresh_token="next", expires_in=7200, scope="campaign_data")
    keep(world, refresh_token="old", scope="contact_data")
    tokens.access_token(world.connection)
    assert (kept(world)["refresh_token"], kept(world)["scope"]) == ("next", "campaign_data")


@pytest.mark.parametrize(("given", "seconds"), [({"expires_in": 7200}, 7200), ({}, 3600), ({"expires_in": "900"}, 900)])
def test_a_token_lives_as_long_as_the_answer_says_or_an_hour(
    world: World, tokens: Tokens, endpoint: TokenEndpoint, given: dict[str, str | int], seconds: int
) -> None:
    endpoint.body = json.dumps({"access_token": "new", "refresh_token": "next", **given}).encode()
    keep(world, refresh_token="old")
    before = world.clock.now()
    tokens.access_token(world.connection)
    found = tokens._read(world.connection).expires_at
    assert timedelta(0) <= found - before - timedelta(seconds=seconds) < timedelta(seconds=30)


def test_a_connection_without_a_refresh_token_asks_for_a_person(
    world: World, tokens: Tokens, endpoint: TokenEndpoint
) -> None:
    keep(world, access_token="old")
    with pytest.raises(SignInAgain, match="no refresh token"):
        tokens.access_token(world.connection)
    assert endpoint.asked == []


def test_a_connection_without_tokens_asks_for_a_person(world: World, tokens: Tokens) -> None:
    world.secrets.set(world.connection.secret_name, "")
    with pytest.raises(SignInAgain, match="has no token in Key Vault"):
        tokens.access_token(world.connection)


@pytest.mark.parametrize("secret", ["nonsense", "[]", '{"expires_at": "tomorrow"}'])
def test_a_secret_that_is_no_token_pair_asks_for_a_person(world: World, tokens: Tokens, secret: str) -> None:
    world.secrets.set(world.connection.secret_name, secret)
    with pytest.raises(SignInAgain, match="is not a token pair") as error:
        tokens.access_token(world.connection)
    assert error.value.__suppress_context__


@pytest.mark.parametrize("minutes", [9, 10])
def test_a_token_that_ends_within_ten_minutes_is_refreshed(world: World, tokens: Tokens, minutes: int) -> None:
    ends = world.clock.now() + timedelta(minutes=minutes)
    keep(world, access_token="old", refresh_token="old", expires_at=ends.isoformat())
    assert tokens.access_token(world.connection) == "new"


def test_a_token_that_lives_longer_than_ten_minutes_is_used(world: World, tokens: Tokens) -> None:
    ends = world.clock.now() + timedelta(minutes=11)
    keep(world, access_token="old", refresh_token="old", expires_at=ends.isoformat())
    assert tokens.access_token(world.connection) == "old"


def test_what_the_vault_holds_is_looked_up_again_after_five_minutes(world: World, tokens: Tokens) -> None:
    ends = (world.clock.now() + timedelta(hours=9)).isoformat()
    keep(world, access_token="first", refresh_token="old", expires_at=ends)
    assert tokens.access_token(world.connection) == "first"
    keep(world, access_token="second", refresh_token="old", expires_at=ends)
    world.clock.advance(290)
    assert tokens.access_token(world.connection) == "first"
    world.clock.advance(20)
    assert tokens.access_token(world.connection) == "second"


def test_a_token_that_was_refused_is_replaced_though_it_would_still_live(world: World, tokens: Tokens) -> None:
    ends = (world.clock.now() + timedelta(hours=9)).isoformat()
    keep(world, access_token="refused", refresh_token="old", expires_at=ends)
    assert tokens.access_token(world.connection) == "refused"
    assert tokens.another_access_token(world.connection, rejected="refused") == "new"
    assert tokens.access_token(world.connection) == "new"


def test_a_token_that_somebody_else_has_replaced_is_taken(
    world: World, tokens: Tokens, endpoint: TokenEndpoint
) -> None:
    ends = (world.clock.now() + timedelta(hours=9)).isoformat()
    keep(world, access_token="theirs", refresh_token="old", expires_at=ends)
    assert tokens.another_access_token(world.connection, rejected="refused") == "theirs"
    assert endpoint.asked == []


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b'"text"', b"{}", b'{"access_token": "a", "expires_in": "x"}']
)
def test_an_answer_without_a_token_is_waited_out(
    world: World, tokens: Tokens, endpoint: TokenEndpoint, body: bytes
) -> None:
    endpoint.body = body
    keep(world, refresh_token="old")
    with pytest.raises(Wait, match="without a token") as wait:
        tokens.access_token(world.connection)
    assert wait.value.seconds == 15


@pytest.mark.parametrize("key", ["invalid_client", "unauthorized_client"])
def test_an_app_that_is_not_known_says_what_to_check(
    world: World, tokens: Tokens, endpoint: TokenEndpoint, key: str
) -> None:
    endpoint.answers(status=401, error=key)
    keep(world, refresh_token="old")
    with pytest.raises(SignInAgain, match=CLIENT_SECRET_NAME):
        tokens.access_token(world.connection)


@pytest.mark.parametrize(("status", "seconds"), [(503, 15), (429, 1), (400, 15)])
def test_any_other_refusal_passes(
    world: World, tokens: Tokens, endpoint: TokenEndpoint, status: int, seconds: float
) -> None:
    endpoint.answers(status=status, error="temporarily")
    keep(world, refresh_token="old")
    with pytest.raises(Wait, match=f"HTTP {status}") as wait:
        tokens.access_token(world.connection)
    assert wait.value.seconds == seconds


@pytest.mark.parametrize(("retry_after", "seconds"), [("90", 90), ("9" * 20, 3600)])
def test_a_pause_that_the_sign_in_service_asks_for_is_kept_by_the_refreshers_of_all_connections(
    world: World, tokens: Tokens, endpoint: TokenEndpoint, retry_after: str, seconds: float
) -> None:
    other = world.add_connection()
    world.secrets.set(other.secret_name, json.dumps({"refresh_token": "other"}))
    keep(world, refresh_token="old")
    endpoint.answers(status=429)
    endpoint.answer_headers = {"Retry-After": retry_after}
    with pytest.raises(Wait) as wait:
        tokens.access_token(world.connection)
    assert wait.value.seconds == seconds
    for connection in (world.connection, other):
        with pytest.raises(Wait) as wait:
            tokens.access_token(connection)
        assert seconds - 5 < wait.value.seconds <= seconds + 1
    assert len(endpoint.asked) == 1


def test_an_answer_is_waited_for_no_longer_than_a_lease_lasts(
    world: World, tokens: Tokens, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted from before the request, so that a slow header and a slow body together take no longer."""
    until: list[float] = []

    def noted(answer: requests.Response, by: float) -> None:
        until.append(by)
        read_body(answer, by)

    monkeypatch.setattr("exporters.constant_contact.tokens.read_body", noted)
    keep(world, refresh_token="old")
    tokens.access_token(world.connection)
    assert until[0] <= endpoint.sent_at + 35


def test_two_refreshes_keep_their_distance(world: World, tokens: Tokens, endpoint: TokenEndpoint) -> None:
    """One request a second is allowed."""
    endpoint.answers(access_token="new", refresh_token="next", expires_in=1)
    keep(world, refresh_token="old")
    before = world.clock.now()
    for _ in range(2):
        tokens.another_access_token(world.connection, rejected="any")
    assert (world.clock.now() - before).total_seconds() >= TOKEN.seconds_apart >= 1


def test_a_refresher_that_is_at_work_is_waited_for(world: World, tokens: Tokens, endpoint: TokenEndpoint) -> None:
    keep(world, refresh_token="old")
    with tokens._lease(world.connection.id), pytest.raises(Wait, match="another worker is refreshing"):
        tokens.access_token(world.connection)
    assert endpoint.asked == []
    assert tokens.access_token(world.connection) == "new"


def test_what_is_wrong_with_a_token_pair_is_told_without_the_tokens() -> None:
    with pytest.raises(ValidationError) as error:
        TokenSet.model_validate_json('{"access_token": ["hunter2"], "expires_at": "hunter2"}')
    assert "hunter2" not in str(error.value)
