"""Signing in: where the person is sent, what a code becomes, which account it is, and what can go wrong."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
from urllib3 import HTTPResponse

from exporters.constant_contact.limits import API, TOKEN, Usage
from exporters.constant_contact.sign_in import SignIn, SignInFailed
from exporters.constant_contact.tokens import CLIENT_SECRET_NAME, TokenSet
from shared.secrets import Secrets
from shared.tables import DocumentTable, Key
from tests.exporters.browser import CAMPAIGN_CREATOR, answer_at_constant_contact
from tests.exporters.world import World

VERIFIER = "v" * 64
STATE = "draft.random"


def code_of(world: World, *, user: str = "local-owner", without: str = "") -> str:
    """A code that the user has just been given, for all scopes or for all but one."""
    address = world.services.sign_in.address(STATE, VERIFIER).replace(f"+{without}" if without else "+ ", "")
    return answer_at_constant_contact(address, user=user)["code"]


def signed_in(world: World, **options: str) -> TokenSet:
    return world.services.sign_in.exchange(code_of(world, **options), VERIFIER)


def problem_of(does: Callable[[], object]) -> str:
    with pytest.raises(SignInFailed) as failed:
        does()
    assert str(failed.value)
    return failed.value.problem


def test_the_person_is_sent_to_the_authorize_page_with_pkce_and_state(world: World) -> None:
    address = urlsplit(world.services.sign_in.address(STATE, VERIFIER))
    assert f"{address.scheme}://{address.netloc}" == world.simulator.url
    assert address.path == "/oauth2/default/v1/authorize"
    digest = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    assert dict(parse_qsl(address.query)) == {
        "response_type": "code",
        "client_id": world.client_id,
        "redirect_uri": "https://localhost/connections/callback",
        "scope": "contact_data account_read offline_access",
        "state": STATE,
        "code_challenge": digest,
        "code_challenge_method": "S256",
    }
    assert VERIFIER not in address.query


def test_a_code_becomes_tokens_that_live_as_long_as_constant_contact_says(world: World) -> None:
    tokens = signed_in(world)
    assert tokens.access_token
    assert tokens.refresh_token
    assert tokens.scope.split() == ["contact_data", "account_read", "offline_access"]
    assert timedelta(hours=23, minutes=59) < tokens.expires_at - world.clock.now() <= timedelta(hours=24)


def test_the_account_and_the_privileges_of_the_user_are_read(world: World) -> None:
    tokens = signed_in(world)
    account = world.services.sign_in.account_of(tokens)
    assert (account.id, account.name) == ("a07e1local", "Local Company")
    assert "contacts:write" in world.services.sign_in.privileges(tokens)
    assert "contacts:write" not in world.services.sign_in.privileges(signed_in(world, user=CAMPAIGN_CREATOR))


def test_without_offline_access_there_is_no_refresh_token(world: World) -> None:
    assert signed_in(world, without="offline_access").refresh_token is None


def test_a_code_works_once(world: World) -> None:
    code = code_of(world)
    world.services.sign_in.exchange(code, VERIFIER)
    assert problem_of(lambda: world.services.sign_in.exchange(code, VERIFIER)) == "code_refused"


def test_a_code_is_of_no_use_without_its_verifier(world: World) -> None:
    code = code_of(world)
    assert problem_of(lambda: world.services.sign_in.exchange(code, "w" * 64)) == "code_refused"


def test_a_code_is_too_old_after_five_minutes(world: World) -> None:
    code = code_of(world)
    world.clock.advance(301)
    assert problem_of(lambda: world.services.sign_in.exchange(code, VERIFIER)) == "code_refused"


def test_an_app_with_another_secret_is_not_accepted(world: World) -> None:
    code = code_of(world)
    app = {"client_id": world.client_id, "client_secret": "changed"}
    requests.post(f"{world.simulator.url}/_simulator/apps", json=app, timeout=10).raise_for_status()
    with pytest.raises(SignInFailed, match=CLIENT_SECRET_NAME) as failed:
        world.services.sign_in.exchange(code, VERIFIER)
    assert failed.value.problem == "app_refused"


def test_an_account_that_may_not_be_read_is_said_to_be_so(world: World) -> None:
    tokens = signed_in(world, without="account_read")
    assert problem_of(lambda: world.services.sign_in.account_of(tokens)) == "not_allowed"


@pytest.mark.parametrize("fault", ["throttled", "server-error", "cut-before"])
def test_a_constant_contact_that_does_not_work_now_is_tried_again_later(world: World, fault: str) -> None:
    tokens = signed_in(world)
    world.fault(fault, path="/account/summary", times=1)
    expected = "busy" if fault == "throttled" else "no_answer"
    assert problem_of(lambda: world.services.sign_in.account_of(tokens)) == expected
    assert world.services.sign_in.account_of(tokens).name == "Local Company"


def test_a_sign_in_service_that_does_not_answer_is_said_to_be_so(world: World) -> None:
    code = code_of(world)
    world.fault("token-unavailable", times=1)
    assert problem_of(lambda: world.services.sign_in.exchange(code, VERIFIER)) == "no_answer"


def test_every_request_takes_a_slot_of_the_limits(world: World) -> None:
    usage = DocumentTable(world.limits, Usage)

    def calls(limit: str) -> int:
        found = usage.get(Key(world.client_id, limit))
        return found.value.calls if found else 0

    tokens = signed_in(world)
    assert (calls(TOKEN.name), calls(API.name)) == (1, 0)
    world.services.sign_in.account_of(tokens)
    world.services.sign_in.privileges(tokens)
    assert (calls(TOKEN.name), calls(API.name)) == (1, 2)


def test_a_used_up_day_is_said_to_be_so_and_nothing_is_asked(world: World) -> None:
    tokens = signed_in(world)
    before = world.statistics()["requests"]
    usage = Usage(day=f"{world.clock.now():%Y-%m-%d}", calls=9_900)
    DocumentTable(world.limits, Usage).insert(Key(world.client_id, API.name), usage)
    assert problem_of(lambda: world.services.sign_in.account_of(tokens)) == "busy"
    assert world.statistics()["requests"] == before


class NoClientSecret(Secrets):
    def get(self, name: str) -> str | None:
        return None if name == CLIENT_SECRET_NAME else super().get(name)


class Answers:
    """Takes the place of what `requests` sends: answers as it is told, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.status, self.body = 200, b""
        self.asked: list[requests.PreparedRequest] = []
        self.sent_with: list[dict[str, object]] = []
        monkeypatch.setattr(requests.Session, "send", lambda _, request, **options: self._answer(request, options))

    def _answer(self, request: requests.PreparedRequest, options: dict[str, object]) -> requests.Response:
        self.asked.append(request)
        self.sent_with.append(options)
        answer = requests.Response()
        answer.status_code, answer.request = self.status, request
        answer.headers["Location"] = "https://elsewhere.example.com/"
        answer.raw = HTTPResponse(io.BytesIO(self.body), preload_content=False)
        return answer


