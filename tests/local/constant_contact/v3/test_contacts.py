import pytest

from local.constant_contact.state import LOCAL_LIST_ID
from tests.local.constant_contact.client import Client

CONTACTS = "/v3/contacts"


@pytest.fixture
def seeded(client: Client) -> Client:
    contacts = [
        {"email": "ada@example.com", "list_ids": [LOCAL_LIST_ID], "first_name": "Ada"},
        {"email": "bob@example.com", "permission": "unsubscribed", "list_ids": [LOCAL_LIST_ID]},
        {"email": "cyd@example.com", "deleted": True},
        {"email": "dan@example.com", "permission": "temp_hold"},
    ]
    client.control("POST", "contacts", {"contacts": contacts})
    return client


def addresses(client: Client, **parameters: str | int) -> list[str]:
    found = client.get(CONTACTS, **parameters).json()["contacts"]
    return [contact["email_address"]["address"].partition("@")[0] for contact in found]


def test_contacts_come_in_pages_of_at_most_500_linked_by_a_path(client: Client) -> None:
    rows = "".join(f"p{number}@example.com\n" for number in range(1_200))
    client.import_csv("email\n" + rows)
    sizes, path = [], f"{CONTACTS}?limit=500&include_count=true&lists={LOCAL_LIST_ID}"
    seen: set[str] = set()
    while path:
        page = client.get(path).json()
        assert page["contacts_count"] == 1_200
        sizes.append(len(page["contacts"]))
        seen.update(contact["contact_id"] for contact in page["contacts"])
        path = page.get("_links", {}).get("next", {}).get("href", "")
    assert (sizes, len(seen)) == ([500, 500, 200], 1_200)
    assert client.get(CONTACTS, limit=501).status_code == 400


def test_deleted_contacts_are_left_out_unless_asked_for(seeded: Client) -> None:
    assert addresses(seeded) == ["ada", "bob", "dan"]
    assert addresses(seeded, status="all") == ["ada", "bob", "cyd", "dan"]
    assert addresses(seeded, status="deleted") == ["cyd"]


def test_contacts_are_filtered_by_status(seeded: Client) -> None:
    assert addresses(seeded, status="active") == ["ada"]
    assert addresses(seeded, status="unsubscribed,temp_hold") == ["bob", "dan"]
    assert seeded.get(CONTACTS, status="asleep").status_code == 400


def test_contacts_are_filtered_by_address_without_regard_to_case(seeded: Client) -> None:
    assert addresses(seeded, email="ADA@example.com") == ["ada"]
    assert addresses(seeded, email="nobody@example.com") == []


def test_contacts_are_filtered_by_lists_and_the_unsubscribed_are_on_none(seeded: Client) -> None:
    assert addresses(seeded, lists=LOCAL_LIST_ID) == ["ada"]
    assert seeded.get(CONTACTS, lists=",".join(str(number) for number in range(26))).status_code == 400


def test_memberships_are_shown_on_request(seeded: Client) -> None:
    plain = seeded.get(CONTACTS, email="ada@example.com").json()["contacts"][0]
    assert "list_memberships" not in plain
    full = seeded.get(CONTACTS, email="ada@example.com", include="list_memberships").json()["contacts"][0]
    assert full["list_memberships"] == [LOCAL_LIST_ID]
    assert seeded.get(CONTACTS, include="everything").status_code == 400
