"""The list of exports: what is found, in which order, page by page, and what each row says."""

from __future__ import annotations

from typing import get_args

import pytest

from admin.exports import Order, Sort, listed, one
from shared.models import Export, Schedule
from shared.people import Person
from tests.admin.exporting import ADA, CLEO, VERA, share
from tests.exporters.world import World

DAILY = Schedule(recurrence="daily", times=("06:00",))


def names(world: World, person: Person = ADA, **asked: object) -> list[str]:
    found = listed(world.services, person, **asked)  # type: ignore[arg-type]
    return [item.export.name for item in found.items]


def rename_connection(world: World, connection_id: str, name: str) -> None:
    change = {"display_name": name}
    world.services.connections.change(connection_id, lambda one: one.model_copy(update=change))


@pytest.fixture
def three(world: World) -> list[Export]:
    """Exports that differ in everything they can be sorted by; the second has run, the third failed later."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.clock.advance(60)
    other = share(world, world.add_connection())
    rename_connection(world, other.id, "Atelier")
    first = world.add_export("Loyal", name="b", list_name="Zoo")
    world.clock.advance(60)
    second = world.add_export("Loyal", name="C", connection_id=other.id, schedule=DAILY, list_name="apes")
    world.clock.advance(60)
    third = world.add_export("None", name="a", connection_id=None, schedule=Schedule(active=False), list_name="Bees")
    world.run_to_end(second)
    world.services.exports.change(third.id, lambda one: one.model_copy(update={"connection_id": world.connection.id}))
    world.run_to_end(third)
    world.services.exports.change(third.id, lambda one: one.model_copy(update={"connection_id": None}))
    return [first, second, third]


ORDERS: dict[Sort, list[str]] = {
    "name": ["a", "b", "C"],
    "connection": ["a", "C", "b"],
    "list": ["C", "a", "b"],
    "status": ["b", "a", "C"],
    "last_run": ["b", "C", "a"],
    "schedule": ["C", "b", "a"],
    "updated": ["b", "C", "a"],
}


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("sort", get_args(Sort))
@pytest.mark.parametrize("order", get_args(Order))
def test_exports_are_sorted_by_each_column_in_both_directions(world: World, sort: Sort, order: Order) -> None:
    expected = ORDERS[sort]
    assert names(world, sort=sort, order=order) == (expected if order == "ascending" else expected[::-1])


@pytest.mark.usefixtures("three")
def test_each_row_says_what_became_of_the_last_run_and_when_the_next_begins(world: World) -> None:
    rows = {row.export.name: row for row in listed(world.services, ADA).items}
    assert {name: row.last and row.last.status for name, row in rows.items()} == {
        "a": "failed",
        "b": None,
        "C": "successful",
    }
    assert {name for name, row in rows.items() if row.next_start} == {"C"}
    assert {name for name, row in rows.items() if row.may_run} == {"b", "C"}


def test_a_row_says_that_a_run_is_under_way(world: World) -> None:
    export = world.add_export("Loyal")
    world.start(export)
    assert one(world.services, ADA, export.id).running
    world.deliver()
    assert not one(world.services, ADA, export.id).running


def test_a_list_longer_than_a_page_has_more_of_them(world: World) -> None:
    for number in range(5):
        world.add_export("Loyal", name=f"Export {number}")
    found = listed(world.services, ADA, page=2, size=2)
    assert ([row.export.name for row in found.items], found.total, found.page, found.pages) == (
        ["Export 2", "Export 3"],
        5,
        2,
        3,
    )
    assert listed(world.services, ADA, page=99, size=2).page == 3
    assert listed(world.services, ADA, search="nothing", page=2, size=2).page == 1


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("search", "expected"),
    [("", ["a", "b", "C"]), ("zoo", ["b"]), ("ATELIER", ["C"]), ("loyal", ["b", "C"]), ("loyal zoo", ["b"]), ("x", [])],
)
def test_words_are_looked_for_in_all_that_is_shown(world: World, search: str, expected: list[str]) -> None:
    assert names(world, search=search) == expected


@pytest.mark.usefixtures("three")
def test_neither_search_nor_order_tells_of_a_connection_that_one_may_not_know(world: World) -> None:
    assert names(world, CLEO, search="shop") == names(world, VERA, search="atelier") == []
    # The viewer knows of no connection, so that all are alike and the names decide.
    assert names(world, VERA, sort="connection") == ["a", "b", "C"]
    rows = {row.export.name: row for row in listed(world.services, CLEO).items}
    assert {name for name, row in rows.items() if row.connection} == {"C"}
    assert {name for name, row in rows.items() if row.may_edit} == {"a", "C"}
