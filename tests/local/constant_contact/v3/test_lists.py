from local.constant_contact.configuration import Configuration
from local.constant_contact.server import running_simulator
from local.constant_contact.state import LOCAL_LIST_ID
from tests.local.constant_contact.client import Client, client_of

LISTS = "/v3/contact_lists"


def with_lists(client: Client, count: int) -> Client:
    body = {
        "account_id": "many",
        "organization_name": "Many",
        "users": [{"user_id": "many", "email": "many@example.com"}],
        "lists": [{"name": f"List {number}"} for number in range(count)],
    }
    client.control("POST", "accounts", body)
    return client_of(client.simulator, user_id="many")


def test_lists_come_in_pages_of_50_linked_by_a_path(client: Client) -> None:
    many = with_lists(client, 120)
    names: list[str] = []
    sizes = []
    path = LISTS
    while path:
        page = many.get(path).json()
        names += [known["name"] for known in page["lists"]]
        sizes.append(len(page["lists"]))
        path = page.get("_links", {}).get("next", {}).get("href", "")
        assert not path or path.startswith("/v3/contact_lists?cursor=")
    assert sizes == [50, 50, 20]
    assert names == [f"List {number}" for number in range(120)]


def test_a_page_holds_at_most_1000_lists(client: Client) -> None:
    many = with_lists(client, 1000)
    page = many.get(LISTS, limit=1000, include_count="true").json()
    assert (len(page["lists"]), page["lists_count"]) == (1000, 1000)
    assert "_links" not in page
    for limit in ("0", "1001", "many"):
        assert many.get(LISTS, limit=limit).status_code == 400
    assert many.post(LISTS, {"name": "One more"}).status_code == 400


def test_the_largest_page_is_500_when_so_configured() -> None:
    with running_simulator(Configuration(contact_lists_max_limit=500)) as simulator:
        client = client_of(simulator)
        assert client.get(LISTS, limit=500).status_code == 200
        assert client.get(LISTS, limit=501).status_code == 400


def test_a_list_is_found_by_its_exact_name(client: Client) -> None:
    client.post(LISTS, {"name": "Newsletter 2"})
    found = client.get(LISTS, name="Newsletter").json()["lists"]
    assert [known["list_id"] for known in found] == [LOCAL_LIST_ID]
    assert client.get(LISTS, name="News").json()["lists"] == []


def test_members_are_counted_on_request(client: Client) -> None:
    client.import_rows("ada@example.com,,", "bob@example.com,,")
    assert "membership_count" not in client.get(f"{LISTS}/{LOCAL_LIST_ID}").json()
    for counted in ("all", "active"):
        found = client.get(f"{LISTS}/{LOCAL_LIST_ID}", include_membership_count=counted)
        assert found.json()["membership_count"] == 2
        assert client.get(LISTS, include_membership_count=counted).json()["lists"][0]["membership_count"] == 2
    assert client.get(LISTS, include_membership_count="some").status_code == 400


def test_the_count_of_members_can_lag_behind() -> None:
    with running_simulator(Configuration(membership_count_lag_seconds=60)) as simulator:
        client = client_of(simulator)

        def count() -> int:
            found = client.get(f"{LISTS}/{LOCAL_LIST_ID}", include_membership_count="all").json()
            assert isinstance(found["membership_count"], int)
            return found["membership_count"]

        assert count() == 0
        client.import_rows("ada@example.com,,")
        assert count() == 0
        simulator.state.advance_clock(60)
        assert count() == 1


def test_a_list_can_be_created_once(client: Client) -> None:
    created = client.post(LISTS, {"name": "Customers", "description": "All of them", "favorite": True})
    assert created.status_code == 201
    body = created.json()
    assert (body["name"], body["description"], body["favorite"]) == ("Customers", "All of them", True)
    assert client.get(f"{LISTS}/{body['list_id']}").json() == body
    again = client.post(LISTS, {"name": "customers"})
    assert (again.status_code, again.json()[0]["error_key"]) == (409, "contacts.api.conflict")


def test_a_list_needs_a_name_of_at_most_255_characters(client: Client) -> None:
    assert client.post(LISTS, {"name": "x" * 255}).status_code == 201
    for body in ({"name": "x" * 256}, {"name": ""}, {}):
        assert client.post(LISTS, body).json()[0]["error_key"] == "contacts.api.validation.error"


def test_an_unknown_list_is_answered_404_with_an_array(client: Client) -> None:
    response = client.get(f"{LISTS}/06526938-56dd-11e9-932a-fa163ea075fa")
    assert (response.status_code, response.json()[0]["error_key"]) == (404, "contacts.api.not_found")


def test_an_unknown_parameter_or_a_broken_cursor_is_answered_400(client: Client) -> None:
    assert client.get(LISTS, page="2").status_code == 400
    assert client.get(LISTS, channel_type="post").status_code == 400
    assert client.get(LISTS, status="gone").status_code == 400
    for cursor in ("x", "W10=", "e30="):
        assert client.get(LISTS, cursor=cursor).status_code == 400


def test_a_test_can_have_as_many_lists_as_an_account_may_have(client: Client) -> None:
    answer = client.control("POST", "lists", {"name": "List", "count": 999})
    assert answer.status_code == 201
    assert client.get(LISTS, limit=1, include_count="true").json()["lists_count"] == 1000
    assert client.get(LISTS, name="List 999").json()["lists"][0]["list_id"] == answer.json()["list_id"]
    assert client.post(LISTS, {"name": "One more"}).status_code == 400
