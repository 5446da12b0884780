import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from local.constant_contact.clock import SECONDS_A_DAY
from local.constant_contact.configuration import Configuration
from local.constant_contact.oauth.token_endpoint import TOKEN_PATH
from local.constant_contact.server import Simulator, running_simulator
from tests.local.constant_contact.client import TIMEOUT_SECONDS, Client, client_of, stop_clock
from tests.local.constant_contact.oauth.test_authorize_page import CALLBACK, decide

BASIC = ("local-client", "local-secret")
VERIFIER = "v" * 43
PKCE = {
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("="),
    "code_challenge_method": "S256",
}


def code_of(simulator: Simulator, **changes: str) -> str:
    location = decide(simulator, **changes).headers["Location"]
    return parse_qs(urlsplit(location).query)["code"][0]


def ask(simulator: Simulator, auth: tuple[str, str] | None = BASIC, **form: str) -> requests.Response:
    """A token request, a second of simulated time after the one before."""
    simulator.state.advance_clock(1.0)
    return requests.post(simulator.url + TOKEN_PATH, data=form, auth=auth, timeout=TIMEOUT_SECONDS)


def redeem(simulator: Simulator, code: str, auth: tuple[str, str] | None = BASIC, **form: str) -> requests.Response:
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **form}
    return ask(simulator, auth, **asked)


def refresh(simulator: Simulator, token: str, auth: tuple[str, str] | None = BASIC, **form: str) -> requests.Response:
    return ask(simulator, auth, grant_type="refresh_token", refresh_token=token, **form)


def tokens_of(simulator: Simulator) -> dict[str, Any]:
    response = redeem(simulator, code_of(simulator))
    assert response.status_code == 200, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


def assert_invalid_grant(response: requests.Response) -> None:
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_grant"


def test_a_code_becomes_tokens_for_24_hours(simulator: Simulator) -> None:
    tokens = tokens_of(simulator)
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 86_400)
    assert tokens["scope"] == "contact_data offline_access"
    assert len(tokens["refresh_token"]) == 42


def test_the_access_token_has_the_shape_of_a_jwt(simulator: Simulator) -> None:
    token = tokens_of(simulator)["access_token"]
    _header, claims, _signature = token.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert decoded["aud"] == "https://api.cc.email/v3"
    assert decoded["scp"] == ["contact_data", "offline_access"]
    assert decoded["exp"] - decoded["iat"] == 86_400
    assert 900 <= len(token) <= 1_200


def test_parameters_may_come_in_the_query_string(simulator: Simulator) -> None:
    query = {"grant_type": "authorization_code", "code": code_of(simulator), "redirect_uri": CALLBACK}
    response = requests.post(simulator.url + TOKEN_PATH, params=query, auth=BASIC, timeout=TIMEOUT_SECONDS)
    assert response.status_code == 200


def test_the_access_token_opens_the_api_for_24_hours(simulator: Simulator) -> None:
    client = Client(simulator, tokens_of(simulator)["access_token"])
    simulator.state.advance_clock(86_390)
    assert client.get("/v3/contact_lists").status_code == 200
    simulator.state.advance_clock(10)
    expired = client.get("/v3/contact_lists")
    assert expired.status_code == 401
    assert expired.json() == {"error_key": "unauthorized", "error_message": "Unauthorized"}


def test_a_code_is_single_use(simulator: Simulator) -> None:
    code = code_of(simulator)
    assert redeem(simulator, code).status_code == 200
    assert_invalid_grant(redeem(simulator, code))


def test_a_code_expires_after_five_minutes(simulator: Simulator) -> None:
    code, late = code_of(simulator), code_of(simulator)
    simulator.state.advance_clock(297)
    assert redeem(simulator, code).status_code == 200
    simulator.state.advance_clock(3)
    assert_invalid_grant(redeem(simulator, late))


def test_a_code_is_bound_to_its_redirect_uri(simulator: Simulator) -> None:
    assert_invalid_grant(redeem(simulator, code_of(simulator), redirect_uri=CALLBACK + "/"))


def test_a_code_is_bound_to_its_app(client: Client) -> None:
    client.control("POST", "apps", {"client_id": "other", "client_secret": "s"})
    assert_invalid_grant(redeem(client.simulator, code_of(client.simulator), ("other", "s")))


def test_without_offline_access_there_is_no_refresh_token_and_no_error(simulator: Simulator) -> None:
    response = redeem(simulator, code_of(simulator, scope="contact_data"))
    assert response.status_code == 200
    assert "refresh_token" not in response.json()


def test_a_public_app_sends_its_client_id_and_the_verifier(client: Client) -> None:
    client.control("POST", "apps", {"client_id": "public"})
    simulator = client.simulator
    code = code_of(simulator, client_id="public", **PKCE)
    response = redeem(simulator, code, None, client_id="public", code_verifier=VERIFIER)
    assert response.status_code == 200
    assert refresh(simulator, response.json()["refresh_token"], None, client_id="public").status_code == 200


