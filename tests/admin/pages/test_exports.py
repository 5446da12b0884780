"""The list of exports: what it shows, what each role is offered, and what is done from it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from shared.models import Connection, Export, Schedule
from tests.admin.asking import pages_as
from tests.admin.drafting import SHARED
from tests.admin.pages.reading import Element, Page, words_of
from tests.exporters.world import World


def share(world: World) -> Connection:
    changed = world.services.connections.change(
        world.connection.id, lambda one: one.model_copy(update={"sharing": SHARED})
    )
    return changed.value


def names(page: Page) -> list[str]:
    return [words_of(one) for one in page.all("th", role="rowheader")]


def bar(page: Page) -> list[str]:
    """The words of the command bar, without those in its menu."""
    return [
        words_of(one)
        for one in page.elements
        if one.tag in ("a", "button") and one.attributes.get("class", "").startswith("command at-")
    ]


def menu_of(page: Page, export: Export) -> list[str]:
    row = f"row-{export.id}"
    return [
        words_of(one)
        for one in page.elements
        if one.attributes.get("class") == "menu-item"
        and any(around.attributes.get("id") == row for around in one.around)
    ]


def panel(page: Page) -> str:
    return words_of(page.one("section", role="dialog"))


def forms(page: Page) -> list[str]:
    return [one.attributes["action"] for one in page.all("form") if one.attributes.get("method") == "post"]


def buttons_of(page: Page, action: str) -> list[Element]:
    return [one for one in page.all("button") if any(a.attributes.get("action") == action for a in one.around)]


# --- What the list shows ----------------------------------------------------------------------------------------------


def test_each_export_is_shown_with_connection_list_schedule_and_who_made_it(world: World, ada: TestClient) -> None:
    world.add_export("Loyal", list_name="Newsletter readers")
    page = Page(ada.get("/exports"))
    assert page.faults == []
    assert names(page) == ["Newsletter"]
    assert page.cells("Connection") == ["Shop"]
    assert page.cells("List") == ["Newsletter readers"]
    assert page.cells("Last run") == ["Never run"]
    assert page.cells("Schedule") == ["With every refresh"]
    assert page.cells("Last updated") == ["just now test"]


def test_an_export_without_a_connection_says_so(world: World, ada: TestClient) -> None:
    world.add_export("Loyal", connection_id=None)
    assert Page(ada.get("/exports")).cells("Connection") == ["No connection"]


def test_a_list_without_a_known_name_is_shown_by_its_id(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    assert Page(ada.get("/exports")).cells("List") == [export.list_id]


def test_the_last_run_is_shown_by_icon_and_word_and_leads_to_its_page(world: World, ada: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.run_to_end(export)
    page = Page(ada.get("/exports"))
    assert page.cells("Last run")[0].startswith("Successful")
    link = page.one("a", class_name="run-link")
    assert link.attributes["href"] == f"/exports/{export.id}/runs/{run.run_id}"
    assert any(one.tag == "svg" and link in one.around for one in page.elements)


def test_a_schedule_of_its_own_is_told_in_words_with_its_next_start(world: World, ada: TestClient) -> None:
    weekly = Schedule(recurrence="weekly", days=("monday", "thursday"), times=("06:00",), time_zone="Europe/Rome")
    world.add_export("Loyal", schedule=weekly)
    (cell,) = Page(ada.get("/exports")).cells("Schedule")
    assert cell.startswith("Mon and Thu at 06:00 Next: in ")


def test_a_schedule_that_is_off_is_told_as_off(world: World, ada: TestClient) -> None:
    world.add_export("Loyal", schedule=Schedule(active=False))
    assert Page(ada.get("/exports")).cells("Schedule") == ["Off"]


@pytest.mark.parametrize(
    ("language", "said"), [("it", "Ogni giorno alle 06:00 e 18:00"), ("ro", "Zilnic la 06:00 și 18:00")]
)
def test_a_schedule_is_told_in_the_readers_language(world: World, language: str, said: str) -> None:
    world.add_export("Loyal", schedule=Schedule(recurrence="daily", times=("06:00", "18:00")))
    with pages_as(world, "Viewer", headers={"Accept-Language": language}) as reader:
        assert [one for one in Page(reader.get("/exports")).all("td") if said in words_of(one)]


def test_exports_are_found_by_a_part_of_the_name(world: World, ada: TestClient) -> None:
    world.add_export("Loyal", name="Spring campaign")
    world.add_export("Loyal", name="Autumn campaign")
    page = Page(ada.get("/exports?search=SPRING"))
    assert names(page) == ["Spring campaign"]
    assert page.one("input", id="search").attributes["value"] == "SPRING"


def test_when_nothing_is_found_the_page_says_so_and_shows_the_way_back(world: World, ada: TestClient) -> None:
    world.add_export("Loyal")
    page = Page(ada.get("/exports?search=nothing+like+it"))
    assert "Nothing was found for “nothing like it”" in page.words
    assert [one for one in page.all("a", href="/exports") if words_of(one) == "Show all"]


def test_the_list_is_sorted_as_asked(world: World, ada: TestClient) -> None:
    for name in ("b", "a", "c"):
        world.add_export("Loyal", name=name)
    assert names(Page(ada.get("/exports"))) == ["a", "b", "c"]
    page = Page(ada.get("/exports?sort=name&order=descending"))
    assert names(page) == ["c", "b", "a"]
    assert [
        one.attributes.get("aria-sort") for one in page.all("th", scope="col") if "aria-sort" in one.attributes
    ] == ["descending"]


def test_a_long_list_has_pages(world: World, ada: TestClient) -> None:
    for number in range(52):
        world.add_export("Loyal", name=f"Export {number:02}")
    assert len(names(Page(ada.get("/exports")))) == 50
    page = Page(ada.get("/exports?page=2"))
    assert names(page) == ["Export 50", "Export 51"]
    assert "51–52 of 52" in page.words


# --- What each role is offered ----------------------------------------------------------------------------------------


def test_with_nothing_selected_an_export_can_be_added_and_all_run(world: World, ada: TestClient) -> None:
    world.add_export("Loyal")
    assert bar(Page(ada.get("/exports"))) == ["Add export", "Run all"]


def test_with_one_selected_its_commands_are_offered_in_the_bar_and_in_its_row(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    page = Page(ada.get(f"/exports?selected={export.id}"))
    commands = ["Edit", "Run", "Create duplicate", "Schedule", "Detach connection", "Remove", "Past runs"]
    assert bar(page) == commands
    assert menu_of(page, export) == commands
    assert "1 selected" in page.words


def test_what_was_detached_can_neither_run_nor_be_detached(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal", connection_id=None)
    offered = menu_of(Page(ada.get("/exports")), export)
    assert not {"Run", "Detach connection"} & set(offered)
    assert "Edit" in offered


def test_an_export_that_runs_leads_to_its_run_instead_of_a_second_one(world: World, ada: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    offered = menu_of(Page(ada.get("/exports")), export)
    assert "Show the run" in offered
    assert "Run" not in offered


def test_a_contributor_is_offered_what_they_may_do_with_a_shared_connection(world: World, carlo: TestClient) -> None:
    share(world)
    export = world.add_export("Loyal")
    page = Page(carlo.get("/exports"))
    assert bar(page) == ["Add export", "Run all"]
    assert menu_of(page, export)[:2] == ["Edit", "Run"]


def test_of_an_export_on_a_connection_that_is_not_shared_a_contributor_only_sees(
    world: World, carlo: TestClient
) -> None:
    export = world.add_export("Loyal")
    page = Page(carlo.get("/exports"))
    assert menu_of(page, export) == ["View", "Past runs"]
    assert page.cells("Connection") == ["Not shared with you"]


def test_a_viewer_is_offered_no_command_that_changes_anything(world: World) -> None:
    export = world.add_export("Loyal")
    with pages_as(world, "Viewer") as vera:
        page = Page(vera.get(f"/exports?selected={export.id}"))
    assert bar(page) == ["View", "Past runs"]
    assert forms(page) == ["/language"]


def test_without_any_connection_the_first_step_is_to_connect(world: World, ada: TestClient) -> None:
    world.services.connections.remove(world.connection.id)
    page = Page(ada.get("/exports"))
    assert "Connect an account first" in page.words
    assert page.all("a", href="/connections/add")
    assert not page.all("a", href="/exports/add")


def test_without_a_shared_connection_a_contributor_is_told_whom_to_ask(world: World, carlo: TestClient) -> None:
    page = Page(carlo.get("/exports"))
    assert "Ask an administrator" in page.words
    assert not page.all("a", href="/exports/add")


def test_with_a_connection_the_first_step_is_to_add_an_export(world: World, ada: TestClient) -> None:
    page = Page(ada.get("/exports"))
    assert "Make your first export" in page.words
    assert page.one("a", id="add").attributes["href"] == "/exports/add"


# --- Running ----------------------------------------------------------------------------------------------------------


def test_running_leads_to_the_page_of_the_run(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    answer = ada.post(f"/exports/{export.id}/run")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/exports/{export.id}/runs/{world.last_run(export).run_id}"
    assert world.last_run(export).started_by == "Ada Administrator"


def test_running_what_runs_already_leads_to_that_run(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    answer = ada.post(f"/exports/{export.id}/run")
    assert answer.headers["location"] == f"/exports/{export.id}/runs/{run.run_id}"
    assert world.last_run(export) == run


def test_before_all_run_the_page_says_how_many_and_asks(world: World, ada: TestClient) -> None:
    world.add_export("Loyal", name="On")
    world.add_export("Loyal", name="Off", schedule=Schedule(active=False))
    world.start(world.add_export("Loyal", name="Running"))
    page = Page(ada.get("/exports/run-all"))
    said = panel(page)
    assert "1 run will start" in said
    assert "1 export is running already and is left alone." in said
    assert "1 export has its schedule off" in said
    assert [words_of(one) for one in buttons_of(page, "/exports/run-all")] == ["Start 1 run"]


def test_run_all_starts_those_with_an_active_schedule_and_tells_of_each(world: World, ada: TestClient) -> None:
    on = world.add_export("Loyal", name="On")
    off = world.add_export("Loyal", name="Off", schedule=Schedule(active=False))
    page = Page(ada.post("/exports/run-all"))
    assert "1 run was started." in panel(page)
    assert page.all("a", href=f"/exports/{on.id}/runs/{world.last_run(on).run_id}")
    assert world.services.runs.newest(off.id, 1) == []


def test_where_nothing_can_start_there_is_no_button_to_start(world: World, ada: TestClient) -> None:
    world.add_export("Loyal", schedule=Schedule(active=False))
    page = Page(ada.get("/exports/run-all"))
    assert "There is nothing to start" in panel(page)
    assert buttons_of(page, "/exports/run-all") == []


# --- Letting go -------------------------------------------------------------------------------------------------------


def test_before_detaching_the_page_says_what_stays(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    said = panel(Page(ada.get(f"/exports/{export.id}/detach")))
    assert "The export is kept" in said
    assert "edit it and choose a connection" in said


def test_a_detached_export_keeps_everything_else(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    answer = ada.post(f"/exports/{export.id}/detach")
    assert answer.status_code == 303
    assert "The connection was detached from “Newsletter”." in Page(ada.get(answer.headers["location"])).words
    kept = world.services.exports.get(export.id)
    assert kept.connection_id is None
    assert (kept.name, kept.list_id, kept.segments, kept.mapping) == (
        export.name,
        export.list_id,
        export.segments,
        export.mapping,
    )


def test_before_removing_the_page_says_what_stays(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    page = Page(ada.get(f"/exports/{export.id}/remove"))
    assert "Remove “Newsletter”?" in panel(page)
    assert "Its past runs stay" in panel(page)
    assert world.services.exports.all() == [export]


def test_a_removed_export_is_gone_and_the_page_says_so(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    answer = ada.post(f"/exports/{export.id}/remove")
    assert answer.status_code == 303
    assert "The export “Newsletter” was removed." in Page(ada.get(answer.headers["location"])).words
    assert world.services.exports.all() == []


def test_an_export_that_runs_is_not_removed(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    world.start(export)
    assert buttons_of(Page(ada.get(f"/exports/{export.id}/remove")), f"/exports/{export.id}/remove") == []
    answer = ada.post(f"/exports/{export.id}/remove")
    assert answer.status_code == 409
    assert "so it was not removed" in Page(answer).problems()[0]
    assert world.services.exports.all() == [export]


@pytest.mark.parametrize("path", ["run", "detach", "remove"])
def test_a_contributor_can_do_nothing_with_what_is_not_shared(world: World, carlo: TestClient, path: str) -> None:
    export = world.add_export("Loyal")
    assert carlo.post(f"/exports/{export.id}/{path}").status_code == 403
    assert world.services.exports.all() == [export]
    assert world.services.runs.newest(export.id, 1) == []


def test_the_list_is_as_old_as_its_clock_says(world: World, ada: TestClient) -> None:
    world.add_export("Loyal")
    world.clock.ahead += timedelta(days=3)
    assert Page(ada.get("/exports")).cells("Last updated") == ["3 days ago test"]
