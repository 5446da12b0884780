"""The JSON API: what can be made and read, and what a wrong request is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from admin.site import make_site
from tests.exporters.world import World

LIST = "5f2c8a10-56dd-11e9-932a-fa163ea075fa"


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with TestClient(make_site(lambda: world.services)) as client:
        yield client


def export(world: World, **changes: object) -> dict[str, object]:
    return {
        "name": "Newsletter",
        "connection_id": world.connection.id,
        "list_id": LIST,
        "segments": ["Loyal"],
        "mapping": {"email": "EMail"},
        **changes,
    }


def test_a_connection_is_made_read_and_listed(client: TestClient) -> None:
    made = client.post("/api/connections", json={"display_name": " Shop ", "consent": True})
    assert made.status_code == 201
    connection = made.json()
    assert connection["display_name"] == "Shop"
    assert connection["consent"]["version"] == "1"
    assert connection["secret_name"] == f"connection-{connection['id']}"
    assert client.get(f"/api/connections/{connection['id']}").json() == connection
    assert connection in client.get("/api/connections").json()["connections"]


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


def test_the_runs_of_an_export_are_listed_newest_first_with_their_counts(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "no address,Bo"])
    made = world.add_export("Loyal")
    first, second = world.run_to_end(made), world.run_to_end(made)
    runs = client.get(f"/api/exports/{made.id}/runs").json()["runs"]
    assert [run["run_id"] for run in runs] == [second.run_id, first.run_id]
    counts = runs[0]["counts"]
    assert counts["read"] == counts["sent"] + counts["duplicates"] + counts["rejected"] == 2
    assert [batch["state"] for batch in runs[0]["batches"]] == ["completed"]


def test_rejected_rows_come_page_by_page(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "one,1", "two,2", "three,3"])
    run = world.run_to_end(world.add_export("Loyal"))
    address = f"/api/exports/{run.export_id}/runs/{run.run_id}/rejected-rows"
    first = client.get(address, params={"limit": 2}).json()
    assert [row["line"] for row in first["rejected_rows"]] == [3, 4]
    rest = client.get(address, params={"limit": 2, "offset": first["next"]}).json()
    assert [row["line"] for row in rest["rejected_rows"]] == [5]
    assert rest["next"] is None