@pytest.mark.parametrize("form", [{}, {"code_verifier": "w" * 43}])
def test_a_code_with_a_challenge_needs_the_right_verifier(simulator: Simulator, form: dict[str, str]) -> None:
    assert_invalid_grant(redeem(simulator, code_of(simulator, **PKCE), BASIC, **form))


@pytest.mark.parametrize("auth", [None, ("local-client", "wrong"), ("local-client", ""), ("nobody", "local-secret")])
def test_wrong_credentials_are_answered_401_invalid_client(simulator: Simulator, auth: tuple[str, str] | None) -> None:
    response = redeem(simulator, code_of(simulator), auth, client_id="local-client")
    assert response.status_code == 401
    assert response.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
    ],
)
def test_an_incomplete_request_is_answered_400(simulator: Simulator, form: dict[str, str], error: str) -> None:
    response = ask(simulator, BASIC, **form)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_a_rotating_refresh_token_is_single_use(simulator: Simulator) -> None:
    first = tokens_of(simulator)["refresh_token"]
    second = refresh(simulator, first).json()["refresh_token"]
    assert second != first
    reused = refresh(simulator, first)
    assert_invalid_grant(reused)
    assert reused.json()["error_description"] == "The refresh token is invalid or expired."
    assert refresh(simulator, second).status_code == 200


def test_access_tokens_outlive_the_rotation(simulator: Simulator) -> None:
    tokens = tokens_of(simulator)
    refresh(simulator, tokens["refresh_token"])
    assert Client(simulator, tokens["access_token"]).get("/v3/contact_lists").status_code == 200


def test_rotation_leaves_other_consents_alone(simulator: Simulator) -> None:
    one, other = tokens_of(simulator), tokens_of(simulator)
    refresh(simulator, one["refresh_token"])
    assert refresh(simulator, other["refresh_token"]).status_code == 200


def test_a_long_lived_refresh_token_comes_back_as_it_is(client: Client) -> None:
    app = {"client_id": "local-client", "client_secret": "local-secret", "refresh_tokens": "long_lived"}
    client.control("POST", "apps", app)
    token = tokens_of(client.simulator)["refresh_token"]
    for _ in range(3):
        assert refresh(client.simulator, token).json()["refresh_token"] == token


def test_a_refresh_token_dies_after_180_days_without_use(client: Client) -> None:
    app = {"client_id": "local-client", "client_secret": "local-secret", "refresh_tokens": "long_lived"}
    client.control("POST", "apps", app)
    simulator = client.simulator
    token = tokens_of(simulator)["refresh_token"]
    for _ in range(2):
        simulator.state.advance_clock(179 * SECONDS_A_DAY)
        assert refresh(simulator, token).status_code == 200
    simulator.state.advance_clock(180 * SECONDS_A_DAY)
    assert_invalid_grant(refresh(simulator, token))


def test_a_refresh_token_is_bound_to_its_app(client: Client) -> None:
    client.control("POST", "apps", {"client_id": "other", "client_secret": "s"})
    assert_invalid_grant(refresh(client.simulator, tokens_of(client.simulator)["refresh_token"], ("other", "s")))


def test_the_second_token_request_in_a_second_is_throttled(simulator: Simulator) -> None:
    stop_clock(simulator)
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    answers = [
        requests.post(simulator.url + TOKEN_PATH, data=form, auth=BASIC, timeout=TIMEOUT_SECONDS).status_code
        for _ in range(2)
    ]
    assert answers == [400, 429]


def test_refused_tokens_can_be_told_in_the_form_of_the_identity_product() -> None:
    with running_simulator(Configuration(token_error_form="okta")) as simulator:
        body = refresh(simulator, "x").json()
        assert body == {"errorCode": "E0000021", "errorSummary": "The refresh token is invalid or expired."}


def test_an_unavailable_token_endpoint_answers_503_as_often_as_armed(client: Client) -> None:
    simulator = client.simulator
    token = tokens_of(simulator)["refresh_token"]
    client.arm("token-unavailable", times=1)
    assert refresh(simulator, token).status_code == 503
    assert refresh(simulator, token).status_code == 200


def test_an_invalid_grant_can_be_forced(client: Client) -> None:
    simulator = client.simulator
    token = tokens_of(simulator)["refresh_token"]
    client.arm("invalid-grant", times=1)
    assert_invalid_grant(refresh(simulator, token))
    assert refresh(simulator, token).status_code == 200


def test_a_lost_refresh_answer_uses_the_refresh_token_up(client: Client) -> None:
    simulator = client.simulator
    client.arm("refresh-answer-lost", times=1)
    token = tokens_of(simulator)["refresh_token"]
    with pytest.raises(requests.ConnectionError):
        refresh(simulator, token)
    assert_invalid_grant(refresh(simulator, token))


def test_refreshes_are_counted(simulator: Simulator) -> None:
    token = tokens_of(simulator)["refresh_token"]
    refresh(simulator, token)
    refresh(simulator, token)
    statistics = client_of(simulator).statistics()
    assert statistics["token_refreshes"] == 1
    assert statistics["requests"][f"POST {TOKEN_PATH}"] == {"200": 2, "400": 1}
