"""The schedule of an export: chosen, checked, told in words, and saved apart from the rest of the export."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.models import Export, Schedule
from shared.people import Role
from tests.admin.asking import pages_as
from tests.admin.pages.reading import Page, words_of
from tests.exporters.world import World

WEEKLY = Schedule(recurrence="weekly", days=("monday", "friday"), times=("06:00", "18:30"), time_zone="Europe/Rome")


def address(export: Export) -> str:
    return f"/exports/{export.id}/schedule"


def form(**changed: object) -> dict[str, Any]:
    """A weekly schedule, as a browser sends it."""
    return {
        "active": "yes",
        "recurrence": "weekly",
        "days": ["monday", "friday"],
        "times": ["06:00", "18:30"],
        "time_zone": "Europe/Rome",
        **changed,
    }


def panel(page: Page) -> str:
    return words_of(page.one("section", role="dialog"))


def kept(world: World, export: Export) -> Schedule:
    return world.services.exports.get(export.id).schedule


def values(page: Page, name: str) -> list[str]:
    return [one.attributes["value"] for one in page.all("input", name=name)]


def checked(page: Page, name: str) -> list[str]:
    return [one.attributes["value"] for one in page.all("input", name=name) if "checked" in one.attributes]


def press(client: TestClient, export: Export, do: str, **changed: object) -> Page:
    answer = client.post(address(export), data=form(**changed, do=do))
    assert answer.status_code == 200
    page = Page(answer)
    assert page.faults == []
    return page


def test_the_panel_shows_the_schedule_as_it_is(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal", schedule=WEEKLY)
    page = Page(ada.get(address(export)))
    assert page.faults == []
    assert checked(page, "active") == ["yes"]
    assert checked(page, "recurrence") == ["weekly"]
    assert checked(page, "days") == ["monday", "friday"]
    assert values(page, "times") == ["06:00", "18:30"]
    assert values(page, "time_zone") == ["Europe/Rome"]


def test_a_schedule_is_saved_and_nothing_else_of_the_export_changes(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    answer = ada.post(address(export), data=form(do="save"))
    assert answer.status_code == 303
    assert "The schedule of “Newsletter” was saved." in Page(ada.get(answer.headers["location"])).words
    changed = world.services.exports.get(export.id)
    assert changed.schedule == WEEKLY
    assert changed.model_copy(update={"schedule": export.schedule}).model_dump(
        exclude={"schedule_set_at", "updated_at", "updated_by", "updated_by_id"}
    ) == export.model_dump(exclude={"schedule_set_at", "updated_at", "updated_by", "updated_by_id"})


def test_switched_off_the_rest_of_the_schedule_is_kept(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal", schedule=WEEKLY)
    ada.post(address(export), data=form(active="", do="save"))
    assert kept(world, export) == WEEKLY.model_copy(update={"active": False})


def test_with_every_refresh_days_and_times_count_for_nothing(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal", schedule=WEEKLY)
    ada.post(address(export), data=form(recurrence="every_refresh", do="save"))
    assert kept(world, export) == Schedule()


def test_a_daily_schedule_has_no_days(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    ada.post(address(export), data=form(recurrence="daily", do="save"))
    assert kept(world, export).days == ()
    assert kept(world, export).times == ("06:00", "18:30")


def test_the_next_start_is_told_in_the_zone_of_the_schedule_and_for_the_reader(world: World, ada: TestClient) -> None:
    page = press(ada, world.add_export("Loyal"), "update", days=["monday"], times=["06:00"])
    said = panel(page)
    assert "Europe/Rome Monday" in said
    assert "06:00" in said
    (moment,) = [one for one in page.all("time") if "data-exact" in one.attributes]
    assert moment.attributes["datetime"][11:16] in ("04:00", "05:00")


def test_a_schedule_that_is_off_has_no_next_start(world: World, ada: TestClient) -> None:
    page = press(ada, world.add_export("Loyal"), "update", active="")
    assert "None by itself: the schedule is off." in panel(page)


def test_times_are_added_up_to_four(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    page = press(ada, export, "add-time")
    assert values(page, "times") == ["06:00", "18:30", ""]
    page = press(ada, export, "add-time", times=["01:00", "02:00", "03:00"])
    assert values(page, "times") == ["01:00", "02:00", "03:00", ""]
    assert not page.all("button", value="add-time")
    assert len(values(press(ada, export, "add-time", times=["01:00", "02:00", "03:00", "04:00"]), "times")) == 4


def test_a_time_is_removed_and_one_field_always_stays(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    assert values(press(ada, export, "remove-time:0"), "times") == ["18:30"]
    assert values(press(ada, export, "remove-time:0", times=["06:00"]), "times") == [""]


def test_an_empty_time_counts_for_nothing(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    ada.post(address(export), data=form(times=["06:00", "", "18:30"], do="save"))
    assert kept(world, export).times == ("06:00", "18:30")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"days": []}, "Choose at least one day."),
        ({"days": ["someday"]}, "Choose at least one day."),
        ({"times": [""]}, "Give at least one time."),
        ({"times": ["06:03"]}, "Give each time on the five minutes"),
        ({"times": ["25:00"]}, "Give each time on the five minutes"),
        ({"time_zone": "Middle/Earth"}, "Choose one of the time zones"),
        ({"time_zone": ""}, "Choose one of the time zones"),
        ({"recurrence": "hourly"}, "Choose how often it runs."),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_beside_its_field(
    world: World, ada: TestClient, wrong: dict[str, object], said: str
) -> None:
    export = world.add_export("Loyal", schedule=WEEKLY)
    answer = ada.post(address(export), data=form(**wrong, do="save"))
    page = Page(answer)
    assert answer.status_code == 422
    assert page.faults == []
    assert said in page.problems()[0]
    assert kept(world, export) == WEEKLY


def test_a_change_by_somebody_else_is_told_and_nothing_is_overwritten(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal")
    read = values(Page(ada.get(address(export))), "etag")[0]
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"name": "Theirs"}))
    answer = ada.post(address(export), data=form(etag=read, do="save"))
    page = Page(answer)
    assert answer.status_code == 409
    assert "nothing was overwritten" in page.problems()[0]
    assert checked(page, "days") == ["monday", "friday"]
    assert kept(world, export) == Schedule()

    assert ada.post(address(export), data=form(etag=values(page, "etag")[0], do="save")).status_code == 303
    assert kept(world, export) == WEEKLY


@pytest.mark.parametrize(("language", "monday"), [("en", "Monday"), ("it", "Lunedì"), ("ro", "Luni")])
def test_the_days_are_named_in_the_readers_language(world: World, ada: TestClient, language: str, monday: str) -> None:
    export = world.add_export("Loyal", schedule=WEEKLY)
    ada.cookies.set("language", language)
    page = Page(ada.get(address(export)))
    assert monday in [words_of(one) for one in page.all("label", class_name="choice")]


@pytest.mark.parametrize("who", ["Viewer", "Contributor"])
def test_who_may_not_edit_the_export_may_not_schedule_it(world: World, who: Role) -> None:
    export = world.add_export("Loyal")
    with pages_as(world, who) as other:
        assert other.get(address(export)).status_code == 403
        assert other.post(address(export), data=form(do="save")).status_code == 403
    assert kept(world, export) == Schedule()
