import csv
from typing import Any

from local.constant_contact.state import LOCAL_LIST_ID
from tests.local.constant_contact.client import Client

EXPORT = "/v3/activities/contact_exports"


def exported(client: Client, body: dict[str, Any]) -> list[str]:
    created = client.post(EXPORT, body)
    assert created.status_code == 201
    activity = client.ended(created.json()["activity_id"])
    results = client.get(activity["_links"]["results"]["href"])
    assert results.headers["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(results.text.splitlines()))
    assert activity["status"] == {"items_total_count": len(lines), "items_completed_count": len(lines)}
    return [line["Email address"] for line in lines]


def test_an_export_is_a_csv_file_behind_the_activity(client: Client) -> None:
    client.import_rows("ada@example.com,Ada,", "bob@example.com,Bob,")
    gone = {"email": "cyd@example.com", "deleted": True}
    other = {"email": "dan@example.com", "permission": "unsubscribed"}
    client.control("POST", "contacts", {"contacts": [gone, other]})
    assert exported(client, {}) == ["ada@example.com", "bob@example.com", "dan@example.com"]
    assert exported(client, {"list_ids": [LOCAL_LIST_ID]}) == ["ada@example.com", "bob@example.com"]


def test_chosen_contacts_can_be_exported(client: Client) -> None:
    client.import_rows("ada@example.com,Ada,", "bob@example.com,Bob,")
    bob = client.contact("bob@example.com")
    assert bob is not None
    assert exported(client, {"contact_ids": [bob["contact_id"]]}) == ["bob@example.com"]


def test_a_wrong_export_is_refused(client: Client) -> None:
    unknown = "06526938-56dd-11e9-932a-fa163ea075fa"
    assert client.post(EXPORT, {"list_ids": [unknown]}).status_code == 404
    assert client.post(EXPORT, {"list_ids": [unknown] * 51}).status_code == 400
    assert client.post(EXPORT, {"contact_ids": ["x"]}).status_code == 400
    assert client.get(f"/v3/contact_exports/{unknown}").status_code == 404
