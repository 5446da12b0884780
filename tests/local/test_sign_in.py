"""The local sign-in: what Easy Auth does in front of an app, and nothing that somebody outside could use to pretend."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from local.sign_in import COOKIE, LOGIN_PATH, PEOPLE, SignIn
from shared.people import PRINCIPAL_HEADER, Person, person_of

ADDRESS = "http://127.0.0.1:1"
ELSEWHERE = [
    "https://example.com/",
    "//example.com/",
    "/\\example.com/",
    "\\\\example.com",
    "/\t/example.com",
    "javascript:alert(1)",
    "example.com",
    " //example.com",
    "/a\r\nSet-Cookie: a=1",
]


async def _seen(request: Request) -> Response:
    return JSONResponse(dict(request.headers))


def browser(key: str = "key") -> TestClient:
    """A browser with cookies of its own, in front of an app that answers with the headers that it was sent."""
    app = SignIn(Starlette(routes=[Route("/{path:path}", _seen)]), key)
    return TestClient(app, ADDRESS, follow_redirects=False)


def log_in(client: TestClient, who: str, query: str = "") -> Any:
    return client.post(f"{LOGIN_PATH}{query}", data={"person": who})


def seen(client: TestClient) -> Person | None:
    return person_of(Headers(client.get("/").json()), trusted=True)


@pytest.mark.parametrize("one", PEOPLE, ids=lambda one: one.key)
def test_whoever_signs_in_is_named_to_the_app_with_their_role(one: Any) -> None:
    client = browser()
    log_in(client, one.key)

    assert seen(client) == Person(id=one.object_id, name=one.name, role=one.role)
    headers = client.get("/").json()
    assert headers[f"{PRINCIPAL_HEADER.lower()}-id"] == one.object_id
    assert headers[f"{PRINCIPAL_HEADER.lower()}-name"] == one.user_name
    assert headers[f"{PRINCIPAL_HEADER.lower()}-idp"] == "aad"


def test_without_a_session_the_app_is_told_of_nobody() -> None:
    assert not [name for name in browser().get("/").json() if name.startswith("x-ms-")]


@pytest.mark.parametrize("signed_in", [False, True])
def test_the_headers_of_the_platform_are_removed_from_what_comes_from_outside(signed_in: bool) -> None:
    client = browser()
    if signed_in:
        log_in(client, "vera")
    forged = PEOPLE[0].headers() | {"X-MS-TOKEN-AAD-ID-TOKEN": "forged", "x-Ms-CLIENT-principal-id": "forged"}

    answer = client.get("/", headers=forged).json()

    assert "forged" not in answer.values()
    found = person_of(Headers(answer), trusted=True)
    assert (found and found.name) == ("Vera Viewer" if signed_in else None)


@pytest.mark.parametrize("cookie", ["", "ada", "ada.x.", "ada.x.0000", "...", "ada.x." + "0" * 64])
def test_a_session_that_was_made_up_is_none(cookie: str) -> None:
    client = browser()
    client.cookies.set(COOKIE, cookie)

    assert seen(client) is None


def test_a_session_of_one_person_cannot_be_changed_into_one_of_another() -> None:
    client = browser()
    log_in(client, "vera")
    session = client.cookies[COOKIE]
    client.cookies.clear()
    client.cookies.set(COOKIE, session.replace("vera", "ada"))

    assert seen(client) is None


def test_hosts_with_the_same_key_agree_on_a_session_and_others_do_not() -> None:
    first, second, stranger = browser(), browser(), browser("another key")
    log_in(first, "carlo")
    for other in (second, stranger):
        other.cookies.set(COOKIE, first.cookies[COOKIE])

    assert seen(second) == seen(first)
    assert seen(stranger) is None


def test_no_two_sessions_are_equal_and_no_script_can_read_them() -> None:
    cookies = [log_in(browser(), "ada").headers["set-cookie"] for _ in range(2)]

    assert cookies[0] != cookies[1]
    assert all("HttpOnly" in one and "SameSite=lax" in one and "Path=/" in one for one in cookies)


def test_one_is_led_back_to_where_one_came_from() -> None:
    client = browser()
    query = "?post_login_redirect_uri=%2Fconnections%3Fsort%3Dname"
    page = client.get(LOGIN_PATH + query).text

    assert "post_login_redirect_uri=%2Fconnections%3Fsort%3Dname" in page
    assert log_in(client, "ada", query).headers["location"] == "/connections?sort=name"


@pytest.mark.parametrize("address", ELSEWHERE)
def test_one_is_never_led_to_another_site(address: str) -> None:
    client = browser()

    shown = client.get(LOGIN_PATH, params={"post_login_redirect_uri": address})
    signed_in = client.post(LOGIN_PATH, params={"post_login_redirect_uri": address}, data={"person": "ada"})
    signed_out = client.get("/.auth/logout", params={"post_logout_redirect_uri": address})

    assert "example.com" not in shown.text
    assert signed_in.headers["location"] == signed_out.headers["location"] == "/"


def test_after_signing_out_the_session_is_gone() -> None:
    client = browser()
    log_in(client, "ada")
    client.get("/.auth/logout")

    assert seen(client) is None


def test_a_person_who_does_not_exist_cannot_sign_in() -> None:
    client = browser()

    assert log_in(client, "mallory").status_code == 400
    assert seen(client) is None


def test_the_signed_in_person_can_ask_who_they_are() -> None:
    client = browser()
    assert client.get("/.auth/me").status_code == 401
    log_in(client, "carlo")

    (told,) = client.get("/.auth/me").json()
    assert (told["provider_name"], told["user_id"]) == ("aad", "carlo@example.com")
    assert {"typ": "roles", "val": "Contributor"} in told["user_claims"]
