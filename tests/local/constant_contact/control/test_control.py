from typing import Any

import requests

from local.constant_contact.server import Simulator
from local.constant_contact.state import LOCAL_LIST_ID
from tests.local.constant_contact.client import Client, client_of, stop_clock


def refused(simulator: Simulator, path: str, body: dict[str, Any]) -> int:
    return requests.post(f"{simulator.url}/_simulator/{path}", json=body, timeout=10).status_code


def test_the_overview_lists_what_exists_at_the_start(client: Client) -> None:
    overview = client.control("GET", "").json()
    app = overview["apps"][0]
    assert (app["client_id"], app["client_secret"], app["refresh_tokens"]) == (
        "local-client",
        "local-secret",
        "rotating",
    )
    account = overview["accounts"][0]
    assert [user["role"] for user in account["users"]] == ["account_owner", "campaign_creator"]
    assert account["lists"] == [{"list_id": LOCAL_LIST_ID, "name": "Newsletter", "members": 0}]
    assert overview["authorize_path"] == "/oauth2/default/v1/authorize"
    assert overview["token_path"] == "/oauth2/default/v1/token"


def test_faults_are_listed_with_their_hits_and_cleared(client: Client) -> None:
    client.arm("unavailable", times=2)
    client.post_csv("email\n")
    listed = client.control("GET", "faults").json()
    assert [(fault["name"], fault["times"], fault["hits"], fault["remaining"]) for fault in listed["faults"]] == [
        ("unavailable", 2, 1, 1)
    ]
    assert "503" in listed["known"]["unavailable"]
    client.control("DELETE", "faults")
    assert client.control("GET", "faults").json()["faults"] == []
    assert client.post_csv("email\n").status_code == 201


def test_an_unknown_fault_is_refused_with_the_known_ones(simulator: Simulator) -> None:
    response = requests.post(f"{simulator.url}/_simulator/faults", json={"name": "typo"}, timeout=10)
    assert response.status_code == 400
    assert "cut-before" in response.json()["detail"]


def test_statistics_tell_what_was_sent_twice(client: Client) -> None:
    client.import_csv("email\nada@example.com\nbob@example.com\n", "run-1.csv")
    client.import_csv("email\nADA@example.com\ncyd@example.com\n", "run-2.csv")
    client.import_csv("email\nada@example.com\n", "run-2.csv")
    statistics = client.statistics()
    assert statistics["imports_accepted"] == 3
    assert statistics["imports_per_source_file_name"] == {"run-1.csv": 1, "run-2.csv": 2}
    assert statistics["source_file_names_taken_more_than_once"] == ["run-2.csv"]
    assert statistics["contacts_imported_more_than_once"] == 1


def test_statistics_tell_the_pace_and_the_calls_of_the_day(client: Client) -> None:
    stop_clock(client.simulator)
    for _ in range(6):
        client.call_at_once("GET", "/v3/contact_lists")
    statistics = client.statistics()
    assert statistics["requests"]["GET /v3/contact_lists"] == {"200": 4, "429": 2}
    assert statistics["most_requests_in_a_second"] == {"all": 6, "accepted": 4}
    assert statistics["calls_today"] == {"local-client": 4}


def test_statistics_can_be_reset_without_losing_contacts(client: Client) -> None:
    client.import_csv("email\nada@example.com\n")
    client.control("POST", "reset-statistics")
    statistics = client.statistics()
    assert statistics["requests"] == {}
    assert statistics["imports_accepted"] == 0
    client.import_csv("email\nada@example.com\n")
    assert client.statistics()["contacts_imported_more_than_once"] == 0
    assert len(client.members()) == 1


def test_the_day_and_its_calls_end_when_the_clock_is_moved(client: Client) -> None:
    client.get("/v3/contact_lists")
    client.control("POST", "clock", {"advance_seconds": 86_400})
    assert client.statistics()["calls_today"] == {}
    assert client.get("/v3/contact_lists").status_code == 401


