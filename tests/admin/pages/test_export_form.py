"""The form of an export: what it offers, and what its buttons do that save nothing."""

from __future__ import annotations

import pytest
import requests
from fastapi.testclient import TestClient

from local.constant_contact.state import LOCAL_LIST_ID
from tests.admin.pages.export_forms import (
    NO_LIST,
    checked,
    chosen,
    complete,
    focused,
    options,
    panel,
    press,
    share,
    value,
)
from tests.admin.pages.reading import Page, words_of
from tests.exporters.world import World


@pytest.fixture
def segment(world: World) -> str:
    """A segment of three profiles, one of them without an address."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "bo@example.com,Bo", ",Cy"])
    world.clock.advance(60)
    return "Loyal"


# --- What is offered --------------------------------------------------------------------------------------------------


def test_a_new_form_is_put_together_correctly_and_begins_at_its_title(world: World, ada: TestClient) -> None:
    page = Page(ada.get("/exports/add"))
    assert page.faults == []
    assert focused(page) == ["panel-title"]


def test_the_connections_that_one_may_use_are_offered(world: World, carlo: TestClient) -> None:
    mine = share(world)
    world.add_connection()
    page = Page(carlo.get("/exports/add"))
    assert [one.attributes["value"] for one in options(page, "connection")] == ["", mine.id]


def test_the_lists_of_the_account_are_offered_with_their_members(world: World, ada: TestClient, segment: str) -> None:
    world.run_to_end(world.add_export(segment))
    page = press(ada, {"connection": world.connection.id}, "refresh")
    row = page.one("label", id=f"list-row-{LOCAL_LIST_ID}")
    assert "2 members" in words_of(row)


def test_lists_are_found_by_a_part_of_the_name_and_the_chosen_one_stays(world: World, ada: TestClient) -> None:
    form = {"connection": world.connection.id, "list_id": LOCAL_LIST_ID, "list_search": "no such name"}
    page = press(ada, form, "update")
    assert checked(page, "list_id") == [LOCAL_LIST_ID]
    assert len(page.all("input", name="list_id")) == 1


def test_of_many_lists_some_are_shown_and_it_is_said_how_to_find_the_others(world: World, ada: TestClient) -> None:
    many = {"name": "Region", "count": 60}
    requests.post(f"{world.simulator.url}/_simulator/lists", json=many, timeout=30).raise_for_status()
    page = press(ada, {"connection": world.connection.id}, "refresh")
    assert len(page.all("input", name="list_id")) == 50
    assert "Type a part of the name to find the others" in panel(page)


def test_choosing_a_list_moves_nothing(world: World, ada: TestClient) -> None:
    many = {"name": "Region", "count": 5}
    requests.post(f"{world.simulator.url}/_simulator/lists", json=many, timeout=30).raise_for_status()
    form = {"connection": world.connection.id}
    before = [one.attributes["value"] for one in press(ada, form, "refresh").all("input", name="list_id")]
    after = press(ada, {**form, "list_id": before[3]}, "update").all("input", name="list_id")
    assert [one.attributes["value"] for one in after] == before


def test_while_the_account_cannot_be_read_a_list_can_still_be_pasted(world: World, ada: TestClient) -> None:
    world.fault("server-error", path="/contact_lists")
    page = press(ada, {"connection": world.connection.id, "name": "Typed"}, "refresh")
    assert "The lists of the account cannot be read at the moment" in panel(page)
    assert page.all("input", name="list_address")
    assert value(page, "name") == "Typed"


def test_while_the_segments_cannot_be_read_the_form_keeps_what_is_typed_and_says_what_to_do(
    world: World, ada: TestClient, segment: str
) -> None:
    typed = complete(world, name="Typed")
    world.services.snapshots.delete_container()
    page = press(ada, typed, "refresh-segments")
    assert "The segments cannot be read at the moment" in panel(page)
    assert f"“{world.services.snapshots.container_name}”" in panel(page)
    assert page.all("a", href="/help#snapshots_refused")
    assert (value(page, "name"), checked(page, "segments")) == ("Typed", ["Loyal"])
    assert "No snapshot found" not in panel(page), "nobody knows whether there is one"


def test_an_export_can_be_opened_while_the_segments_cannot_be_read(world: World, ada: TestClient, segment: str) -> None:
    export = world.add_export("Loyal", name="Spring")
    world.services.snapshots.delete_container()
    for path in ("/exports/add", f"/exports/{export.id}"):
        answer = ada.get(path)
        assert (answer.status_code, Page(answer).faults) == (200, []), path


def test_segments_are_offered_with_their_profiles_and_warnings(world: World, ada: TestClient, segment: str) -> None:
    world.upload("CustomerInsights_x/BlobExport/Old/2020/01/01/0130/Old_1.csv", b"EMail\nana@example.com\n")
    page = Page(ada.get("/exports/add"))
    labels = [words_of(one) for one in page.all("label", class_name="choice")]
    assert [one for one in labels if one.startswith("Loyal") and "profiles" in one]
    assert [one for one in labels if one.startswith("Old") and "Not refreshed for a while" in one]


def test_a_segment_that_is_not_there_any_more_is_shown_as_such(world: World, ada: TestClient) -> None:
    export = world.add_export("Gone")
    page = Page(ada.get(f"/exports/{export.id}"))
    assert checked(page, "segments") == ["Gone"]
    assert "No snapshot found" in panel(page)


def test_the_column_of_the_address_is_suggested_and_marked(world: World, ada: TestClient, segment: str) -> None:
    page = press(ada, {"segments": [segment]}, "update")
    assert chosen(page, "email") == "EMail"
    assert "Suggested" in words_of(page.one("div", id="match-email"))


def test_only_columns_that_all_chosen_segments_have_are_offered(world: World, ada: TestClient, segment: str) -> None:
    world.write_snapshot("New", ["1,cy@example.com"], header="Id,EMail")
    world.clock.advance(60)
    page = press(ada, {"segments": [segment, "New"]}, "update")
    assert [one.attributes["value"] for one in options(page, "email")] == ["", "EMail"]


def test_attributes_are_added_and_removed_one_by_one(world: World, ada: TestClient, segment: str) -> None:
    form = {"segments": [segment], "attribute": ["email"], "source": ["EMail"]}
    page = press(ada, {**form, "new_attribute": "first_name"}, "add-attribute")
    assert [one.attributes["value"] for one in page.all("input", name="attribute")] == ["email", "first_name"]
    assert focused(page) == ["source-first_name"]
    assert "first_name" not in [one.attributes["value"] for one in options(page, "new_attribute")]

    form = {**form, "attribute": ["email", "first_name"], "source": ["EMail", "FirstName"]}
    page = press(ada, form, "remove:first_name")
    assert [one.attributes["value"] for one in page.all("input", name="attribute")] == ["email"]


def test_what_is_suggested_can_be_added_at_once(world: World, ada: TestClient, segment: str) -> None:
    page = press(ada, {"segments": [segment], "attribute": ["email"], "source": ["EMail"]}, "add-suggested")
    assert chosen(page, "source-first_name") == "FirstName"


def test_the_email_attribute_cannot_be_removed(world: World, ada: TestClient, segment: str) -> None:
    page = press(ada, {"segments": [segment], "attribute": ["email"], "source": ["EMail"]}, "remove:email")
    assert chosen(page, "email") == "EMail"


# --- A list -----------------------------------------------------------------------------------------------------------


def test_a_list_is_chosen_by_the_web_address_of_its_page(world: World, ada: TestClient) -> None:
    form = {
        "connection": world.connection.id,
        "list_address": f"https://app.constantcontact.com/pages/contacts/ui#contacts/{LOCAL_LIST_ID.upper()}",
    }
    page = press(ada, form, "use-list")
    assert checked(page, "list_id") == [LOCAL_LIST_ID]
    assert value(page, "list_address") == ""


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("my list", "neither the id of a list nor the web address of one"),
        (NO_LIST, "The account of the connection has no list with this id."),
    ],
)
def test_what_is_no_list_of_the_account_is_refused_beside_the_field(
    world: World, ada: TestClient, pasted: str, said: str
) -> None:
    page = press(ada, {"connection": world.connection.id, "list_address": pasted}, "use-list")
    assert said in page.problems()[0]
    assert said in words_of(page.one("p", id="list_address-problem"))
    assert value(page, "list_address") == pasted


def test_a_new_list_is_made_and_chosen(world: World, ada: TestClient) -> None:
    page = press(ada, {"connection": world.connection.id, "new_list": "Spring readers"}, "create-list")
    (made,) = checked(page, "list_id")
    assert "Spring readers" in words_of(page.one("label", id=f"list-row-{made}"))
    assert focused(page) == [f"list-{made}"]


def test_a_list_whose_name_is_taken_is_not_made_again(world: World, ada: TestClient) -> None:
    form = {"connection": world.connection.id, "new_list": "Summer readers"}
    press(ada, form, "create-list")
    page = press(ada, form, "create-list")
    assert "a list of this name already" in page.problems()[0]


def test_a_contributor_makes_no_list_with_a_connection_that_is_not_shared(world: World, carlo: TestClient) -> None:
    page = press(carlo, {"connection": world.connection.id, "new_list": "Not mine"}, "create-list")
    assert page.problems() == ["Choose a connection first."]


# --- The preview ------------------------------------------------------------------------------------------------------


def test_the_preview_shows_contacts_and_where_each_profile_goes(world: World, ada: TestClient, segment: str) -> None:
    page = press(ada, complete(world), "preview")
    said = panel(page)
    assert "ana@example.com" in said
    figures = [words_of(one) for one in page.all("div", class_name="figure")]
    assert figures == ["Read 3", "To send 2", "Duplicates 0", "Rejected 1"]
    assert "1 No e-mail address" in said
    assert "A run sends 1 batch." in said
    assert focused(page) == ["preview"]


def test_a_preview_sends_nothing_and_saves_nothing(world: World, ada: TestClient, segment: str) -> None:
    press(ada, complete(world), "preview")
    assert world.services.exports.all() == []
    assert world.members() == []


def test_after_a_change_the_preview_is_said_to_be_old(world: World, ada: TestClient, segment: str) -> None:
    page = press(ada, complete(world, previewed="yes"), "update")
    assert "Something has changed since the last preview." in panel(page)


def test_no_address_holds_what_is_shown_of_a_profile(world: World, ada: TestClient, segment: str) -> None:
    page = press(ada, complete(world), "preview")
    links = [one.attributes.get("href", "") + one.attributes.get("action", "") for one in page.elements]
    assert not [one for one in links if "ana" in one]
