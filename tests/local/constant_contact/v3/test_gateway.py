import socket
import time

import pytest
import requests

from local.constant_contact.configuration import Configuration
from local.constant_contact.faults import FAULTS, ArmedFault, Stage, UnknownFaultError
from local.constant_contact.server import Simulator, running_simulator
from local.constant_contact.state import LOCAL_LIST_ID
from tests.local.constant_contact.client import Client, client_of

UNAUTHORIZED = {"error_key": "unauthorized", "error_message": "Unauthorized"}
NO_PRIVILEGE = {
    "error_key": "access_denied",
    "error_message": "Request forbidden due to insufficient user privileges.",
}
FILE_IMPORT = "/v3/activities/contacts_file_import"
CSV = "email\nada@example.com\nbob@example.com\ncyd@example.com\ndan@example.com\n"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic eDp5"}])
def test_a_call_without_a_valid_token_is_answered_401_with_an_object(
    simulator: Simulator, headers: dict[str, str]
) -> None:
    for path in ("/v3/contact_lists", "/v3/account/user/privileges", "/v3/activities"):
        response = requests.get(simulator.url + path, headers=headers, timeout=10)
        assert (response.status_code, response.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v3/account/summary", "contact_data"),
        ("GET", "/v3/contact_lists", "account_read"),
        ("POST", "/v3/contact_lists", "account_read"),
        ("GET", f"/v3/contact_lists/{LOCAL_LIST_ID}", "account_read"),
        ("GET", "/v3/contact_custom_fields", "account_read"),
        ("GET", "/v3/contacts", "account_read"),
        ("GET", "/v3/activities", "account_read"),
        ("POST", "/v3/activities/contacts_file_import", "account_read"),
        ("POST", "/v3/activities/contacts_json_import", "account_read"),
        ("POST", "/v3/activities/contact_exports", "account_read"),
    ],
)
def test_a_call_without_its_scope_is_answered_403(simulator: Simulator, method: str, path: str, scope: str) -> None:
    response = client_of(simulator, scopes=(scope,)).call(method, path)
    assert (response.status_code, response.json()["error_key"]) == (403, "access_denied")


def test_a_campaign_creator_can_read_lists_and_nothing_else(simulator: Simulator) -> None:
    client = client_of(simulator, user_id="local-creator")
    assert client.get("/v3/contact_lists").status_code == 200
    assert client.get("/v3/account/summary").status_code == 200
    for refused in (client.post_csv(CSV), client.get("/v3/contacts"), client.get("/v3/activities")):
        assert (refused.status_code, refused.json()) == (403, NO_PRIVILEGE)


def test_the_privileges_of_a_user_need_no_scope(simulator: Simulator) -> None:
    def names(user_id: str) -> set[str]:
        client = client_of(simulator, user_id=user_id, scopes=("offline_access",))
        return {known["privilege_name"] for known in client.get("/v3/account/user/privileges").json()}

    assert names("local-owner") == {"contacts:lists:read", "contacts:read", "contacts:write"}
    assert names("local-creator") == {"contacts:lists:read"}


def test_the_account_is_known_by_its_encoded_id(client: Client) -> None:
    summary = client.get("/v3/account/summary").json()
    assert summary["encoded_account_id"] == "a07e1local"
    assert summary["contact_email"] == "owner@example.com"


def test_an_unknown_path_is_answered_by_the_service_or_by_the_gateway(client: Client) -> None:
    assert client.get("/v3/nothing").json()[0]["error_key"] == "contacts.api.not_found"
    outside = client.get("/v2/contacts")
    assert (outside.status_code, outside.json()) == (403, {"message": "Forbidden"})


def test_every_fault_says_what_it_does() -> None:
    assert all(kind.description for kind in FAULTS.values())
    with pytest.raises(UnknownFaultError, match="There is no fault 'typo'; choose one of: throttled"):
        ArmedFault("typo")
    with pytest.raises(UnknownFaultError, match="needs match"):
        ArmedFault("poison-contact")


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("throttled", 429, '{"error_key":"throttled","error_message":"Too Many Requests"}'),
        ("quota-exceeded", 429, '{"error_key":"quota_exceeded","error_message":"Limit Exceeded"}'),
        ("queue-full", 429, '"queue_full"'),
        ("unauthorized", 401, '"unauthorized"'),
        ("forbidden", 403, "insufficient user privileges"),
        ("server-error", 500, "<html>"),
        ("unavailable", 503, ""),
    ],
)
def test_a_refusing_fault_answers_imports_and_imports_nothing(
    client: Client, name: str, status: int, body: str
) -> None:
    client.arm(name, times=1)
    assert client.get("/v3/contact_lists").status_code == 200
    response = client.post_csv(CSV)
    assert response.status_code == status
    assert body in response.text
    assert client.get("/v3/activities").json()["activities"] == []
    assert client.post_csv(CSV).status_code == 201


@pytest.mark.parametrize("name", [name for name, kind in FAULTS.items() if kind.stage in (Stage.BEFORE, Stage.AFTER)])
def test_a_fault_can_be_aimed_at_another_path(client: Client, name: str) -> None:
    client.arm(name, path="/contact_lists", delay_seconds=0.05)
    assert client.post_csv(CSV).status_code == 201
    started = time.monotonic()
    if name.startswith("cut"):
        with pytest.raises(requests.ConnectionError):
            client.get("/v3/contact_lists")
    elif name == "slow":
        assert client.get("/v3/contact_lists").ok
        assert time.monotonic() - started >= 0.05
    else:
        assert client.get("/v3/contact_lists").status_code >= 400


