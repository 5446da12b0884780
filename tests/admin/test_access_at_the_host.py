"""Who may do what, asked from outside: through the function host and the sign-in in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from local.sign_in import COOKIE, LOGIN_PATH, PEOPLE
from local.stand import Stand
from tests.admin.asking import EVERYBODY, NO_ROLE, SIGNED_OUT, Who, principal

# Behind functions of their own, which a function key opens: the platform asks for it before the app is asked.
KEYED = [
    ("GET", "/api/connections"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/nothing"),
    ("GET", "/api"),
    ("POST", "/api/exports/none/runs"),
    ("GET", "/api/exports/none/runs/none"),
]


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand() as running:
        yield running


def browser(stand: Stand, who: Who) -> requests.Session:
    """A browser in which they have signed in."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Origin"] = stand.site_url
    if who != SIGNED_OUT:
        key = next(one.key for one in PEOPLE if (one.role or NO_ROLE) == who)
        session.post(stand.site_url + LOGIN_PATH, data={"person": key}, allow_redirects=False, timeout=10)
        assert COOKIE in session.cookies
    return session


def status(session: requests.Session, stand: Stand, method: str, path: str, **more: object) -> int:
    answer = session.request(method, stand.site_url + path, allow_redirects=False, timeout=30, **more)  # type: ignore[arg-type]
    return answer.status_code


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/connections", [401, 403, 403, 200, 200]),
        ("/audit", [401, 403, 403, 403, 200]),
        ("/nothing", [404, 404, 404, 404, 404]),
    ],
)
def test_a_page_is_for_those_whose_role_allows_it(path: str, expected: list[int], stand: Stand) -> None:
    assert [status(browser(stand, who), stand, "GET", path) for who in EVERYBODY] == expected


@pytest.mark.parametrize(("method", "path"), KEYED)
def test_without_a_function_key_nobody_reaches_the_api_whoever_they_are(method: str, path: str, stand: Stand) -> None:
    assert {status(browser(stand, who), stand, method, path) for who in EVERYBODY} == {401}


def test_with_a_function_key_the_role_of_whoever_is_signed_in_counts(stand: Stand) -> None:
    key = {"x-functions-key": stand.keys.default}

    def found(path: str) -> list[int]:
        return [status(browser(stand, who), stand, "GET", path, headers=key) for who in EVERYBODY]

    assert found("/api/audit") == [200, 403, 403, 403, 200]
    assert found("/api/connections") == [200, 403, 403, 200, 200]
    assert found("/api/exports") == [200, 403, 200, 200, 200]


@pytest.mark.parametrize("who", [SIGNED_OUT, "Contributor"])
def test_headers_that_somebody_made_up_make_nobody_an_administrator(who: Who, stand: Stand) -> None:
    forged = principal("Administrator")
    honest = status(browser(stand, who), stand, "GET", "/audit")

    assert status(browser(stand, who), stand, "GET", "/audit", headers=forged) == honest != 200


def test_a_system_key_and_a_wrong_key_open_nothing(stand: Stand) -> None:
    for key in (stand.keys.blobs_extension, "wrong", ""):
        headers = {"x-functions-key": key}
        assert status(browser(stand, "Administrator"), stand, "GET", "/api/connections", headers=headers) == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_form_that_another_site_sent_does_nothing(origin: str, stand: Stand) -> None:
    before = stand.app.connections()
    form = {"display_name": "Shop", "sharing": "administrators", "consent": "yes"}
    sent = status(
        browser(stand, "Administrator"), stand, "POST", "/connections/add", data=form, headers={"Origin": origin}
    )

    assert (sent, stand.app.connections()) == (403, before)


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_no_address_of_the_site_leads_to_another_one(address: str, stand: Stand) -> None:
    session = browser(stand, "Administrator")
    asked = [
        session.get(f"{stand.site_url}{LOGIN_PATH}", params={"post_login_redirect_uri": address}, timeout=10),
        session.post(
            f"{stand.site_url}{LOGIN_PATH}",
            params={"post_login_redirect_uri": address},
            data={"person": "ada"},
            allow_redirects=False,
            timeout=10,
        ),
        session.post(
            f"{stand.site_url}/language", data={"lang": "it", "back": address}, allow_redirects=False, timeout=10
        ),
    ]

    assert [answer.headers.get("location") for answer in asked] == [None, "/", "/"]
    assert all("evil" not in answer.text for answer in asked)


def test_the_cookies_of_the_pages_are_read_by_no_script_and_sent_by_no_other_site(stand: Stand) -> None:
    session = browser(stand, "Administrator")
    form = {"display_name": "Shop", "sharing": "administrators", "consent": "yes"}
    answers = [
        session.post(f"{stand.site_url}/language", data={"lang": "it"}, allow_redirects=False, timeout=10),
        session.post(f"{stand.site_url}/connections/add", data=form, allow_redirects=False, timeout=10),
    ]

    for answer in answers:
        assert answer.status_code == 303
        attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= attributes


def test_where_the_platform_signs_nobody_in_the_pages_believe_no_header() -> None:
    with Stand(settings={"WEBSITE_AUTH_ENABLED": "False"}) as stand:
        session = browser(stand, SIGNED_OUT)
        asked = [status(session, stand, "GET", path, headers=principal("Administrator")) for path in ("/", "/audit")]

    assert asked == [401, 401]
