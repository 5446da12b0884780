"""The list of connections, and the panel in which one is changed."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from fastapi.testclient import TestClient

from admin.pages import words
from shared.models import Connection, ConstantContactAccount, SignInProblem
from tests.admin.pages.reading import Page, words_of
from tests.exporters.world import World

SHARED = "administrators_and_contributors"


def put(world: World, name: str, **facts: object) -> Connection:
    """A connection as the table keeps it."""
    made = world.add_connection(token=False)
    return world.services.connections.change(
        made.id, lambda one: one.model_copy(update={"display_name": name, **facts})
    ).value


def names(page: Page) -> list[str]:
    return [words_of(one) for one in page.all("th", scope="row")]


def notices(page: Page) -> list[str]:
    """What the page says was done."""
    return [words_of(one) for one in page.all("div", role="status") if "notice" in one.attributes["class"]]


def form(page: Page) -> dict[str, str]:
    """What the panel would send."""
    return {
        "display_name": page.one("input", id="display_name").attributes["value"],
        "sharing": next(one.attributes["value"] for one in page.all("input", type="radio", checked="")),
        "etag": page.one("input", name="etag").attributes["value"],
    }


# --- The list ---------------------------------------------------------------------------------------------------------


def test_an_administrator_sees_what_there_is_to_know_of_each_connection(world: World, ada: TestClient) -> None:
    account = ConstantContactAccount(id="a", name="Northwind")
    put(world, "Newsletter", account=account, sharing=SHARED, created_by="Bo Administrator")
    page = Page(ada.get("/connections"))
    assert names(page) == ["Newsletter", "Shop"]
    assert page.cells("State") == ["Connected", "Not connected"]
    assert page.cells("Account") == ["Northwind", "–"]
    assert page.cells("Who can use it") == ["Administrators and contributors", "Administrators"]
    assert page.cells("Created") == ["just now", "just now"]
    assert page.cells("Created by") == ["Bo Administrator", "test"]
    assert page.cells("Type") == ["Constant Contact", "Constant Contact"]


def test_a_time_tells_the_exact_one_too(world: World, ada: TestClient) -> None:
    put(world, "Newsletter", created_at=world.clock.now() - timedelta(days=3))
    page = Page(ada.get("/connections", params={"sort": "created"}))
    time = page.all("time")[0]
    assert time.text == "3 days ago"
    assert time.attributes["title"].endswith(" UTC")
    assert time.attributes["datetime"].endswith("+00:00")


def test_a_contributor_sees_name_and_type_of_what_is_shared_and_no_commands(world: World, carlo: TestClient) -> None:
    put(world, "Newsletter", sharing=SHARED, account=ConstantContactAccount(id="a", name="Northwind"))
    page = Page(carlo.get("/connections"))
    assert names(page) == ["Newsletter"]
    assert page.cells("Type") == ["Constant Contact"]
    assert "Northwind" not in page.words
    assert [one.attributes["href"] for one in page.all("a") if "/connections/" in one.attributes["href"]] == []
    assert [one.attributes["action"] for one in page.all("form", method="post")] == ["/language"]


def test_a_contributor_with_whom_nothing_is_shared_reads_whom_to_ask(carlo: TestClient) -> None:
    assert "Ask an administrator" in Page(carlo.get("/connections")).words


def test_an_empty_list_explains_the_first_step_and_offers_it(world: World, ada: TestClient) -> None:
    world.services.connections.remove(world.connection.id)
    page = Page(ada.get("/connections"))
    assert "Connect your first account" in page.words
    assert page.one("a", id="add").attributes["href"] == "/connections/add"


@pytest.mark.parametrize("column", ["name", "type", "state", "account", "sharing", "created", "by"])
def test_the_list_is_sorted_by_each_column_both_ways(world: World, ada: TestClient, column: str) -> None:
    account = ConstantContactAccount(id="a", name="Z")
    earlier = world.clock.now() - timedelta(days=1)
    put(world, "Zebra", account=account, sign_in_again="why", sharing=SHARED, created_by="zoe", created_at=earlier)
    up = Page(ada.get("/connections", params={"sort": column}))
    down = Page(ada.get("/connections", params={"sort": column, "order": "descending"}))
    assert up.one("th", aria_sort="ascending")
    assert down.one("th", aria_sort="descending")
    if column == "type":
        assert names(up) == names(down)
    else:
        assert names(up) == names(down)[::-1]


def test_a_heading_that_is_sorted_by_leads_to_the_other_order(ada: TestClient) -> None:
    page = Page(ada.get("/connections", params={"sort": "state", "order": "ascending"}))
    assert [one.attributes["href"] for one in page.all("a") if one.text == "State"] == [
        "/connections?sort=state&order=descending"
    ]


def test_the_commands_change_with_the_selection(world: World, ada: TestClient) -> None:
    def commands(page: Page) -> list[str]:
        bar = [one for one in page.elements if "command" in one.attributes.get("class", "").split()]
        return [words_of(one) for one in bar if " at-" in one.attributes["class"]]

    assert commands(Page(ada.get("/connections"))) == ["Add connection"]
    selected = Page(ada.get("/connections", params={"selected": world.connection.id}))
    assert commands(selected) == ["Add connection", "Edit", "Connect", "Remove"]
    assert "1 selected" in selected.words


def test_a_name_is_shown_as_it_was_typed(world: World, ada: TestClient) -> None:
    put(world, "<script>alert(1)</script> & “Co”")
    page = Page(ada.get("/connections"))
    assert "<script>alert(1)</script> & “Co”" in names(page)
    assert page.faults == []


@pytest.mark.parametrize("query", ["done=removed", "done=added&selected={id}", "notice=removed"])
def test_no_address_makes_the_page_say_that_something_was_done(world: World, ada: TestClient, query: str) -> None:
    assert notices(Page(ada.get(f"/connections?{query.replace('{id}', world.connection.id)}"))) == []


# --- Searching --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["newsl", " NEWSLETTER ", "northwind"])
def test_a_connection_is_found_by_a_part_of_its_name_or_account(world: World, ada: TestClient, text: str) -> None:
    put(world, "Newsletter", account=ConstantContactAccount(id="a", name="Northwind"))
    page = Page(ada.get("/connections", params={"search": text}))
    assert names(page) == ["Newsletter"]
    assert page.one("input", id="search").attributes["value"] == text.strip()


def test_a_contributor_finds_nothing_by_what_is_not_shown_to_them(world: World, carlo: TestClient) -> None:
    put(world, "Newsletter", sharing=SHARED, account=ConstantContactAccount(id="a", name="Northwind"))
    assert names(Page(carlo.get("/connections", params={"search": "newsletter"}))) == ["Newsletter"]
    assert names(Page(carlo.get("/connections", params={"search": "northwind"}))) == []


def test_sorting_keeps_what_was_looked_for(world: World, ada: TestClient) -> None:
    page = Page(ada.get("/connections", params={"search": "shop"}))
    assert page.one("a", id="sort-state").attributes["href"].startswith("/connections?search=shop&sort=state")


def test_a_search_that_finds_nothing_says_so_and_shows_the_way_back(ada: TestClient) -> None:
    page = Page(ada.get("/connections", params={"search": "<nobody>"}))
    assert "Nothing was found for “<nobody>”" in page.words
    assert [one.attributes["href"] for one in page.all("a") if words_of(one) == "Show all"] == ["/connections"]
    assert page.faults == []


# --- Changing one -----------------------------------------------------------------------------------------------------


def test_a_connection_is_changed_in_its_panel(world: World, ada: TestClient) -> None:
    address = f"/connections/{world.connection.id}"
    typed = form(Page(ada.get(address)))
    assert typed["display_name"] == "Shop"
    answer = ada.post(address, data={**typed, "display_name": " Newsletter ", "sharing": SHARED})
    assert answer.status_code == 303
    changed = world.services.connections.get(world.connection.id)
    assert (changed.display_name, changed.sharing) == ("Newsletter", SHARED)
    assert changed.updated_by == "Ada Administrator"
    assert notices(Page(ada.get(answer.headers["location"]))) == ["The connection “Newsletter” was saved."]
    assert notices(Page(ada.get(answer.headers["location"]))) == []
    assert world.told()[0].after["display_name"] == "Newsletter"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"display_name": "  "}, "Give the connection a display name."),
        ({"display_name": "x" * 101}, "Shorten the display name to at most 100 characters."),
        ({"display_name": "two\nlines"}, "Use only characters that can be printed, on one line."),
        ({"sharing": "everybody"}, "Choose who can use this connection."),
    ],
)
def test_what_is_wrong_is_said_on_top_and_beside_the_field(
    world: World, ada: TestClient, changes: dict[str, str], said: str
) -> None:
    address = f"/connections/{world.connection.id}"
    answer = ada.post(address, data={**form(Page(ada.get(address))), **changes})
    page = Page(answer)
    (field,) = changes
    assert answer.status_code == 422
    assert page.problems() == [said]
    assert words_of(page.one("p", id=f"{field}-problem")) == said
    assert "autofocus" in page.one("div", role="alert").attributes
    assert page.one("a", href=f"#{field}")
    assert page.faults == []
    assert world.services.connections.get(world.connection.id) == world.connection


def test_what_was_typed_stays_when_somebody_else_was_faster(world: World, ada: TestClient) -> None:
    address = f"/connections/{world.connection.id}"
    typed = form(Page(ada.get(address)))
    assert ada.post(address, data={**typed, "display_name": "First"}).status_code == 303
    answer = ada.post(address, data={**typed, "display_name": "Second"})
    page = Page(answer)
    assert answer.status_code == 409
    assert "Somebody else has changed this connection" in page.problems()[0]
    assert page.one("input", id="display_name").attributes["value"] == "Second"
    assert world.services.connections.get(world.connection.id).display_name == "First"
    assert ada.post(address, data=form(page)).status_code == 303
    assert world.services.connections.get(world.connection.id).display_name == "Second"


def test_a_form_with_an_error_still_knows_which_version_it_began_with(world: World, ada: TestClient) -> None:
    address = f"/connections/{world.connection.id}"
    typed = form(Page(ada.get(address)))
    ada.post(address, data={**typed, "display_name": "First"})
    mended = {**form(Page(ada.post(address, data={**typed, "display_name": ""}))), "display_name": "Second"}
    assert ada.post(address, data=mended).status_code == 409


@pytest.mark.parametrize("problem", get_args(SignInProblem))
def test_a_connection_that_cannot_be_used_says_why_and_what_was_recorded(
    world: World, ada: TestClient, problem: str
) -> None:
    broken = put(world, "Broken", sign_in_again="The refresh token is invalid or expired.", sign_in_problem=problem)
    page = Page(ada.get(f"/connections/{broken.id}"))
    assert "fail until somebody signs in again" in page.words
    assert words.SIGN_IN_PROBLEMS[problem] in page.words
    assert words_of(page.one("p", lang="en")) == "The refresh token is invalid or expired."


def test_a_removal_that_was_cut_short_is_told_in_the_reader_s_language(world: World, ada: TestClient) -> None:
    half = put(world, "Half", removal_begun_at=world.clock.now())
    assert "Removal begun" in Page(ada.get("/connections")).cells("State")
    ada.headers["Accept-Language"] = "it"
    page = Page(ada.get(f"/connections/{half.id}"))
    assert "Rimozione iniziata" in page.words
    assert "La rimozione è stata iniziata e non completata" in page.words
    assert "non vengono eseguite" not in page.words


def test_what_a_program_did_is_told_in_the_reader_s_language(world: World, ada: TestClient) -> None:
    made = put(world, "By a program", created_by="function key", updated_by="function key")
    ada.headers["Accept-Language"] = "it"
    assert "Chiave di funzione" in Page(ada.get("/connections")).cells("Creata da")
    page = Page(ada.get(f"/connections/{made.id}"))
    assert [words_of(one) for one in page.all("dd")].count("Chiave di funzione") == 2


def test_behind_an_open_panel_nothing_can_be_reached(world: World, ada: TestClient) -> None:
    page = Page(ada.get(f"/connections/{world.connection.id}"))
    assert "inert" in page.one("div", class_name="frame").attributes
    panel = page.one("section", role="dialog")
    assert panel.attributes["aria-modal"] == "true"
