"""Connections as JSON: made, read, changed and removed, each change with the version that was read."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from admin import connections
from tests.admin.asking import api_as
from tests.admin.drafting import secrets_of
from tests.admin.exporting import share
from tests.exporters.world import World


def address(world: World) -> str:
    return f"/api/connections/{world.connection.id}"


def version(world: World, client: TestClient) -> dict[str, str]:
    return {"If-Match": client.get(address(world)).headers["ETag"]}


def problem(answer: Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["detail"]
    return body


def test_a_connection_is_made_read_and_listed(world: World, client: TestClient) -> None:
    made = client.post("/api/connections", json={"display_name": " Shop ", "consent": True, "export_user": "Ada"})
    assert made.status_code == 201
    connection = made.json()
    assert made.headers["Location"] == f"/api/connections/{connection['id']}"
    assert (connection["display_name"], connection["state"]) == ("Shop", "not_connected")
    assert connection["consent"]["version"] == "1"
    assert connection["consent"]["by"] == connection["created_by"] == "function key"
    assert connection["secret_name"] == f"connection-{connection['id']}"
    assert client.get(f"/api/connections/{connection['id']}").json() == connection
    assert connection in client.get("/api/connections").json()["connections"]
    [entry] = world.told()
    assert (entry.action, entry.by, entry.subject_id) == ("added", "function key", connection["id"])


def test_what_is_wrong_with_a_connection_is_said(client: TestClient) -> None:
    assert "display_name" in problem(client.post("/api/connections", json={"display_name": " "}), 422)["detail"]
    assert (
        "sharing" in problem(client.post("/api/connections", json={"display_name": "A", "sharing": "x"}), 422)["detail"]
    )
    assert "token" in problem(client.post("/api/connections", json={"display_name": "A", "token": "x"}), 422)["detail"]


def test_no_answer_holds_a_token(world: World, client: TestClient) -> None:
    secret = world.secrets.get(world.connection.secret_name) or ""
    tokens = world.give_tokens(world.connection)
    for answer in (client.get("/api/connections"), client.get(address(world))):
        assert secret not in answer.text
        assert tokens["access_token"] not in answer.text
        assert tokens["refresh_token"] not in answer.text


def test_a_version_has_an_etag_of_its_own(world: World, client: TestClient) -> None:
    first = client.get(address(world)).headers["ETag"]
    assert first == client.get(address(world)).headers["ETag"]
    assert first.startswith('"')
    changed = client.patch(address(world), json={"display_name": "Store"}, headers={"If-Match": first})
    assert changed.status_code == 200
    assert changed.headers["ETag"] == client.get(address(world)).headers["ETag"] != first


def test_a_change_keeps_what_it_leaves_out(world: World, client: TestClient) -> None:
    change = {"sharing": "administrators_and_contributors"}
    changed = client.patch(address(world), json=change, headers=version(world, client)).json()
    assert (changed["display_name"], changed["sharing"]) == ("Shop", "administrators_and_contributors")
    assert changed["updated_by"] == "function key"


def test_another_person_is_named_as_export_user_and_the_audit_log_says_so(world: World, client: TestClient) -> None:
    world.services.connections.change(
        world.connection.id, lambda one: one.model_copy(update={"export_user": "Ada", "export_user_id": "ada"})
    )
    changed = client.patch(address(world), json={"export_user": "Bo"}, headers=version(world, client)).json()
    assert changed["export_user"] == "Bo"
    assert world.services.connections.get(world.connection.id).export_user_id is None
    [entry] = world.told()
    assert (entry.before, entry.after) == ({"export_user": "Ada"}, {"export_user": "Bo"})


def test_a_change_without_a_version_is_refused(world: World, client: TestClient) -> None:
    assert "If-Match" in problem(client.patch(address(world), json={"display_name": "Store"}), 428)["detail"]
    assert "If-Match" in problem(client.delete(address(world)), 428)["detail"]
    assert world.services.connections.get(world.connection.id) == world.connection


def test_a_change_of_a_version_that_is_no_longer_there_is_refused(world: World, client: TestClient) -> None:
    old = version(world, client)
    client.patch(address(world), json={"display_name": "First"}, headers=old)
    problem(client.patch(address(world), json={"display_name": "Second"}, headers=old), 412)
    problem(client.delete(address(world), headers=old), 412)
    assert world.services.connections.get(world.connection.id).display_name == "First"


@pytest.mark.parametrize("given", ["*", '"other", {}', "{}"])
def test_any_of_the_versions_named_may_be_there(world: World, client: TestClient, given: str) -> None:
    headers = {"If-Match": given.format(version(world, client)["If-Match"])}
    assert client.patch(address(world), json={"display_name": "Store"}, headers=headers).status_code == 200


@pytest.mark.parametrize("given", ["", "other", 'W/"other"', "etag"])
def test_another_version_is_refused(world: World, client: TestClient, given: str) -> None:
    problem(client.patch(address(world), json={"display_name": "Store"}, headers={"If-Match": given}), 412)


def test_a_connection_is_removed_with_its_secret(world: World, client: TestClient) -> None:
    removed = client.delete(address(world), headers=version(world, client))
    assert (removed.status_code, removed.content) == (204, b"")
    problem(client.get(address(world)), 404)
    assert secrets_of(world, world.connection.id) == []


def test_while_exports_use_it_a_removal_is_refused_with_their_names(world: World, client: TestClient) -> None:
    export = world.add_export("Loyal")
    refused = problem(client.delete(address(world), headers=version(world, client)), 409)
    assert refused["exports"] == [{"id": export.id, "name": "Newsletter"}]
    assert "Newsletter" in refused["detail"]
    assert client.get(address(world)).json()["state"] == "not_connected"


def test_while_the_run_of_a_detached_export_goes_on_a_removal_is_refused(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    client.post(f"{address(world)}/detach", json={"export_ids": [export.id]})
    refused = problem(client.delete(address(world), headers=version(world, client)), 409)
    assert "runs still go through it: “Newsletter”" in refused["detail"]


def test_the_answer_to_a_change_is_what_was_changed_though_somebody_was_quick(
    world: World, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = version(world, client)
    change = connections.change

    def followed_at_once(*given: Any, **changed: Any) -> object:
        mine = change(*given, **changed)
        change(world.services, given[1], world.connection.id, display_name="Somebody else's")
        return mine

    monkeypatch.setattr(connections, "change", followed_at_once)
    answer = client.patch(address(world), json={"display_name": "Mine"}, headers=headers)
    assert answer.json()["display_name"] == "Mine"
    assert answer.headers["ETag"] != client.get(address(world)).headers["ETag"]


def test_the_exports_that_are_named_are_detached(world: World, client: TestClient) -> None:
    first, second = world.add_export("Loyal", name="A"), world.add_export("Loyal", name="B")
    named = client.post(f"{address(world)}/detach", json={"export_ids": [first.id]}).json()
    assert [(one["id"], one["connection_id"]) for one in named["exports"]] == [(first.id, None)]
    assert world.services.exports.get(second.id) == second
    assert client.post(f"{address(world)}/detach").status_code == 422


def test_exports_are_removed_unless_one_is_running(world: World, client: TestClient) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    named = {"export_ids": [export.id]}
    assert "“Newsletter”" in problem(client.post(f"{address(world)}/remove-exports", json=named), 409)["detail"]
    world.deliver()
    assert world.services.runs.get(export.id, run.run_id).ended
    other = problem(client.post(f"{address(world)}/remove-exports", json={"export_ids": []}), 409)
    assert "other exports use the connection by now: “Newsletter”" in other["detail"]
    removed = client.post(f"{address(world)}/remove-exports", json=named).json()
    assert [one["id"] for one in removed["exports"]] == [export.id]
    problem(client.get(f"/api/exports/{export.id}"), 404)


def test_a_vault_that_does_not_answer_is_a_503_in_words(world: World, client: TestClient) -> None:
    headers = version(world, client)
    world.vault_fault(status=500, times=50)
    assert "Key Vault" in problem(client.delete(address(world), headers=headers), 503)["detail"]
    world.clear_faults()


def test_what_is_not_there_is_said_to_be_so(client: TestClient) -> None:
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/detach"), ("POST", "/remove-exports")):
        body = {"PATCH": {"display_name": "Store"}, "POST": {"export_ids": []}}.get(method)
        problem(client.request(method, f"/api/connections/nobody{path}", json=body, headers={"If-Match": "*"}), 404)


@pytest.mark.parametrize("nobody", ["", "  "])
def test_an_export_user_is_somebody(client: TestClient, nobody: str) -> None:
    answer = client.post("/api/connections", json={"display_name": "Shop", "consent": True, "export_user": nobody})
    assert answer.status_code == 422


def test_a_contributor_learns_the_names_of_the_connections_that_are_shared(world: World) -> None:
    shared = share(world, world.add_connection())
    with api_as(world, "Contributor") as program:
        found = program.get("/api/connections").json()["connections"]
        assert found == [{"id": shared.id, "display_name": "Shop", "type": "constant_contact"}]
        problem(program.get(f"/api/connections/{shared.id}"), 403)


def test_connections_come_page_by_page(world: World, client: TestClient) -> None:
    world.add_connection()
    first = client.get("/api/connections", params={"limit": 1}).json()
    rest = client.get("/api/connections", params={"after": first["next"]}).json()
    assert len({one["id"] for one in first["connections"] + rest["connections"]}) == 2
    assert rest["next"] is None
