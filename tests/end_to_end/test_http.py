"""The app's HTTP triggers behind the host: keys, routes, and what a wrong call is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from local.stand import Stand
from shared.models import Schedule

LIST = "5f2c8a10-56dd-11e9-932a-fa163ea075fa"
ROUTES = [
    ("GET", "/api/connections"),
    ("POST", "/api/connections"),
    ("GET", "/api/connections/x"),
    ("GET", "/api/exports"),
    ("POST", "/api/exports"),
    ("GET", "/api/exports/x"),
    ("GET", "/api/exports/x/runs"),
    ("POST", "/api/exports/x/runs"),
    ("GET", "/api/exports/x/runs/y"),
    ("GET", "/api/exports/x/runs/y/rejected-rows"),
    ("GET", "/api/anything/else"),
]


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand() as stand:
        yield stand


@pytest.fixture(scope="module")
def export_id(stand: Stand) -> str:
    return stand.app.add_export(
        "Newsletter",
        stand.connect("Shop"),
        list_id=LIST,
        segments=["NotThere"],
        mapping={"email": "EMail"},
        schedule=Schedule(active=False),
    ).id


def call(stand: Stand, method: str, path: str, key: str | None = "", body: bytes | None = None) -> requests.Response:
    """A call with the function key, unless another one or None is given."""
    headers = {} if key is None else {"x-functions-key": key or stand.keys.default}
    return requests.request(method, stand.site_url + path, headers=headers, data=body, timeout=30)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("key", [None, "wrong"], ids=["no key", "a wrong key"])
def test_without_the_right_key_there_is_no_way_in(stand: Stand, method: str, path: str, key: str | None) -> None:
    answer = call(stand, method, path, key)
    assert (answer.status_code, answer.content) == (401, b"")


def test_the_key_of_the_blob_event_opens_nothing_else(stand: Stand) -> None:
    assert call(stand, "GET", "/api/exports", stand.keys.blobs_extension).status_code == 401


def test_an_unknown_export_is_named(stand: Stand) -> None:
    answer = call(stand, "POST", "/api/exports/nobody-made-this/runs")
    assert answer.status_code == 404
    assert "nobody-made-this" in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"nonsense", b'{"started_by": 7}', b'{"started_by": ""}', b"\xff\xfe"])
def test_a_malformed_body_starts_nothing_and_is_told(stand: Stand, export_id: str, body: bytes) -> None:
    answer = call(stand, "POST", f"/api/exports/{export_id}/runs", body=body)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["detail"]
    assert call(stand, "GET", f"/api/exports/{export_id}/runs").json()["runs"] == []


def test_a_start_is_accepted_and_says_where_to_ask(stand: Stand, export_id: str) -> None:
    answer = call(stand, "POST", f"/api/exports/{export_id}/runs", body=b'{"started_by": "the test"}')
    assert answer.status_code == 202
    where = answer.headers["Location"]
    assert where == f"/api/exports/{export_id}/runs/{answer.json()['run_id']}"
    # The run's own function answers here: the catch-all, named to come last, has no such route.
    record = call(stand, "GET", where).json()
    assert record["started_by"] == "the test"
    assert record["trigger"] == "http"


def test_an_unknown_run_is_named(stand: Stand, export_id: str) -> None:
    answer = call(stand, "GET", f"/api/exports/{export_id}/runs/20260101T000000000-abcdef")
    assert answer.status_code == 404
    assert "20260101T000000000-abcdef" in answer.json()["detail"]
