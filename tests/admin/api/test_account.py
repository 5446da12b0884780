"""What an export can be made from, as JSON: lists, custom fields, segments, a preview."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from local.constant_contact.state import LOCAL_LIST_ID
from tests.exporters.world import World


def pages(client: TestClient, path: str, name: str, limit: int) -> list[dict[str, Any]]:
    """The whole list, page by page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = client.get(path, params={"limit": limit} | ({"after": after} if after else {})).json()
        assert len(page[name]) <= limit
        found += page[name]
        after = page["next"]
        if after is None:
            return found


def test_lists_are_made_and_listed_by_name_with_their_members(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.run_to_end(world.add_export("Loyal"))
    address = f"/api/connections/{world.connection.id}/lists"
    made = [client.post(address, json={"name": name}) for name in ("zebra", "Antelope")]
    assert [one.status_code for one in made] == [201, 201]
    found = pages(client, address, "lists", 2)
    names = [one["name"] for one in found]
    assert names == sorted(names, key=str.casefold)
    assert {"zebra", "Antelope"} < set(names)
    client.get(address, params={"fresh": True})
    assert next(one for one in pages(client, address, "lists", 100) if one["id"] == LOCAL_LIST_ID)["members"] == 1


def test_a_list_of_the_same_name_is_not_made_again(world: World, client: TestClient) -> None:
    address = f"/api/connections/{world.connection.id}/lists"
    client.post(address, json={"name": "News"})
    assert client.post(address, json={"name": "News"}).status_code == 409


def test_the_lists_of_an_account_that_nobody_is_signed_in_to_are_an_error_in_words(
    world: World, client: TestClient
) -> None:
    connection = world.add_connection(token=False)
    answer = client.get(f"/api/connections/{connection.id}/lists")
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert "An administrator has to connect it" in answer.json()["detail"]


def test_segments_are_listed_with_what_is_known_of_them(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "bo@example.com,Bo"])
    world.write_snapshot("New", ["cy@example.com,Cy"])
    world.clock.advance(60)
    found = pages(client, "/api/segments", "segments", 1)
    assert [one["name"] for one in found] == ["Loyal", "New"]
    assert found[0]["profiles"] == 2
    assert found[0]["size_bytes"] > 0


def test_a_preview_counts_and_sends_nothing(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "ANA@example.com,Ana", "no address,Bo"])
    world.clock.advance(60)
    wanted = {"segments": ["Loyal"], "mapping": {"email": "EMail"}, "connection_id": world.connection.id}
    found = client.post("/api/previews", json=wanted).json()
    assert (found["read"], found["to_send"], found["duplicates"], found["rejected"]) == (3, 1, 1, 1)
    assert found["contacts"] == [{"email": "ana@example.com"}]
    assert [(one["code"], one["count"]) for one in found["reasons"]] == [("email_malformed", 1)]
    assert found["calls_left_today"] > 0
    assert found["problem"] is None
    assert (world.members(), world.queue.waiting, world.services.exports.all()) == ([], [], [])


def test_a_preview_of_what_cannot_run_says_why(world: World, client: TestClient) -> None:
    found = client.post("/api/previews", json={"segments": ["None"], "mapping": {"email": "EMail"}})
    assert found.status_code == 200
    assert "None" in found.json()["problem"]


def test_the_matching_of_columns_is_suggested(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(60)
    wanted = {"segments": ["Loyal"], "connection_id": world.connection.id}
    found = client.post("/api/suggestions", json=wanted).json()
    assert found["columns"] == ["EMail", "FirstName"]
    assert found["mapping"] == {"email": "EMail", "first_name": "FirstName"}
    assert found["problem"] is None


def test_where_nothing_can_be_suggested_it_is_said_why(client: TestClient) -> None:
    found = client.post("/api/suggestions", json={"segments": ["None"]}).json()
    assert (found["columns"], found["mapping"]) == ([], {})
    assert "None" in found["problem"]
