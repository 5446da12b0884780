"""The page of a run: what it shows, what it gives while the run is under way, its rejected rows, its commands."""

from __future__ import annotations

import csv
import io
from typing import get_args

import pytest
from fastapi.testclient import TestClient

from admin.pages.run_words import PLACES, PROBLEMS, STATUSES
from exporters.problem_codes import ProblemCode
from exporters.runs import Run
from shared.models import Export
from tests.admin.pages.reading import Page, words_of
from tests.admin.pages.runs_that_ended import ended, path
from tests.exporters.world import World

FIVE_PROFILES = ["a@example.com,A", "b@example.com,B", "A@example.com,A", "nobody,C", ",D"]


@pytest.fixture
def export(world: World) -> Export:
    """An export of five profiles: two contacts, a duplicate, and two that cannot be contacts."""
    world.write_snapshot("Members", FIVE_PROFILES)
    world.clock.advance(60)
    return world.add_export("Members", name="Spring", list_name="Loyal customers")


def figures(page: Page) -> dict[str, str]:
    """Where the profiles went: the number of each place, by its name."""
    names = [words_of(one) for one in page.all("p", class_name="place-name")]
    numbers = [
        words_of(one)
        for one in page.all("p", class_name="big figure")
        if any(parent.attributes.get("class") == "places" for parent in one.around)
    ]
    return dict(zip(names, numbers, strict=True))


def stages(page: Page) -> list[str]:
    return [
        one.attributes["class"].split()[1]
        for one in page.all("li")
        if one.attributes.get("class", "").startswith("stage ")
    ]


def test_a_run_shows_where_every_profile_went_and_the_sum(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)

    page = Page(ada.get(path(run)))

    assert page.faults == []
    assert {name: number for name, number in figures(page).items() if number != "0"} == {
        PLACES["sent"][0]: "2",
        PLACES["duplicate"][0]: "1",
        PLACES["rejected_by_us"][0]: "2",
    }
    assert "2 + 1 + 2 = 5 profiles read" in page.words
    assert "Run of “Spring”" in page.words
    assert "Loyal customers" in page.words
    assert stages(page) == ["done", "done", "done", "done"]


