"""Exports as JSON: what can be made and read, and what a wrong request is told."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from shared.audit import month_of
from tests.exporters.world import World

LIST = "5f2c8a10-56dd-11e9-932a-fa163ea075fa"


def export(world: World, **changes: object) -> dict[str, object]:
    return {
        "name": "Newsletter",
        "connection_id": world.connection.id,
        "list_id": LIST,
        "segments": ["Loyal"],
        "mapping": {"email": "EMail"},
        **changes,
    }


def test_an_export_is_made_read_and_listed(world: World, client: TestClient) -> None:
    made = client.post("/api/exports", json=export(world))
    assert made.status_code == 201
    assert client.get(f"/api/exports/{made.json()['id']}").json() == made.json()
    assert client.get("/api/exports").json()["exports"] == [made.json()]


def test_a_list_may_be_given_by_the_web_address_of_its_page(world: World, client: TestClient) -> None:
    address = f"https://app.constantcontact.com/pages/contacts/ui#contacts/{LIST.upper()}"
    assert client.post("/api/exports", json=export(world, list_id=address)).json()["list_id"] == LIST


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mapping": {"first_name": "Name"}}, "e-mail"),
        ({"mapping": {"email": "EMail", "shoe_size": "Size"}}, "shoe_size"),
        ({"segments": []}, "segments"),
        ({"segments": ["Loyal", "Loyal"]}, "twice"),
        ({"list_id": "Newsletter"}, "list_id"),
        ({"name": "  "}, "name"),
        ({"connection_id": "nobody"}, "“nobody”"),
        ({"schedule": "sometimes"}, "schedule"),
        ({"colour": "blue"}, "colour"),
        ({"reading": {"delimiter": '"'}}, "delimiter"),
    ],
)
def test_what_is_wrong_with_an_export_is_said(
    world: World, client: TestClient, changes: dict[str, object], said: str
) -> None:
    answer = client.post("/api/exports", json=export(world, **changes))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert client.get("/api/exports").json()["exports"] == []


def test_a_body_that_is_not_json_is_said_to_be_none(client: TestClient) -> None:
    answer = client.post("/api/exports", content=b'{"name": ', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The body of the request is not JSON."


def test_an_error_never_repeats_what_was_sent(world: World, client: TestClient) -> None:
    answer = client.post("/api/exports", json=export(world, list_id="ana@example.com"))
    assert "example.com" not in answer.text


@pytest.mark.parametrize("path", ["connections/none", "exports/none", "exports/none/runs", "nothing/here"])
def test_what_is_not_there_is_a_problem_in_words(client: TestClient, path: str) -> None:
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_an_export_that_was_made_is_in_the_audit_log(world: World, client: TestClient) -> None:
    made = client.post("/api/exports", json=export(world))
    assert made.headers["Location"] == f"/api/exports/{made.json()['id']}"
    [entry] = world.services.audit.month(month_of(world.clock.now()))
    assert (entry.action, entry.subject, entry.by) == ("added", "export", "function key")
    assert entry.after == {
        "name": "Newsletter",
        "connection": "Shop",
        "list_id": LIST,
        "segments": "Loyal",
        "mapping": "email ← EMail",
        "schedule": "every_refresh",
    }
