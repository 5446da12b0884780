"""HTTP functions: routes, keys, what goes in and what comes out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.azurite import Azurite
from tests.local.host.running import APPS, RunningHost, running_host


@pytest.fixture(scope="module")
def host(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    app = shutil.copytree(APPS / "web", tmp_path_factory.mktemp("web") / "app")
    (app / "local.settings.json").write_text(json.dumps({"Values": {"FROM_FILE": "file", "FROM_BOTH": "file"}}))
    settings = {"FROM_BOTH": "environment", "AzureWebJobs.switched_off.Disabled": "true"}
    with running_host(app, app.with_name("log"), azurite.connection_string, settings) as running:
        yield running


def site(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[RunningHost]:
    log = tmp_path_factory.mktemp("site") / "log"
    with running_host(APPS / "site", log, azurite.connection_string, {"NAME_OF_SITE": name}) as running:
        yield running


@pytest.fixture(scope="module")
def site_named_first(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    yield from site(azurite, tmp_path_factory, "http_app_func")


@pytest.fixture(scope="module")
def site_named_last(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    yield from site(azurite, tmp_path_factory, "zz_site")


def test_a_catch_all_whose_name_sorts_first_swallows_the_routes_of_functions_named_later(
    site_named_first: RunningHost,
) -> None:
    assert site_named_first.post("/machine").text == "site POST /machine"


def test_a_catch_all_whose_name_sorts_last_leaves_other_routes_alone(site_named_last: RunningHost) -> None:
    assert site_named_last.post("/machine").text == "machine"


def test_a_request_with_another_method_goes_on_to_the_next_matching_route(site_named_last: RunningHost) -> None:
    assert site_named_last.get("/machine").text == "site GET /machine"


def test_a_site_with_an_empty_prefix_serves_the_root_and_percent_encoded_paths(site_named_last: RunningHost) -> None:
    assert site_named_last.get("/").text == "site GET /"
    assert site_named_last.get("/a%20b/%C8%99?x=1").text == "site GET /a b/ș"


def test_every_cookie_of_a_site_comes_back_as_it_was_set(site_named_last: RunningHost) -> None:
    assert site_named_last.get("/cookies").raw.headers.getlist("set-cookie") == [
        "__Host-state=a.b-c_d; max-age=60; path=/; secure; samesite=lax; httponly",
        "language=it; path=/; samesite=strict",
        "gone=; expires=Thu, 01 Jan 2026 00:00:00 GMT; max-age=0; path=/",
    ]


def test_a_site_sees_the_cookies_of_a_browser(site_named_last: RunningHost) -> None:
    assert "a=1; b=2" in site_named_last.get("/cookies", {"Cookie": "a=1; b=2"}).text


def test_without_authentication_the_host_leaves_the_platform_s_headers_as_they_come(host: RunningHost) -> None:
    assert host.get("/v1/echo/a/b", {"X-MS-CLIENT-PRINCIPAL": "forged"}).json()["headers"]["x-ms-client-principal"]
    assert host.get("/.auth/me").status_code == 404


def test_with_authentication_the_host_removes_them_and_people_can_sign_in(azurite: Azurite, tmp_path: Path) -> None:
    settings = {"WEBSITE_AUTH_ENABLED": "True", "FROM_BOTH": "x"}
    with running_host(APPS / "web", tmp_path / "log", azurite.connection_string, settings) as host:
        signed_out = host.get("/v1/echo/a/b", {"X-MS-CLIENT-PRINCIPAL": "forged", "X-Other": "kept"}).json()["headers"]
        with requests.Session() as browser:
            browser.post(f"{host.url}/.auth/login/aad", data={"person": "ada"}, timeout=10)
            signed_in = browser.get(f"{host.url}/v1/echo/a/b", timeout=10).json()["headers"]

    assert "x-ms-client-principal" not in signed_out
    assert signed_out["x-other"] == "kept"
    assert signed_in["x-ms-client-principal-name"] == "ada@example.com"


def test_a_site_never_sees_the_host_s_own_addresses(site_named_last: RunningHost) -> None:
    assert site_named_last.get("/admin/anything").status_code == 404
    assert site_named_last.post("/runtime/webhooks/unknown").status_code == 404


def test_the_prefix_of_host_json_stands_before_every_route_and_case_does_not_matter(host: RunningHost) -> None:
    assert host.get("/V1/NO_ROUTE").text == "default route"
    assert host.get("/api/no_route").status_code == 404


def test_a_constraint_sends_other_values_to_the_next_route(host: RunningHost) -> None:
    assert host.get("/v1/things/12").text == "thing 12"
    assert host.get("/v1/things/twelve").text == "named twelve"


def test_a_wrong_method_is_not_found(host: RunningHost) -> None:
    assert host.post("/v1/things/12").status_code == 404


def test_headers_are_lower_case_and_several_values_are_joined_by_commas(host: RunningHost) -> None:
    response = requests.get(f"{host.url}/v1/echo/a/b", headers={"X-Mixed-Case": "1"}, timeout=10)

    assert response.json()["headers"]["x-mixed-case"] == "1"
    assert host.get("/v1/echo/a/b?x=1&x=2").json()["params"] == {"x": "1,2"}


def test_empty_query_values_are_dropped_and_code_is_passed_on(host: RunningHost) -> None:
    assert host.get("/v1/echo/a/b?empty=&code=c").json()["params"] == {"code": "c"}


def test_route_values_are_decoded_and_a_catch_all_takes_the_rest(host: RunningHost) -> None:
    assert host.get("/v1/echo/a%20b/c/d%C8%9B").json()["route"] == {"kind": "a b", "rest": "c/dț"}


def test_the_function_sees_the_url_as_it_was_asked_for(host: RunningHost) -> None:
    assert host.get("/v1/echo/a%20b/c?x=%C8%9B").json()["url"] == f"{host.url}/v1/echo/a%20b/c?x=%C8%9B"


def test_a_body_with_a_length_reaches_the_function(host: RunningHost) -> None:
    assert host.post("/v1/echo/a/b", {"x": 1}).json()["body"] == '{"x": 1}'


def test_a_body_sent_in_chunks_does_not_reach_the_function(host: RunningHost) -> None:
    response = requests.post(f"{host.url}/v1/echo/a/b", data=iter([b"chunk"]), timeout=10)

    assert response.json()["body"] == ""


def test_status_headers_bytes_and_cookies_come_back(host: RunningHost) -> None:
    response = host.get("/v1/cookies")

    assert (response.status_code, response.content) == (201, b"\x00\xff")
    assert (response.headers["x-own"], response.headers["content-type"]) == ("yes", "application/octet-stream")
    assert response.raw.headers.getlist("set-cookie") == [
        "a=1; max-age=60; path=/x; secure; samesite=lax; httponly",
        "b=two%20words",
    ]


def test_an_uncaught_exception_is_an_empty_500_and_is_logged_with_its_reason(host: RunningHost) -> None:
    response = host.get("/v1/fails?secret=hidden")

    assert (response.status_code, response.content) == (500, b"")
    assert "outcome=failed" in host.wait_for("function=fails .*LookupError: the reason")[0]


def test_the_log_holds_neither_query_strings_nor_keys(host: RunningHost) -> None:
    host.get(f"/v1/keyed?code={host.keys.default}")
    host.get("/v1/keyed?code=wrong-key-in-query")
    host.wait_for("function=keyed .*outcome=succeeded")
    host.wait_for("function=keyed refused")

    assert host.keys.default not in host.text
    assert "wrong-key-in-query" not in host.text


def test_a_function_key_is_needed_and_its_absence_is_an_empty_401(host: RunningHost) -> None:
    response = host.get("/v1/keyed")

    assert (response.status_code, response.content) == (401, b"")


def test_the_host_key_and_the_master_key_open_a_function(host: RunningHost) -> None:
    assert host.get("/v1/keyed", {"x-functions-key": host.keys.default}).text == "open"
    assert host.get(f"/v1/keyed?code={host.keys.master}").text == "open"


def test_a_function_s_own_key_opens_it_and_no_other(host: RunningHost) -> None:
    own = host.function_key("keyed")

    assert host.get("/v1/keyed", own).text == "open"
    assert host.get("/v1/other-keyed", own).status_code == 401


def test_a_system_key_opens_no_function(host: RunningHost) -> None:
    assert host.get("/v1/keyed", {"x-functions-key": host.keys.blobs_extension}).status_code == 401


def test_the_header_wins_over_the_query(host: RunningHost) -> None:
    path = f"/v1/keyed?code={host.keys.default}"

    assert host.get(path, {"x-functions-key": "wrong"}).status_code == 401


def test_only_the_master_key_opens_an_admin_function(host: RunningHost) -> None:
    assert host.get("/v1/master-only", {"x-functions-key": host.keys.default}).status_code == 401
    assert host.get("/v1/master-only", {"x-functions-key": host.keys.master}).text == "open"


def test_a_disabled_function_exists_for_the_master_key_only(host: RunningHost) -> None:
    assert host.get("/v1/off").status_code == 404
    assert host.get("/v1/off", {"x-functions-key": host.keys.master}).text == "on after all"


def test_local_settings_fill_in_what_the_environment_lacks(host: RunningHost) -> None:
    assert host.get("/v1/settings").text == "file environment"


def test_an_app_that_blocks_its_loop_does_not_block_the_host(azurite: Azurite, tmp_path: Path) -> None:
    with running_host(APPS / "web", tmp_path / "log", azurite.connection_string) as host:
        with pytest.raises(requests.Timeout):
            requests.get(f"{host.url}/v1/block", timeout=0.5)
        host.wait_for("blocking the loop")

        assert requests.get(f"{host.url}/admin/host/ping", timeout=2).status_code == 200
