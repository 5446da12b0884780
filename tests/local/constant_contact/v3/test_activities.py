import pytest

from local.constant_contact.clock import SECONDS_A_DAY
from local.constant_contact.configuration import Configuration
from local.constant_contact.server import running_simulator
from tests.local.constant_contact.client import Client, client_of

ACTIVITIES = "/v3/activities"


def names(client: Client, **parameters: str | int) -> list[str]:
    found = client.get(ACTIVITIES, **parameters).json()["activities"]
    return [activity["source_file_name"] for activity in found]


def test_activities_come_newest_first_in_pages_linked_by_a_path(client: Client) -> None:
    for number in range(5):
        client.post_csv("email\n", f"run-{number}.csv")
    pages, path = [], f"{ACTIVITIES}?limit=2"
    while path:
        page = client.get(path).json()
        pages.append([activity["source_file_name"] for activity in page["activities"]])
        path = page.get("_links", {}).get("next", {}).get("href", "")
        assert not path or path.startswith("/v3/activities?cursor=")
    assert pages == [["run-4.csv", "run-3.csv"], ["run-2.csv", "run-1.csv"], ["run-0.csv"]]


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_holds_1_to_500_activities(client: Client, limit: int) -> None:
    assert client.get(ACTIVITIES, limit=limit).status_code == 400
    assert client.get(ACTIVITIES, limit=500).status_code == 200


def test_activities_are_filtered_by_state(client: Client) -> None:
    client.arm("activity-failed", times=1)
    client.import_csv("email\n", "bad.csv")
    client.import_csv("email\n", "good.csv")
    assert names(client, state="failed") == ["bad.csv"]
    assert names(client, state="completed") == ["good.csv"]
    assert names(client, state="processing") == []
    assert client.get(ACTIVITIES, state="initialized").status_code == 400


def test_an_unknown_activity_is_answered_404_with_an_array(client: Client) -> None:
    response = client.get(f"{ACTIVITIES}/06526938-56dd-11e9-932a-fa163ea075fa")
    assert (response.status_code, response.json()[0]["error_key"]) == (404, "contacts.api.not_found")


def test_activities_are_forgotten_after_ten_days(client: Client) -> None:
    activity_id = client.import_csv("email\n")["activity_id"]
    simulator = client.simulator
    simulator.state.advance_clock(10 * SECONDS_A_DAY - 100)
    later = client_of(simulator)
    assert later.get(f"{ACTIVITIES}/{activity_id}").status_code == 200
    simulator.state.advance_clock(100)
    assert later.get(f"{ACTIVITIES}/{activity_id}").status_code == 404
    assert names(later) == []


def test_an_import_takes_as_long_as_its_rows_and_at_least_a_moment() -> None:
    with running_simulator(Configuration(rows_per_second=1, minimum_activity_seconds=30)) as simulator:
        client = client_of(simulator)
        few = client.post_csv("email\nada@example.com\n").json()["activity_id"]
        many = client.post_csv("email\n" + "ada@example.com\n" * 100).json()["activity_id"]
        simulator.state.advance_clock(27)
        assert client.get(f"{ACTIVITIES}/{few}").json()["percent_done"] >= 90
        simulator.state.advance_clock(50)
        assert client.ended(few)["state"] == "completed"
        assert 45 <= client.get(f"{ACTIVITIES}/{many}").json()["percent_done"] <= 60
        simulator.state.advance_clock(60)
        assert client.ended(many)["state"] == "completed"