def test_counts_that_do_not_add_up_are_not_passed_over(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    wrong = ended(world, export, "successful", counts=run.counts.model_copy(update={"read": 9}))

    assert "The counts do not add up: 5 of 9 profiles" in Page(ada.get(path(wrong))).words


def test_every_batch_is_listed_with_its_activity(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    (batch,) = world.services.runs.batches(run.run_id)

    page = Page(ada.get(path(run)))

    assert page.cells("Activity") == [batch.value.activity_id]
    assert page.cells("Contacts") == ["2"]
    assert page.cells("Progress") == ["100%"]


def test_a_page_of_batches_shows_fifty_of_them(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    (batch,) = world.services.runs.batches(run.run_id)
    for number in range(2, 62):
        world.services.runs.add_batch(batch.value.model_copy(update={"number": number}))

    first, second = (Page(ada.get(path(run, f"?batches={number}"))) for number in (1, 2))

    assert [len(first.cells("Activity")), len(second.cells("Activity"))] == [50, 11]
    assert words_of(second.all("th", class_name="name")[0]) == "51"


def test_the_snapshots_of_a_run_are_named_with_their_time(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)

    page = Page(ada.get(path(run)))

    assert "Members Nov 22, 2026, 1:30:00 AM UTC" in page.words.replace("\u202f", " ")


@pytest.mark.parametrize("problem", get_args(ProblemCode))
def test_a_failed_run_says_what_happened_and_what_to_do(
    world: World, ada: TestClient, export: Export, problem: ProblemCode
) -> None:
    run = ended(world, export, "failed", problem=problem, error="What the destination said.")

    page = Page(ada.get(path(run)))

    headline, advice = PROBLEMS[problem]
    assert headline in page.words
    assert advice in page.words
    assert words_of(page.one("p", lang="en")) == "What the destination said."


def test_a_run_that_failed_before_it_was_prepared_stopped_there(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(world.add_export("Nothing of this name"))

    assert stages(Page(ada.get(path(run)))) == ["stopped", "not_reached", "not_reached", "not_reached"]


def test_a_run_that_waits_counts_down_and_says_for_what(world: World, ada: TestClient, export: Export) -> None:
    run = world.start(export)
    world.vault_fault(status=503, times=100)
    world.deliver_next()
    waiting = world.services.runs.get(export.id, run.run_id)
    world.clear_faults()
    assert waiting.waiting
    assert waiting.waiting_until

    page = Page(ada.get(path(run)))

    assert page.one("span", id="countdown").attributes["data-until"] == waiting.waiting_until.isoformat()
    assert waiting.waiting in page.words


# --- While it is under way --------------------------------------------------------------------------------------------


def test_without_scripts_the_page_comes_again_until_the_run_has_ended(
    world: World, ada: TestClient, export: Export
) -> None:
    run = world.start(export)
    assert Page(ada.get(path(run))).one("meta", http_equiv="refresh").attributes["content"] == "5"
    world.deliver()
    assert Page(ada.get(path(run))).all("meta", http_equiv="refresh") == []


def test_what_has_not_changed_is_not_sent_again(world: World, ada: TestClient, export: Export) -> None:
    run = world.start(export)
    first = ada.get(path(run, "/live"))
    again = ada.get(path(run, "/live"), headers={"If-None-Match": first.headers["etag"]})
    world.deliver_next()
    changed = ada.get(path(run, "/live"), headers={"If-None-Match": first.headers["etag"]})
    other_language = ada.get(
        path(run, "/live"), headers={"If-None-Match": changed.headers["etag"], "Accept-Language": "it"}
    )

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert (changed.status_code, other_language.status_code) == (200, 200)


def test_every_step_of_a_run_changes_what_is_shown(world: World, ada: TestClient, export: Export) -> None:
    run = world.start(export)
    shown = [ada.get(path(run, "/live")).headers["etag"]]
    while world.queue.waiting:
        world.deliver_next()
        shown.append(ada.get(path(run, "/live")).headers["etag"])

    assert len(shown) > 2
    assert len(set(shown)) == len(shown)


def test_the_live_part_says_where_to_ask_again_until_the_run_has_ended(
    world: World, ada: TestClient, export: Export
) -> None:
    run = world.start(export)
    before = Page(ada.get(path(run)))
    world.deliver()
    after = Page(ada.get(path(run)))

    assert before.one("div", id="run").attributes["data-live"] == path(run, "/live")
    assert "data-live" not in after.one("div", id="run").attributes


# --- Rejected rows ----------------------------------------------------------------------------------------------------


def test_rejected_rows_are_shown_with_place_and_reason(world: World, ada: TestClient, export: Export) -> None:
    page = Page(ada.get(path(world.run_to_end(export))))

    assert page.cells("Segment") == ["Members", "Members"]
    assert page.cells("Line") == ["5", "6"]
    assert page.cells("Reason") == ["E-mail address not written as name@domain", "No e-mail address"]


def test_rejected_rows_are_filtered_by_who_rejected_them_and_why(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    page = Page(ada.get(path(run, "?reason=email_missing")))
    theirs = Page(ada.get(path(run, "?reason=constant_contact")))

    assert page.cells("Line") == ["6"]
    assert [words_of(one) for one in page.all("a", class_name="pill")] == [
        "All",
        f"{PLACES['rejected_by_us'][0]} 2",
        "E-mail address not written as name@domain 1",
        "No e-mail address 1",
    ]
    assert theirs.cells("Line") == []
    assert "No row was rejected for this reason." in theirs.words


def test_many_rejected_rows_come_page_by_page(world: World, ada: TestClient) -> None:
    world.write_snapshot("Many", [f"nobody{n},N" for n in range(120)] + ["a@example.com,A"])
    world.clock.advance(60)
    run = world.run_to_end(world.add_export("Many"))

    lines = [Page(ada.get(path(run, f"?page={number}"))).cells("Line") for number in (1, 2, 3)]

    assert [len(one) for one in lines] == [50, 50, 20]
    assert lines[2][-1] == "121"
    assert "101–120 of 120" in Page(ada.get(path(run, "?page=3"))).words


def test_the_folder_of_rejected_rows_is_told_where_it_begins(world: World, ada: TestClient) -> None:
    world.write_snapshot("Many", [f"nobody{n},N" for n in range(52)] + ["a@example.com,A"])
    world.clock.advance(60)
    run = world.run_to_end(world.add_export("Many"))
    first, second = (Page(ada.get(path(run, f"?page={number}"))).cells("Partition") for number in (1, 2))

    for cells in (first, second):
        assert cells[0].startswith("CustomerInsights_"), "each page tells it anew"
        assert set(cells[1:]) == {"Many_1.csv"}


def test_rejected_rows_whose_time_is_over_are_said_to_be_deleted(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    for blob in world.services.files.list_blob_names(name_starts_with=run.run_id):
        world.services.files.delete_blob(blob)

    page = Page(ada.get(path(run)))

    assert "deleted when their retention time was over" in page.words
    assert page.all("a", download="") == []


def test_the_rejected_rows_are_downloaded_as_csv(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    answer = ada.get(path(run, "/rejected.csv"))

    assert answer.headers["content-disposition"] == f'attachment; filename="rejected-{run.run_id}.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert rows[0] == ["Segment", "Partition", "Line", "Code", "Reason"]
    assert [(row[0], row[2], row[3]) for row in rows[1:]] == [
        ("Members", "5", "email_malformed"),
        ("Members", "6", "email_missing"),
    ]


@pytest.mark.parametrize("segment", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_of_the_file_is_a_formula(world: World, ada: TestClient, segment: str) -> None:
    world.write_snapshot(segment, ["nobody,A", "a@example.com,A"])
    world.clock.advance(60)
    run = world.run_to_end(world.add_export(segment))

    rows = list(csv.reader(io.StringIO(ada.get(path(run, "/rejected.csv")).content.decode("utf-8-sig"))))

    assert rows[1][0] == f"'{segment}"


# --- Commands ---------------------------------------------------------------------------------------------------------


def test_a_run_is_canceled_after_a_question(world: World, carlo: TestClient, export: Export) -> None:
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"connection_id": None}))
    run = _running(world, export)
    assert Page(carlo.get(path(run))).all("form", action=path(run, "/cancel")) == []
    assert Page(carlo.get(path(run, "?ask=cancel"))).one("form", action=path(run, "/cancel"))

    answer = carlo.post(path(run, "/cancel"))

    assert (answer.status_code, answer.headers["location"]) == (303, path(run))
    page = Page(carlo.get(path(run)))
    assert STATUSES["canceled"] in page.words
    assert "Carlo Contributor" in page.words


def test_a_batch_that_a_canceled_run_left_behind_is_not_said_to_wait(
    world: World, ada: TestClient, export: Export
) -> None:
    run = world.start(export)
    world.deliver_next()
    ada.post(path(run, "/cancel"))

    page = Page(ada.get(path(run)))

    assert page.cells("State") == [PLACES["not_sent"][0]]
    assert stages(page) == ["done", "stopped", "not_reached", "not_reached"]
    assert figures(page)[PLACES["not_sent"][0]] == "2"


def test_who_cancels_too_late_is_told_so(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    answer = ada.post(path(run, "/cancel"))
    assert answer.status_code == 409
    assert "nothing left to cancel" in Page(answer).words


def test_of_a_run_of_which_everything_was_sent_nothing_can_be_canceled(
    world: World, ada: TestClient, export: Export
) -> None:
    run = world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "finishing")
    assert Page(ada.get(path(run))).all("a", id="cancel") == []
    answer = ada.post(path(run, "/cancel"))
    assert answer.status_code == 409
    assert "Nothing more of this run will be sent" in Page(answer).words


def test_a_viewer_reads_a_run_but_finds_no_command(world: World, vera: TestClient, export: Export) -> None:
    running = world.start(export)
    while_running = Page(vera.get(path(running, "?ask=cancel")))
    refused = vera.post(path(running, "/cancel"))
    world.deliver()
    after = Page(vera.get(path(running)))

    assert while_running.all("a", id="cancel") == []
    assert while_running.all("form", action=path(running, "/cancel")) == []
    assert after.all("form", action=f"/exports/{export.id}/run") == []
    assert refused.status_code == 403
    assert "5 profiles read" in after.words


def test_a_viewer_does_not_learn_the_name_of_a_connection(
    world: World, ada: TestClient, vera: TestClient, export: Export
) -> None:
    run = world.run_to_end(export)
    assert "Connection" in [words_of(one) for one in Page(ada.get(path(run))).all("dt")]
    assert "Connection" not in [words_of(one) for one in Page(vera.get(path(run))).all("dt")]


def test_a_run_can_be_started_again_once_it_has_ended(world: World, ada: TestClient, export: Export) -> None:
    run = world.start(export)
    again = {"method": "post", "action": f"/exports/{export.id}/run"}
    assert Page(ada.get(path(run))).all("form", **again) == []
    world.deliver()
    assert Page(ada.get(path(run))).one("form", **again)


def test_the_run_of_an_export_that_was_removed_is_still_there(world: World, ada: TestClient, export: Export) -> None:
    run = world.run_to_end(export)
    world.services.exports.remove(export.id)

    page = Page(ada.get(path(run)))

    assert "Run of “Spring”" in page.words
    assert page.all("form", action=f"/exports/{export.id}/run") == []
    assert ada.get("/runs").status_code == 200


def test_a_run_that_is_not_there_is_said_so(ada: TestClient, export: Export) -> None:
    for more in ("", "/live", "/rejected.csv"):
        assert ada.get(f"/exports/{export.id}/runs/20261122T013005123-4f2a9c{more}").status_code == 404


def _running(world: World, export: Export) -> Run:
    """A run under way of an export that has no connection any more."""
    with_connection = export.model_copy(update={"connection_id": world.connection.id})
    world.services.exports.change(export.id, lambda _: with_connection)
    run = world.start(export)
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"connection_id": None}))
    return run
