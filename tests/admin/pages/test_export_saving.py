"""Saving an export: what is kept, what is refused, and that nothing that was typed is lost."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from local.constant_contact.state import LOCAL_LIST_ID
from shared.models import Schedule
from tests.admin.asking import pages_as
from tests.admin.pages.export_forms import NO_LIST, checked, chosen, complete, only_export, panel, press, share, value
from tests.admin.pages.reading import Page, words_of
from tests.exporters.world import World


@pytest.fixture
def segment(world: World) -> str:
    """A segment of three profiles, one of them without an address."""
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "bo@example.com,Bo", ",Cy"])
    world.clock.advance(60)
    return "Loyal"


# --- Saving -----------------------------------------------------------------------------------------------------------


def test_saving_makes_the_export_and_starts_no_run(world: World, ada: TestClient, segment: str) -> None:
    answer = ada.post("/exports/add", data=complete(world, do="save"))
    assert answer.status_code == 303
    assert (
        "The export “Newsletter” was added. Saving has not started a run."
        in Page(ada.get(answer.headers["location"])).words
    )
    export = only_export(world)
    assert (export.name, export.connection_id, export.list_id) == ("Newsletter", world.connection.id, LOCAL_LIST_ID)
    assert (export.segments, export.mapping) == (("Loyal",), {"email": "EMail"})
    assert export.created_by == "Ada Administrator"
    assert world.services.runs.newest(export.id, 1) == []


def test_the_name_of_the_list_is_kept(world: World, ada: TestClient, segment: str) -> None:
    ada.post("/exports/add", data=complete(world, do="save", list_name="what somebody made up"))
    page = press(ada, {"connection": world.connection.id}, "update")
    name = words_of(page.one("label", id=f"list-row-{LOCAL_LIST_ID}"))
    assert only_export(world).list_name
    assert name.startswith(only_export(world).list_name or "-")


def test_save_and_run_leads_to_the_run(world: World, ada: TestClient, segment: str) -> None:
    answer = ada.post("/exports/add", data=complete(world, do="save-and-run"))
    export = only_export(world)
    assert answer.headers["location"] == f"/exports/{export.id}/runs/{world.last_run(export).run_id}"


def test_saving_with_a_run_under_way_leads_to_that_run(world: World, ada: TestClient, segment: str) -> None:
    export = world.add_export(segment)
    run = world.start(export)
    answer = ada.post(f"/exports/{export.id}", data=complete(world, do="save-and-run"))
    assert answer.headers["location"] == f"/exports/{export.id}/runs/{run.run_id}"


def test_a_pasted_list_takes_the_place_of_the_chosen_one(world: World, ada: TestClient, segment: str) -> None:
    ada.post("/exports/add", data=complete(world, list_id=NO_LIST, list_address=LOCAL_LIST_ID, do="save"))
    assert only_export(world).list_id == LOCAL_LIST_ID


def test_a_contributor_makes_exports_with_a_shared_connection(world: World, carlo: TestClient, segment: str) -> None:
    share(world)
    assert carlo.post("/exports/add", data=complete(world, do="save")).status_code == 303
    assert only_export(world).created_by == "Carlo Contributor"


def test_a_contributor_cannot_use_a_connection_that_is_not_shared(
    world: World, carlo: TestClient, segment: str
) -> None:
    answer = carlo.post("/exports/add", data=complete(world, do="save"))
    assert answer.status_code == 422
    assert Page(answer).problems() == ["Choose a connection."]
    assert world.services.exports.all() == []


def test_what_is_missing_is_said_on_top_and_beside_each_field_in_their_order(world: World, ada: TestClient) -> None:
    answer = ada.post("/exports/add", data={"do": "save"})
    page = Page(answer)
    assert answer.status_code == 422
    assert page.problems() == [
        "Give the export a name.",
        "Choose a connection.",
        "Choose a list, paste its id or web address, or create one.",
        "Choose at least one segment.",
        "Choose the column that holds the e-mail address.",
    ]
    assert page.one("div", role="alert").attributes["tabindex"] == "-1"
    assert page.faults == []
    for field in ("name", "connection", "segments", "email"):
        assert page.one("p", id=f"{field}-problem")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "x" * 101}, "Shorten the name to at most 100 characters."),
        ({"name": "two\nlines"}, "Use only characters that can be printed, on one line."),
        ({"attribute": ["email", "city"], "source": ["EMail", ""]}, "Choose a column for each attribute"),
        (
            {"attribute": ["email", "birthday_month"], "source": ["EMail", "FirstName"]},
            "Month and day of the birthday need each other",
        ),
        (
            {"attribute": ["email", "birthday", "birthday_day"], "source": ["EMail", "FirstName", "FirstName"]},
            "either from a date, or from month and day",
        ),
        ({"encoding": "no such encoding"}, "There is no text encoding of this name."),
        ({"list_address": "my list"}, "neither the id of a list"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_kept_in_the_form(
    world: World, ada: TestClient, segment: str, wrong: dict[str, object], said: str
) -> None:
    answer = ada.post("/exports/add", data=complete(world, **wrong, do="save"))
    page = Page(answer)
    assert answer.status_code == 422
    assert [one for one in page.problems() if said in one]
    assert checked(page, "segments") == ["Loyal"]
    assert checked(page, "list_id") == [LOCAL_LIST_ID]
    assert world.services.exports.all() == []


def test_what_is_typed_survives_every_button(world: World, ada: TestClient, segment: str) -> None:
    form = complete(world, name="Half <done>", attribute=["email", "first_name"], source=["EMail", "FirstName"])
    for do in ("update", "refresh", "preview", "remove:city", "add-attribute", "use-list", "create-list"):
        page = press(ada, {**form, "new_list": "" if do != "create-list" else " "}, do)
        assert value(page, "name") == "Half <done>"
        assert chosen(page, "connection") == world.connection.id
        assert checked(page, "list_id") == [LOCAL_LIST_ID]
        assert checked(page, "segments") == ["Loyal"]
        assert (chosen(page, "email"), chosen(page, "source-first_name")) == ("EMail", "FirstName")


# --- Changing ---------------------------------------------------------------------------------------------------------


def test_the_form_of_an_export_shows_what_it_is(world: World, ada: TestClient, segment: str) -> None:
    export = world.add_export(segment)
    page = Page(ada.get(f"/exports/{export.id}"))
    assert page.faults == []
    assert value(page, "name") == "Newsletter"
    assert checked(page, "list_id") == [export.list_id]
    assert (chosen(page, "email"), chosen(page, "source-first_name")) == ("EMail", "FirstName")


def test_a_change_is_saved_and_the_schedule_stays(world: World, ada: TestClient, segment: str) -> None:
    export = world.add_export(segment, schedule=Schedule(active=False))
    page = Page(ada.get(f"/exports/{export.id}"))
    ada.post(f"/exports/{export.id}", data=complete(world, name="Renamed", etag=value(page, "etag"), do="save"))
    changed = only_export(world)
    assert (changed.id, changed.name, changed.schedule) == (export.id, "Renamed", export.schedule)
    assert changed.updated_by == "Ada Administrator"


def test_a_change_by_somebody_else_is_told_and_nothing_is_overwritten(
    world: World, ada: TestClient, segment: str
) -> None:
    export = world.add_export(segment)
    read = value(Page(ada.get(f"/exports/{export.id}")), "etag")
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"name": "Theirs"}))

    answer = ada.post(f"/exports/{export.id}", data=complete(world, name="Mine", etag=read, do="save"))
    page = Page(answer)
    assert answer.status_code == 409
    assert "nothing was overwritten" in page.problems()[0]
    assert "Last saved by test, " in panel(page)
    assert value(page, "name") == "Mine"
    assert only_export(world).name == "Theirs"

    again = ada.post(f"/exports/{export.id}", data=complete(world, name="Mine", etag=value(page, "etag"), do="save"))
    assert again.status_code == 303
    assert only_export(world).name == "Mine"


def test_a_detached_export_is_attached_again_by_choosing_a_connection(
    world: World, ada: TestClient, segment: str
) -> None:
    export = world.add_export(segment, connection_id=None)
    page = Page(ada.get(f"/exports/{export.id}"))
    assert "This export has no connection, so it does not run." in panel(page)
    ada.post(f"/exports/{export.id}", data=complete(world, etag=value(page, "etag"), do="save"))
    assert only_export(world).connection_id == world.connection.id


def test_a_detached_export_keeps_its_list_and_can_be_renamed_without_a_connection(
    world: World, ada: TestClient, segment: str
) -> None:
    export = world.add_export(segment, connection_id=None)
    page = Page(ada.get(f"/exports/{export.id}"))
    assert checked(page, "list_id") == [export.list_id]
    renamed = complete(world, connection="", name="Renamed", etag=value(page, "etag"), do="save")
    assert ada.post(f"/exports/{export.id}", data=renamed).status_code == 303
    assert (only_export(world).name, only_export(world).connection_id) == ("Renamed", None)


def test_a_list_that_the_account_does_not_have_is_refused(world: World, ada: TestClient, segment: str) -> None:
    answer = ada.post("/exports/add", data=complete(world, list_id=NO_LIST, do="save"))
    assert answer.status_code == 422
    assert Page(answer).problems() == ["The account of the connection has no list with this id."]
    assert world.services.exports.all() == []


def test_an_export_whose_list_is_gone_can_still_be_renamed(world: World, ada: TestClient, segment: str) -> None:
    export = world.add_export(segment, list_id=NO_LIST)
    page = Page(ada.get(f"/exports/{export.id}"))
    assert "this list is not in the account of the connection" in panel(page)
    renamed = complete(world, list_id=NO_LIST, name="Renamed", etag=value(page, "etag"), do="save")
    assert ada.post(f"/exports/{export.id}", data=renamed).status_code == 303


def test_the_same_segment_and_list_in_another_export_is_warned_of(world: World, ada: TestClient, segment: str) -> None:
    other = world.add_export(segment, name="The other one")
    page = press(ada, complete(world), "update")
    assert "The same segment goes to the same list in another export already" in panel(page)
    assert page.all("a", href=f"/exports/{other.id}")


def test_an_export_is_not_warned_of_itself(world: World, ada: TestClient, segment: str) -> None:
    export = world.add_export(segment)
    assert "The same segment" not in panel(Page(ada.get(f"/exports/{export.id}")))


def test_a_duplicate_begins_with_everything_of_the_original_and_is_saved_as_a_new_one_that_is_off(
    world: World, ada: TestClient, segment: str
) -> None:
    export = world.add_export(segment, schedule=Schedule(recurrence="daily", times=("06:00",)))
    page = Page(ada.get(f"/exports/{export.id}/duplicate"))
    assert value(page, "name") == "Newsletter (copy)"
    assert page.one("form", id="export-form").attributes["action"] == "/exports/add"
    form = complete(world, name="Second", copied=value(page, "copied"), do="save")
    assert ada.post("/exports/add", data=form).status_code == 303
    first, second = world.services.exports.all()
    assert (first.name, second.name) == ("Newsletter", "Second")
    assert second.schedule == first.schedule.model_copy(update={"active": False})


@pytest.mark.parametrize("who", ["Viewer", "Contributor"])
def test_who_may_not_change_an_export_sees_it_without_a_field(world: World, who: str, segment: str) -> None:
    export = world.add_export(segment)
    with pages_as(world, who) as reader:
        page = Page(reader.get(f"/exports/{export.id}"))
        assert page.faults == []
        assert "You may look at this export." in panel(page)
        assert not page.all("input", name="name")
        assert reader.post(f"/exports/{export.id}", data=complete(world, do="save")).status_code == 403
        assert reader.get(f"/exports/{export.id}/duplicate").status_code == 403


@pytest.mark.parametrize("language", ["it", "ro"])
def test_the_form_speaks_the_readers_language(world: World, ada: TestClient, language: str) -> None:
    english = panel(Page(ada.get("/exports/add")))
    ada.cookies.set("language", language)
    page = Page(ada.get("/exports/add"))
    assert page.faults == []
    assert panel(page) != english
