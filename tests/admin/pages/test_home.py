"""The first page: what needs a person, what is under way, the calls that are left, the chart, the first steps."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from fastapi.testclient import TestClient

from admin.pages.chart import HEIGHT, WIDTH, chart_of, round_up
from admin.pages.run_words import PROBLEMS
from exporters.constant_contact.limits import API
from exporters.runs import Run
from shared.models import Connection, ConstantContactAccount, Export
from tests.admin.asking import pages_as
from tests.admin.pages.reading import Element, Page, words_of
from tests.exporters.world import World


@pytest.fixture
def export(world: World) -> Export:
    """An export of two profiles that works."""
    world.write_snapshot("Members", ["a@example.com,A", "b@example.com,B"])
    world.clock.advance(60)
    return world.add_export("Members", name="Spring")


def section(page: Page, name: str) -> Element:
    return page.one("section", aria_labelledby=f"{name}-title")


def links(page: Page, name: str) -> list[tuple[str, str]]:
    """The links of a section: their words and addresses."""
    wanted = section(page, name)
    return [(words_of(one), one.attributes["href"]) for one in page.all("a") if wanted in one.around]


def steps(page: Page) -> list[bool]:
    """Which of the first steps are ticked off."""
    if not page.all("ol", class_name="steps"):
        return []
    listed = page.one("ol", class_name="steps")
    return [one.attributes.get("class") == "ticked" for one in page.all("li") if one.around[-1] == listed]


def sign_in(world: World, connection: Connection, **update: object) -> None:
    account = ConstantContactAccount(id="a-1", name="Local Company")
    world.services.connections.change(connection.id, lambda one: one.model_copy(update={"account": account, **update}))


def path(run: Run) -> str:
    return f"/exports/{run.export_id}/runs/{run.run_id}"


# --- What needs a person ----------------------------------------------------------------------------------------------


def test_a_connection_whose_removal_was_cut_short_says_so_and_what_to_do(world: World, ada: TestClient) -> None:
    sign_in(world, world.connection, removal_begun_at=world.clock.now())
    assert "Its removal was begun and not finished. Remove it again" in words_of(
        section(Page(ada.get("/")), "connections")
    )
    contributor = Page(pages_as(world, "Contributor").get("/")).words
    assert "Remove it again" not in contributor


def test_a_connection_that_nobody_has_signed_in_to_needs_somebody(world: World, ada: TestClient) -> None:
    page = Page(ada.get("/"))
    assert page.faults == []
    assert links(page, "connections") == [
        ("Shop", f"/connections/{world.connection.id}"),
        ("Nobody has signed in yet.", "/help#not_connected"),
    ]
    sign_in(world, world.connection)
    assert page.all("section", aria_labelledby="connections-title")
    assert Page(ada.get("/")).all("section", aria_labelledby="connections-title") == []


def test_contributors_hear_of_shared_connections_alone_and_viewers_of_none(
    world: World, carlo: TestClient, vera: TestClient
) -> None:
    assert "Shop" not in Page(carlo.get("/")).words
    sharing = {"sharing": "administrators_and_contributors"}
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update=sharing))

    told = Page(carlo.get("/"))

    assert "Shop" in words_of(section(told, "connections"))
    assert links(told, "connections") == [("Nobody has signed in yet.", "/help#not_connected")]
    assert "Shop" not in Page(vera.get("/")).words


def test_an_export_whose_last_run_failed_is_named_with_the_reason(
    world: World, vera: TestClient, export: Export
) -> None:
    failed = world.run_to_end(world.add_export("Gone", name="Winter"))
    world.run_to_end(export)

    page = Page(vera.get("/"))

    assert links(page, "failed") == [("Winter", path(failed)), (PROBLEMS["no_snapshot"][0], "/help#no_snapshot")]


def test_an_export_that_works_again_is_not_named_any_more(world: World, ada: TestClient, export: Export) -> None:
    late = world.add_export("Late", name="Late")
    world.run_to_end(late)
    assert links(Page(ada.get("/")), "failed")
    world.write_snapshot("Late", ["a@example.com,A"])
    world.clock.advance(60)
    world.run_to_end(late)
    assert links(Page(ada.get("/")), "failed") == []


def test_an_export_that_failed_and_was_removed_needs_nobody(world: World, ada: TestClient) -> None:
    gone = world.add_export("Gone", name="Winter")
    world.run_to_end(gone)
    world.services.exports.remove(gone.id)
    assert links(Page(ada.get("/")), "failed") == []


def test_of_many_exports_that_failed_some_are_named_and_all_can_be_reached(world: World, ada: TestClient) -> None:
    for number in range(12):
        world.run_to_end(world.add_export("Gone", name=f"Winter {number}"))
    found = [one for one in links(Page(ada.get("/")), "failed") if not one[1].startswith("/help#")]
    assert len(found) == 11
    assert found[-1] == ("All 12 exports that failed", "/runs?status=failed")


# --- What happens -----------------------------------------------------------------------------------------------------


def test_a_run_under_way_is_shown_until_it_has_ended(world: World, vera: TestClient, export: Export) -> None:
    run = world.start(export)
    assert links(Page(vera.get("/")), "running") == [("Spring", path(run))]
    world.deliver()
    assert "Nothing is running." in words_of(section(Page(vera.get("/")), "running"))


def test_the_calls_left_today_are_those_of_the_limit(world: World, vera: TestClient, export: Export) -> None:
    world.run_to_end(export)
    left = world.services.limiter.left_today(API)
    assert left < 9_900
    assert f"{left:,} of 9,900" in words_of(section(Page(vera.get("/")), "calls"))


def test_the_chart_has_the_profiles_that_were_sent_today(world: World, vera: TestClient, export: Export) -> None:
    assert "Nothing was sent in the last 30 days." in words_of(section(Page(vera.get("/")), "chart"))
    world.run_to_end(export)

    page = Page(vera.get("/"))

    figures = [words_of(one) for one in page.all("td", class_name="figure")]
    assert figures == ["2", *["0"] * 29]
    assert "2 profiles were sent in the last 30 days" in words_of(page.one("title", id="chart-name"))
    assert len(page.all("rect", class_name="day")) == 1


# --- The first steps --------------------------------------------------------------------------------------------------


def test_the_first_steps_are_ticked_off_one_by_one_and_then_gone(world: World, ada: TestClient) -> None:
    ticked = [steps(Page(ada.get("/")))]
    sign_in(world, world.connection)
    ticked.append(steps(Page(ada.get("/"))))
    world.write_snapshot("Members", ["a@example.com,A"])
    export = world.add_export("Members")
    ticked.append(steps(Page(ada.get("/"))))
    world.clock.advance(60)
    world.run_to_end(export)
    ticked.append(steps(Page(ada.get("/"))))

    assert ticked == [[False, False, False], [True, False, False], [True, True, False], []]


def test_a_run_that_failed_later_does_not_bring_the_first_steps_back(
    world: World, ada: TestClient, export: Export
) -> None:
    sign_in(world, world.connection)
    world.run_to_end(export)
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"segments": ("Gone",)}))
    assert world.run_to_end(export).status == "failed"
    assert steps(Page(ada.get("/"))) == []


@pytest.mark.parametrize(
    ("who", "addresses"),
    [
        ("Administrator", ["/connections/add", "/exports/add", "/exports"]),
        ("Contributor", [None, "/exports/add", "/exports"]),
        ("Viewer", [None, None, None]),
    ],
)
def test_a_step_leads_those_who_may_do_it_when_it_is_its_turn(
    world: World, who: str, addresses: list[str | None]
) -> None:
    with pages_as(world, who) as client:
        found = [_next_steps(client)]
        sign_in(world, world.connection)
        found.append(_next_steps(client))
        world.add_export("Members", name="Spring")
        found.append(_next_steps(client))
    assert found == [[address] if address else [] for address in addresses]


def _next_steps(client: TestClient) -> list[str]:
    return [address for _, address in links(Page(client.get("/")), "steps")]


def test_before_anything_has_run_it_is_not_said_that_all_went_through(
    world: World, vera: TestClient, export: Export
) -> None:
    assert "None so far." in words_of(section(Page(vera.get("/")), "failed"))
    world.run_to_end(export)
    assert "the last run of every export went through" in words_of(section(Page(vera.get("/")), "failed"))


# --- The picture ------------------------------------------------------------------------------------------------------


def days(*profiles: int) -> list[tuple[date, int]]:
    return [(date(2026, 11, 1) + timedelta(days=at), number) for at, number in enumerate(profiles)]


def test_a_bar_is_as_high_as_its_day_and_stands_on_the_ground() -> None:
    bars = chart_of(days(0, 50, 100)).bars
    assert [bar.height for bar in bars] == [0, HEIGHT // 2, HEIGHT]
    assert all(bar.y + bar.height == HEIGHT for bar in bars)


def test_one_profile_beside_a_million_can_still_be_seen() -> None:
    assert [bar.height > 0 for bar in chart_of(days(1, 0, 1_000_000)).bars] == [True, False, True]


def test_the_bars_of_thirty_days_are_beside_each_other_within_the_picture() -> None:
    bars = chart_of(days(*range(30))).bars
    assert all(one.x + one.width < following.x for one, following in pairwise(bars))
    assert bars[-1].x + bars[-1].width <= WIDTH


@pytest.mark.parametrize(("most", "top"), [(0, 10), (10, 10), (11, 20), (999, 1000), (1001, 2000), (2001, 5000)])
def test_the_upper_edge_is_a_round_number(most: int, top: int) -> None:
    assert round_up(most) == top
