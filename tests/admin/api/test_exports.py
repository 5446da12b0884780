"""Exports as JSON: what can be made and read, and what a wrong request is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from shared.models import ConstantContactAccount, Schedule
from tests.admin.asking import api_as
from tests.admin.exporting import share, told
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
    assert client.get(f"/api/exports/{made.json()['id']}").json() | {"warnings": []} == made.json()
    assert [one | {"warnings": []} for one in client.get("/api/exports").json()["exports"]] == [made.json()]


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
    [entry] = world.told()
    assert (entry.action, entry.subject, entry.by) == ("added", "export", "function key")
    assert entry.after == {
        "name": "Newsletter",
        "connection": "Shop",
        "list_id": LIST,
        "segments": "Loyal",
        "mapping": "email ← EMail",
        "schedule": "every_refresh",
    }


def problem(answer: Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    return body


def version(client: TestClient, export_id: str) -> dict[str, str]:
    return {"If-Match": client.get(f"/api/exports/{export_id}").headers["ETag"]}


def test_what_is_wrong_is_told_field_by_field(world: World, client: TestClient) -> None:
    wrong = export(world, name="", schedule={"recurrence": "daily", "times": ["06:03"]})
    answer = problem(client.post("/api/exports", json=wrong), 422)
    assert [one["field"] for one in answer["errors"]] == ["name", "schedule.times.0"]
    assert all(one["message"] for one in answer["errors"])
    unknown = problem(client.post("/api/exports", json=export(world, connection_id="nobody")), 422)
    assert [one["field"] for one in unknown["errors"]] == ["connection_id"]


def test_exports_come_page_by_page_in_the_order_of_their_names(world: World, client: TestClient) -> None:
    for name in ("delta", "Alpha", "charlie", "Bravo", "alpha"):
        world.add_export("Loyal", name=name)
    found, after, pages = [], None, 0
    while after is not None or not pages:
        page = client.get("/api/exports", params={"limit": 2} | ({"after": after} if after else {})).json()
        found += [one["name"] for one in page["exports"]]
        after, pages = page["next"], pages + 1
    assert sorted(found[:2]) == ["Alpha", "alpha"]
    assert (found[2:], pages) == (["Bravo", "charlie", "delta"], 3)


def test_what_comes_and_goes_between_two_pages_moves_nothing_else(world: World, client: TestClient) -> None:
    first, *_ = (world.add_export("Loyal", name=name) for name in ("b", "d", "f"))
    page = client.get("/api/exports", params={"limit": 1}).json()
    world.services.exports.remove(first.id)
    world.add_export("Loyal", name="a")
    rest = client.get("/api/exports", params={"after": page["next"]}).json()
    assert [one["name"] for one in rest["exports"]] == ["d", "f"]


@pytest.mark.parametrize("after", ["nonsense", "é", "bnVsbA", "WzFd", ""])
def test_a_place_that_no_page_gave_is_refused(client: TestClient, after: str) -> None:
    answer = problem(client.get("/api/exports", params={"after": after}), 422)
    assert [one["field"] for one in answer["errors"]] == ["after"]


def test_exports_are_searched_by_words(world: World, client: TestClient) -> None:
    world.add_export("Loyal", name="Spring news", list_name="Readers")
    world.add_export("Other", name="Autumn news")
    for search, names in {
        "news": ["Autumn news", "Spring news"],
        "NEWS spring": ["Spring news"],
        "readers": ["Spring news"],
        "loyal": ["Spring news"],
        "shop": ["Autumn news", "Spring news"],
        "winter": [],
    }.items():
        found = client.get("/api/exports", params={"search": search}).json()["exports"]
        assert [one["name"] for one in found] == names, search


def test_an_export_says_how_its_last_run_ended_and_when_the_next_begins(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "no address,Bo"])
    daily = Schedule(recurrence="daily", times=("06:00",))
    made = world.add_export("Loyal", schedule=daily)
    fresh = client.get(f"/api/exports/{made.id}").json()
    assert fresh["last_run"] is None
    assert fresh["next_start"][11:] == "06:00:00Z"
    run = world.run_to_end(made)
    found = client.get(f"/api/exports/{made.id}").json()["last_run"]
    assert (found["run_id"], found["status"]) == (run.run_id, "completed_with_warnings")
    assert found["counts"]["sent"] == 1


def test_a_change_names_its_version_and_keeps_what_it_leaves_out(world: World, client: TestClient) -> None:
    made = client.post("/api/exports", json=export(world))
    address = made.headers["Location"]
    assert made.headers["ETag"] == version(client, made.json()["id"])["If-Match"]
    changed = client.patch(address, json={"name": "Other"}, headers={"If-Match": made.headers["ETag"]})
    assert (changed.json()["name"], changed.json()["segments"]) == ("Other", ["Loyal"])
    assert changed.headers["ETag"] == version(client, made.json()["id"])["If-Match"] != made.headers["ETag"]


def test_the_second_of_two_who_edit_is_told_and_overwrites_nothing(world: World, client: TestClient) -> None:
    made = world.add_export("Loyal")
    address, old = f"/api/exports/{made.id}", version(client, made.id)
    client.patch(address, json={"name": "First"}, headers=old)
    problem(client.patch(address, json={"name": "Second"}, headers=old), 412)
    problem(client.put(f"{address}/schedule", json={"active": False}, headers=old), 412)
    problem(client.post(f"{address}/detach", headers=old), 412)
    problem(client.delete(address, headers=old), 412)
    for answer in (
        client.patch(address, json={"name": "Second"}),
        client.put(f"{address}/schedule", json={"active": False}),
        client.delete(address),
    ):
        assert "If-Match" in problem(answer, 428)["detail"]
    assert world.services.exports.get(made.id).name == "First"


def test_a_schedule_is_put_as_a_whole(world: World, client: TestClient) -> None:
    made = world.add_export("Loyal")
    address = f"/api/exports/{made.id}/schedule"
    weekly = {"recurrence": "weekly", "days": ["friday", "monday"], "times": ["18:30"], "time_zone": "Europe/Bucharest"}
    answer = client.put(address, json=weekly, headers=version(client, made.id))
    assert answer.json()["schedule"] == {**weekly, "days": ["monday", "friday"], "active": True}
    assert answer.headers["ETag"] == version(client, made.id)["If-Match"]
    off = client.put(address, json={"active": False}, headers=version(client, made.id)).json()
    assert (off["schedule"]["active"], off["next_start"]) == (False, None)


def test_an_export_is_duplicated_detached_attached_and_removed(world: World, client: TestClient) -> None:
    made = world.add_export("Loyal")
    copy = client.post(f"/api/exports/{made.id}/duplicate")
    assert (copy.status_code, copy.json()["name"]) == (201, "Newsletter (copy)")
    address = copy.headers["Location"]
    detached = client.post(f"{address}/detach").json()
    assert (detached["detached"], detached["connection_id"], detached["may_run"]) == (True, None, False)
    problem(client.post(f"{address}/runs"), 422)
    attach = {"connection_id": world.connection.id}
    attached = client.patch(address, json=attach, headers={"If-Match": "*"}).json()
    assert (attached["detached"], attached["connection_name"]) == (False, "Shop")
    removed = client.delete(address, headers={"If-Match": "*"})
    assert (removed.status_code, removed.content) == (204, b"")
    problem(client.get(address), 404)


def test_an_export_that_runs_is_not_removed(world: World, client: TestClient) -> None:
    made = world.add_export("Loyal")
    world.start(made)
    answer = client.delete(f"/api/exports/{made.id}", headers={"If-Match": "*"})
    assert "“Newsletter”" in problem(answer, 409)["detail"]


def test_one_is_warned_of_another_export_of_the_same_segment_to_the_same_list(world: World, client: TestClient) -> None:
    first = client.post("/api/exports", json=export(world, name="First")).json()
    assert first["warnings"] == []
    second = client.post("/api/exports", json=export(world, name="Second", segments=["Loyal", "New"])).json()
    (warning,) = second["warnings"]
    assert (warning["code"], warning["exports"]) == ("same_target", [{"id": first["id"], "name": "First"}])
    assert "“First”" in warning["message"]
    change = {"segments": ["New"]}
    changed = client.patch(f"/api/exports/{second['id']}", json=change, headers={"If-Match": "*"}).json()
    assert changed["warnings"] == []


def test_all_are_started_that_have_an_active_schedule(world: World, client: TestClient) -> None:
    made, busy = world.add_export("Loyal"), world.add_export("Loyal", name="Busy")
    world.add_export("Loyal", schedule=Schedule(active=False))
    world.start(busy)
    answer = client.post("/api/exports/run-all")
    assert answer.status_code == 202
    assert [one["export_id"] for one in answer.json()["started"]] == [made.id]
    assert [one["export_name"] for one in answer.json()["already_running"]] == ["Busy"]


def test_a_contributor_learns_nothing_of_a_connection_that_is_not_shared(world: World) -> None:
    made = world.add_export("Loyal")
    with api_as(world, "Contributor") as program:
        found = program.get(f"/api/exports/{made.id}")
        assert found.json()["detached"] is False
        assert (found.json()["connection_id"], found.json()["connection_name"]) == (None, None)
        assert (found.json()["may_edit"], found.json()["may_run"]) == (False, False)
        assert world.connection.id not in found.text
        assert program.get("/api/exports", params={"search": "Shop"}).json()["exports"] == []
        assert program.get(f"/api/connections/{world.connection.id}/lists").status_code == 404
        for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/detach"), ("POST", "/runs")):
            body = {"name": "Other"} if method == "PATCH" else None
            answer = program.request(method, f"/api/exports/{made.id}{path}", json=body, headers={"If-Match": "*"})
            problem(answer, 403)
    assert world.services.exports.all() == [made]


def sign_in_is_lost(world: World) -> None:
    world.secrets.delete(world.connection.secret_name)


def sign_in_is_spoilt(world: World) -> None:
    world.secrets.set(world.connection.secret_name, "no tokens")


def sign_in_is_for_another_account(world: World) -> None:
    world.give_tokens(world.connection)
    tokens = json.loads(world.secrets.get(world.connection.secret_name) or "")
    world.secrets.set(world.connection.secret_name, json.dumps({**tokens, "account_id": "theirs"}))
    account = ConstantContactAccount(id="ours", name="Shop & Sons")
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update={"account": account}))


def grant_is_withdrawn(world: World) -> None:
    world.give_tokens(world.connection, expired=True)
    world.fault("invalid-grant")


def token_is_refused(world: World) -> None:
    world.take_any_token_request()
    world.fault("unauthorized", times=20)


def consent_is_missing(world: World) -> None:
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update={"consent": None}))


def account_is_another_one(world: World) -> None:
    account = ConstantContactAccount(id="theirs", name="Shop & Sons")
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update={"account": account}))
    (run,) = world.services.runs.newest(world.services.exports.all()[0].id, 1)
    world.services.runs.change(run, lambda one: one.model_copy(update={"account_id": "ours"}))


@pytest.mark.parametrize(
    ("befalls", "said"),
    [
        (sign_in_is_lost, "has no token"),
        (sign_in_is_spoilt, "is not a token pair"),
        (sign_in_is_for_another_account, "another account"),
        (grant_is_withdrawn, "signed in to Constant Contact again"),
        (token_is_refused, "does not accept"),
        (consent_is_missing, "consent"),
        (account_is_another_one, "was signed in to another"),
    ],
)
def test_a_contributor_does_not_learn_it_from_a_failed_run_either(
    world: World, befalls: Callable[[World], None], said: str
) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    run = world.start(world.add_export("Loyal"))
    befalls(world)
    world.deliver()
    with api_as(world, "Contributor") as program:
        export = f"/api/exports/{run.export_id}"
        for path in (export, f"{export}/runs", f"{export}/runs/{run.run_id}", "/api/runs", "/api/home"):
            answer = program.get(path)
            assert answer.status_code == 200
            assert "Shop" not in answer.text
            assert world.connection.id not in answer.text
        failed = program.get(f"{export}/runs/{run.run_id}").json()
    assert failed["status"] == "failed"
    assert said in failed["error"]


def test_a_contributor_does_everything_with_exports_on_a_shared_connection(world: World) -> None:
    share(world)
    with api_as(world, "Contributor") as program:
        made = program.post("/api/exports", json=export(world))
        assert (made.status_code, made.json()["may_edit"]) == (201, True)
        assert program.post(f"{made.headers['Location']}/runs").status_code == 202
    assert told(world)[0][0] == "started"
