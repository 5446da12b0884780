import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from local.constant_contact.oauth.authorize_page import AUTHORIZE_PATH
from local.constant_contact.server import Simulator
from tests.local.constant_contact.client import TIMEOUT_SECONDS, Client

CALLBACK = "http://127.0.0.1:7071/connections/callback"
ASKED = {
    "client_id": "local-client",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "contact_data offline_access",
    "state": "s-1&2",
}
ALLOWED = {"user_id": "local-owner", "decision": "allow"}


def show(simulator: Simulator, **changes: str) -> requests.Response:
    asked = {**ASKED, **changes}
    url = simulator.url + AUTHORIZE_PATH
    return requests.get(url, params=asked, allow_redirects=False, timeout=TIMEOUT_SECONDS)


def decide(simulator: Simulator, **changes: str) -> requests.Response:
    sent = {**ASKED, **ALLOWED, **changes}
    url = simulator.url + AUTHORIZE_PATH
    return requests.post(url, data=sent, allow_redirects=False, timeout=TIMEOUT_SECONDS)


def answer_of(response: requests.Response) -> dict[str, str]:
    """The parameters of the redirect to the callback."""
    assert response.status_code == 303, response.text
    location = response.headers["Location"]
    assert location.partition("?")[0] == CALLBACK
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def test_the_page_names_the_app_its_scopes_and_the_users_to_choose_from(simulator: Simulator) -> None:
    page = show(simulator)
    assert page.status_code == 200
    for text in (
        "local-client",
        "contact_data",
        "offline_access",
        "owner@example.com",
        "campaign creator",
        "Allow",
        "Deny",
    ):
        assert text in page.text


def test_the_form_on_the_page_carries_the_request(simulator: Simulator) -> None:
    page = show(simulator)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
    assert hidden == {**ASKED, "state": "s-1&amp;2"}


def test_what_was_sent_is_escaped_on_the_page(simulator: Simulator) -> None:
    assert "<script>" not in show(simulator, state="<script>").text


def test_consent_leads_back_with_a_code_and_the_state(simulator: Simulator) -> None:
    answer = answer_of(decide(simulator))
    assert answer["state"] == ASKED["state"]
    assert len(answer["code"]) > 20


def test_refusal_leads_back_with_access_denied(simulator: Simulator) -> None:
    answer = answer_of(decide(simulator, decision="deny"))
    assert answer["error"] == "access_denied"
    assert answer["error_description"]
    assert answer["state"] == ASKED["state"]


def test_a_callback_with_a_query_keeps_it(simulator: Simulator) -> None:
    response = decide(simulator, redirect_uri=CALLBACK + "?from=cc")
    assert response.headers["Location"].startswith(CALLBACK + "?from=cc&code=")


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "",
        "https://127.0.0.1:7071/callback",
        "http://[",
        "http://example.com/callback",
        "http://127.0.0.1:80@example.com/callback",
        "http://user@127.0.0.1:7071/callback",
        "http://127.0.0.1.example.com/callback",
    ],
)
def test_an_address_elsewhere_is_not_redirected_to(simulator: Simulator, redirect_uri: str) -> None:
    for response in (show(simulator, redirect_uri=redirect_uri), decide(simulator, redirect_uri=redirect_uri)):
        assert response.status_code == 400
        assert "Location" not in response.headers


def test_a_registered_address_must_match_exactly(client: Client) -> None:
    registered = "https://exports.example.com/callback"
    client.control("POST", "apps", {"client_id": "strict", "redirect_uris": [registered], "client_secret": "s"})
    assert show(client.simulator, client_id="strict", redirect_uri=registered).status_code == 200
    for other in (registered + "/", registered + "?a=b", "http://exports.example.com/callback", CALLBACK):
        assert show(client.simulator, client_id="strict", redirect_uri=other).status_code == 400


def test_an_unknown_app_is_refused_on_a_page(simulator: Simulator) -> None:
    assert show(simulator, client_id="nobody").status_code == 400


def test_an_unknown_user_is_refused_on_a_page(simulator: Simulator) -> None:
    assert decide(simulator, user_id="nobody").status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"state": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "contact_data everything"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"code_challenge": "abc", "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "abc"}, "invalid_request"),
    ],
)
def test_a_wrong_request_leads_back_with_an_error(simulator: Simulator, changes: dict[str, str], error: str) -> None:
    assert answer_of(show(simulator, **changes))["error"] == error
    assert answer_of(decide(simulator, **changes))["error"] == error


def test_an_app_without_a_secret_must_use_pkce(client: Client) -> None:
    client.control("POST", "apps", {"client_id": "public"})
    assert answer_of(show(client.simulator, client_id="public"))["error"] == "invalid_request"
    challenge = {"code_challenge": "abc", "code_challenge_method": "S256"}
    assert show(client.simulator, client_id="public", **challenge).status_code == 200