def test_members_come_in_the_order_of_the_import_with_all_their_lists(client: Client) -> None:
    other = client.post("/v3/contact_lists", {"name": "Other"}).json()["list_id"]
    client.import_csv('email,first_name\nzoe@example.com,"Zoë, the first"\nada@example.com,Ada\n')
    client.import_csv("email\nada@example.com\n", list_ids=other)
    response = client.control("GET", f"lists/{LOCAL_LIST_ID}/members.csv")
    assert response.content.decode().split("\r\n") == [
        "email,first_name,last_name,list_ids",
        f'zoe@example.com,"Zoë, the first",,{LOCAL_LIST_ID}',
        f"ada@example.com,Ada,,{LOCAL_LIST_ID};{other}",
        "",
    ]


def test_a_contact_who_unsubscribes_later_leaves_the_lists(client: Client) -> None:
    client.import_rows("ada@example.com,,", "bob@example.com,,")
    client.control("POST", "contacts", {"contacts": [{"email": "ada@example.com", "permission": "unsubscribed"}]})
    assert [line.partition(",")[0] for line in client.members()] == ["bob@example.com"]


def test_what_does_not_exist_is_refused(simulator: Simulator) -> None:
    unknown = "06526938-56dd-11e9-932a-fa163ea075fa"
    assert requests.get(f"{simulator.url}/_simulator/lists/{unknown}/members.csv", timeout=10).status_code == 404
    assert refused(simulator, "contacts", {"account_id": "none", "contacts": []}) == 404
    assert refused(simulator, "contacts", {"contacts": [{"email": "a@example.com", "list_ids": [unknown]}]}) == 404
    assert refused(simulator, "grants", {"client_id": "none", "user_id": "local-owner"}) == 400
    assert refused(simulator, "clock", {"advance_seconds": -1}) == 422
    user = {"user_id": "local-owner", "email": "owner@example.com"}
    assert refused(simulator, "accounts", {"account_id": "x", "organization_name": "X", "users": [user]}) == 409


def test_a_grant_gives_what_a_sign_in_would_give(simulator: Simulator) -> None:
    body = {"client_id": "local-client", "user_id": "local-owner", "scopes": ["contact_data"]}
    granted = requests.post(f"{simulator.url}/_simulator/grants", json=body, timeout=10)
    assert granted.json()["scope"] == "contact_data"
    assert "refresh_token" not in granted.json()
    assert client_of(simulator).get("/v3/contact_lists").status_code == 200


def test_a_list_can_be_added_without_a_call_of_the_api(client: Client) -> None:
    list_id = client.control("POST", "lists", {"name": "Added"}).json()["list_id"]
    assert client.statistics()["calls_today"] == {}
    assert client.get(f"/v3/contact_lists/{list_id}").json()["name"] == "Added"


def test_a_list_that_cannot_be_is_refused(simulator: Simulator) -> None:
    assert refused(simulator, "lists", {"account_id": "none", "name": "Added"}) == 404
    assert refused(simulator, "lists", {"name": "newsletter"}) == 409


def test_the_calls_of_the_day_can_be_set_and_calls_beyond_the_quota_are_counted(client: Client) -> None:
    stop_clock(client.simulator)
    client.control("POST", "calls-today", {"client_id": "local-client", "calls": 9_999})
    answers = [client.get("/v3/contact_lists").status_code for _ in range(3)]
    statistics = client.statistics()
    assert answers == [200, 429, 429]
    assert statistics["calls_today"] == {"local-client": 10_000}
    assert statistics["calls_over_the_quota"] == 2
    client.control("POST", "reset-statistics")
    assert client.statistics()["calls_over_the_quota"] == 0


def test_the_calls_of_an_unknown_app_cannot_be_set(simulator: Simulator) -> None:
    assert refused(simulator, "calls-today", {"client_id": "none", "calls": 1}) == 404


def test_a_refresh_token_can_be_looked_at_without_using_it(client: Client) -> None:
    body = {"client_id": "local-client", "user_id": "local-owner"}
    refresh_token = client.control("POST", "grants", body).json()["refresh_token"]
    looks = [{"refresh_token": refresh_token}, {"refresh_token": refresh_token}, {"refresh_token": "another"}]
    assert [client.control("POST", "refresh-tokens", look).json()["taken"] for look in looks] == [True, True, False]
