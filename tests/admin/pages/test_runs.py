"""The lists of runs: all of them, and those of one export."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from admin.pages.run_words import FILTERS, STATUSES
from exporters.runs import ENDED
from shared.models import Export
from tests.admin.pages.reading import Page, words_of
from tests.admin.pages.runs_that_ended import ended
from tests.exporters.world import World


@pytest.fixture
def export(world: World) -> Export:
    """An export of three profiles: two contacts, and one that cannot be a contact."""
    world.write_snapshot("Members", ["a@example.com,A", "b@example.com,B", "nobody,C"])
    world.clock.advance(60)
    return world.add_export("Members", name="Spring")


def test_all_runs_are_listed_the_newest_first(world: World, vera: TestClient, export: Export) -> None:
    world.run_to_end(export)
    ended(world, world.add_export("Members", name="Winter"), "up_to_date")

    page = Page(vera.get("/runs"))

    assert page.faults == []
    assert [words_of(one) for one in page.all("th", class_name="name")] == ["Winter", "Spring"]
    assert page.cells("Status") == [STATUSES["up_to_date"], STATUSES["completed_with_warnings"]]
    assert page.cells("Read") == ["–", "3"]
    assert page.cells("Sent") == ["–", "2"]
    assert page.cells("Started by") == ["Refresh", "test"]


@pytest.mark.parametrize("chosen", FILTERS)
def test_the_list_is_filtered_by_status(world: World, ada: TestClient, export: Export, chosen: str) -> None:
    for status in sorted(ENDED):
        ended(world, export, status)
    running = world.start(export)

    found = {run.split()[-1] for run in _links(Page(ada.get("/runs", params={"status": chosen})))}

    wanted = {
        run.run_id
        for run in world.services.history.page(limit=100).runs
        if run.status in FILTERS[chosen][1] and run.run_id
    }
    assert found == wanted
    assert found
    assert (running.run_id in found) == (chosen == "running")


def test_a_long_list_is_read_page_by_page_and_back_by_the_same_pages(
    world: World, ada: TestClient, export: Export
) -> None:
    runs = [ended(world, export, "up_to_date").run_id for _ in range(110)]
    for address in ("/runs", f"/exports/{export.id}/runs"):
        first = Page(ada.get(address))
        second = _turned(ada, first, "older")
        third = _turned(ada, second, "older")

        assert [*_links(first), *_links(second), *_links(third)] == runs[::-1]
        assert _links(_turned(ada, third, "newer")) == _links(second)
        assert second.one("a", id="page-newer").attributes["href"] == address
        assert third.one("a", id="page-newest").attributes["href"] == address
        assert first.all("a", id="page-newer") == third.all("a", id="page-older") == []


def test_another_filter_begins_at_its_newest_run(world: World, ada: TestClient, export: Export) -> None:
    for _ in range(110):
        ended(world, export, "up_to_date")
    third = _turned(ada, _turned(ada, Page(ada.get("/runs?status=up_to_date")), "older"), "older")
    assert third.one("a", id="status-failed").attributes["href"] == "/runs?status=failed"
    assert third.one("a", id="page-newest").attributes["href"] == "/runs?status=up_to_date"


def test_the_runs_of_an_export_that_was_removed_are_still_listed(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    world.services.exports.remove(export.id)
    page = Page(ada.get(f"/exports/{export.id}/runs"))
    assert page.faults == []
    assert [link.split()[-1] for link in _links(page)] == [run.run_id]
    assert "Runs of “Spring”" in page.words
    assert page.all("a", href=f"/exports/{export.id}") == []


def test_an_export_that_never_was_has_no_list_of_runs(ada: TestClient) -> None:
    assert ada.get("/exports/never/runs").status_code == 404


def test_the_runs_of_one_export_are_its_own(world: World, ada: TestClient, export: Export) -> None:
    mine = ended(world, export, "successful")
    ended(world, world.add_export("Members", name="Winter"), "successful")

    assert _links(Page(ada.get(f"/exports/{export.id}/runs"))) == [mine.run_id]


@pytest.mark.parametrize(
    ("address", "said"),
    [("/runs", "Nothing has run yet"), ("/runs?status=failed", "No such run")],
)
def test_an_empty_list_says_what_comes_first(ada: TestClient, address: str, said: str) -> None:
    assert said in Page(ada.get(address)).words


def test_there_is_nothing_to_filter_before_anything_has_run(ada: TestClient) -> None:
    assert Page(ada.get("/runs")).all("a", class_name="pill") == []
    assert Page(ada.get("/runs?status=failed")).all("a", class_name="pill")


@pytest.mark.parametrize(
    "address", ["/runs?status=nonsense", "/runs?after='", "/runs?after=" + "9" * 65, "/runs?passed=%27"]
)
def test_an_address_that_no_page_has_is_refused(ada: TestClient, address: str) -> None:
    assert ada.get(address).status_code in (400, 422)


def _turned(browser: TestClient, page: Page, way: str) -> Page:
    """The page that a button below the list leads to."""
    return Page(browser.get(page.one("a", id=f"page-{way}").attributes["href"]))


def _links(page: Page) -> list[str]:
    """The ids of the runs that a list shows."""
    return [
        one.attributes["id"].removeprefix("run-")
        for one in page.all("a")
        if one.attributes.get("id", "").startswith("run-")
    ]