@pytest.fixture
def public(world: World) -> SignIn:
    """The sign-in of an app without a secret; it asks nothing but Constant Contact."""
    limiter = world.services.sign_in._limiter
    secrets = NoClientSecret(world.settings)
    return SignIn(world.settings, secrets, limiter, now=world.clock.now)


def test_an_app_without_a_secret_names_itself_in_the_form(
    world: World, public: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(public._limiter), "take", lambda *_: None)
    answers = Answers(monkeypatch)
    answers.body = b'{"access_token": "a", "refresh_token": "r"}'
    public.exchange("the-code", VERIFIER)
    asked = answers.asked[0]
    assert "Authorization" not in asked.headers
    assert parse_qs(str(asked.body)) == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "redirect_uri": ["https://localhost/connections/callback"],
        "client_id": [world.client_id],
        "code_verifier": [VERIFIER],
    }
    assert answers.sent_with[0]["timeout"] == (5, 20)


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (302, b"", "no_answer"),
        (400, b'{"error": "invalid_grant"}', "code_refused"),
        (400, b'{"errorCode": "E0000021", "errorSummary": "no"}', "no_answer"),
        (401, b'{"error": "invalid_client"}', "app_refused"),
        (403, b"", "not_allowed"),
        (429, b"", "busy"),
        (500, b"<html>", "no_answer"),
        (200, b"", "no_answer"),
        (200, b"[]", "no_answer"),
        (200, b'{"error": "invalid_scope"}', "no_answer"),
        (200, b'{"access_token": "a", "refresh_token": 7}', "no_answer"),
        (200, b'{"access_token": "two words"}', "no_answer"),
        (200, b'{"access_token": "a", "expires_in": "soon"}', "no_answer"),
        (200, b"[" * 100_000, "no_answer"),
    ],
)
def test_every_answer_of_the_token_endpoint_has_a_problem_in_words(
    public: SignIn, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, problem: str
) -> None:
    monkeypatch.setattr(type(public._limiter), "take", lambda *_: None)
    answers = Answers(monkeypatch)
    answers.status, answers.body = status, body
    assert problem_of(lambda: public.exchange("code", VERIFIER)) == problem
    assert len(answers.asked) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"encoded_account_id": ""}', b'{"encoded_account_id": "a b"}', b'{"encoded_account_id": 7}'],
)
def test_an_answer_without_an_account_is_none(public: SignIn, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(type(public._limiter), "take", lambda *_: None)
    answers = Answers(monkeypatch)
    answers.body = body
    assert problem_of(lambda: public.account_of(TokenSet())) == "no_answer"


def test_a_name_of_an_account_is_made_fit_to_be_shown(public: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(public._limiter), "take", lambda *_: None)
    answers = Answers(monkeypatch)
    answers.body = b'{"encoded_account_id": "a1", "organization_name": " Shop\\n\\u202e of  Ana "}'
    assert public.account_of(TokenSet()).name == "Shop of Ana"
    answers.body = b'{"encoded_account_id": "a1", "organization_name": null}'
    assert public.account_of(TokenSet()).name == "a1"


def test_nothing_of_a_sign_in_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    code = code_of(world)
    tokens = world.services.sign_in.exchange(code, VERIFIER)
    world.services.sign_in.account_of(tokens)
    assert tokens.access_token
    assert tokens.refresh_token
    for secret in (VERIFIER, "local-secret", tokens.access_token.get_secret_value()):
        assert secret not in caplog.text
    assert tokens.refresh_token.get_secret_value() not in caplog.text