def test_a_slow_answer_comes_after_its_delay_while_others_are_served(client: Client) -> None:
    client.arm("slow", delay_seconds=30)
    headers = {"Authorization": f"Bearer {client.access_token}"}
    with pytest.raises(requests.Timeout):
        requests.post(client.simulator.url + FILE_IMPORT, headers=headers, timeout=0.2)
    assert client.get("/v3/contact_lists").status_code == 200


def test_who_hangs_up_in_the_middle_of_a_call_is_counted_and_is_no_error(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = client.simulator.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        lines = [f"POST {FILE_IMPORT} HTTP/1.1", "Host: x", f"Authorization: Bearer {client.access_token}"]
        lines += ["Content-Type: multipart/form-data; boundary=b", "Content-Length: 100", "", "--b"]
        connection.sendall("\r\n".join(lines).encode())

    deadline = time.monotonic() + 60
    while client.statistics()["requests"].get(f"POST {FILE_IMPORT}") != {"cut": 1}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [record.name for record in caplog.records if record.levelname == "ERROR"] == []


def test_cut_before_closes_the_connection_and_imports_nothing(client: Client) -> None:
    client.arm("cut-before", times=1)
    with pytest.raises(requests.ConnectionError):
        client.post_csv(CSV)
    assert client.get("/v3/activities").json()["activities"] == []
    assert client.statistics()["requests"]["POST /v3/activities/contacts_file_import"] == {"cut": 1}


def test_cut_before_also_cuts_a_large_upload(client: Client) -> None:
    client.arm("cut-before", times=1)
    with pytest.raises(requests.ConnectionError):
        client.post_csv(b"email\n" + b"x" * 3_900_000)


def test_cut_after_closes_the_connection_of_an_import_that_was_taken(client: Client) -> None:
    client.arm("cut-after", times=1)
    with pytest.raises(requests.ConnectionError):
        client.post_csv(CSV, "run-0001.csv")
    activities = client.get("/v3/activities").json()["activities"]
    assert [activity["source_file_name"] for activity in activities] == ["run-0001.csv"]


def test_a_lost_answer_is_a_503_for_an_import_that_was_taken(client: Client) -> None:
    client.arm("answer-lost", times=1)
    response = client.post_csv(CSV)
    assert (response.status_code, response.text) == (503, "")
    assert len(client.get("/v3/activities").json()["activities"]) == 1


def test_a_refused_import_does_not_use_up_a_fault_that_strikes_after_processing(client: Client) -> None:
    client.arm("answer-lost", times=1)
    assert client.post_csv(CSV, "a.txt").status_code == 415
    assert client.post_csv(CSV).status_code == 503


@pytest.mark.parametrize(
    ("name", "state"),
    [("activity-failed", "failed"), ("activity-timed-out", "timed_out"), ("activity-cancelled", "cancelled")],
)
def test_an_activity_can_end_badly_and_import_nothing(client: Client, name: str, state: str) -> None:
    client.arm(name, times=1)
    activity = client.import_csv(CSV)
    assert activity["state"] == state
    assert activity["activity_errors"]
    assert client.members() == []
    assert client.import_csv(CSV)["state"] == "completed"


def test_a_few_rows_of_the_next_import_can_be_refused(client: Client) -> None:
    client.arm("rows-refused", times=1)
    activity = client.import_csv(CSV)
    assert activity["status"]["error_count"] == 3
    assert activity["status"]["person_count"] == 1
    assert [line.partition(":")[0] for line in activity["activity_errors"]] == ["Line 2", "Line 3", "Line 4"]
    assert len(client.members()) == 1


def test_the_rows_to_refuse_can_be_chosen(client: Client) -> None:
    client.arm("rows-refused", match="CYD@")
    assert client.import_csv(CSV)["activity_errors"] == ["Line 4: Contact could not be saved"]


def test_a_poison_contact_refuses_every_import_that_contains_it(client: Client) -> None:
    client.arm("poison-contact", match="bob@example.com")
    for _ in range(2):
        response = client.post_csv(CSV.replace("bob", "Bob"))
        assert (response.status_code, response.json()[0]["error_key"]) == (400, "contacts.api.validation.error")
    assert client.post_csv("email\nada@example.com\n").status_code == 201


def test_retry_after_is_sent_only_when_so_configured() -> None:
    with running_simulator(Configuration(retry_after_seconds=7)) as simulator:
        client = client_of(simulator)
        client.arm("throttled", times=1)
        client.arm("unavailable", times=1)
        assert [client.post_csv(CSV).headers["Retry-After"] for _ in range(2)] == ["7", "7"]


def test_a_full_queue_can_be_told_without_a_body() -> None:
    with running_simulator(Configuration(queue_full_body="empty")) as simulator:
        client = client_of(simulator)
        client.arm("queue-full")
        response = client.post_csv(CSV)
        assert (response.status_code, response.text) == (429, "")
