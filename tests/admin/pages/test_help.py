"""The help page: it has a section for everything that can go wrong, in each language, and every problem leads there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

import pytest
from fastapi.testclient import TestClient

from admin.pages import export_words, words
from admin.pages.error_words import ERRORS
from admin.pages.help_words import CONNECTION_STATES, RUN_PROBLEMS
from admin.pages.languages import CODES, language
from admin.pages.rendering import TEMPLATES
from admin.pages.run_words import PROBLEMS
from admin.problems import ABOUT
from exporters.problem_codes import ProblemCode
from exporters.runs import Batch
from shared.models import Connection, ConnectionState
from tests.admin.asking import NO_ROLE, SIGNED_OUT, Who, api_as, pages_as
from tests.admin.pages.export_forms import complete, press
from tests.admin.pages.reading import Page, words_of
from tests.admin.pages.runs_that_ended import ended
from tests.exporters.world import World

LEARN_MORE = {"Learn more", "Learn more (opens in a new tab)"}
PROBLEM_CODES: tuple[ProblemCode, ...] = get_args(ProblemCode)


def sections(page: Page) -> dict[str, str]:
    """The words of each section for something that can go wrong, by what leads to it."""
    return {one.attributes["id"]: words_of(one) for one in page.all("article", class_name="trouble")}


def to_help(page: Page) -> list[str]:
    """Which problems' sections of the help page this page leads to, beside those that say what the page is for."""
    return [
        one.attributes["href"].removeprefix("/help#")
        for one in page.all("a")
        if one.attributes["href"].startswith("/help#") and words_of(one) not in LEARN_MORE
    ]


@pytest.mark.parametrize("code", CODES)
def test_every_problem_of_a_run_has_a_section_that_says_what_it_means_and_what_to_do(
    vera: TestClient, code: str
) -> None:
    vera.headers["Accept-Language"] = code
    spoken = language(code)

    said = sections(Page(vera.get("/help")))

    for problem in PROBLEM_CODES:
        for text in (*PROBLEMS[problem], *RUN_PROBLEMS[problem]):
            assert spoken.text(text) in said[problem]


@pytest.mark.parametrize("code", CODES)
def test_everything_that_an_error_page_or_the_api_says_has_a_section(vera: TestClient, code: str) -> None:
    vera.headers["Accept-Language"] = code
    spoken = language(code)

    said = sections(Page(vera.get("/help")))

    for error, (headline, advice) in ERRORS.items():
        assert spoken.text(headline) in said[error]
        assert spoken.text(advice) in said[error]
    for status, error in ABOUT.items():
        assert str(status.value) in said[error]


@pytest.mark.parametrize("code", CODES)
def test_every_state_of_a_connection_that_needs_somebody_has_a_section(vera: TestClient, code: str) -> None:
    vera.headers["Accept-Language"] = code

    said = sections(Page(vera.get("/help")))

    assert set(get_args(ConnectionState)) - {"connected"} <= set(said)
    assert {"sign_in_again", *CONNECTION_STATES} == set(get_args(ConnectionState)) - {"connected"}


@pytest.mark.parametrize("code", CODES)
def test_the_reasons_of_sign_ins_and_of_rejected_rows_are_listed(vera: TestClient, code: str) -> None:
    vera.headers["Accept-Language"] = code
    spoken = language(code)

    page = Page(vera.get("/help"))

    listed = {words_of(one) for one in page.all("li")}
    for text in (*words.PROBLEMS.values(), *words.SIGN_IN_PROBLEMS.values(), *export_words.REASONS.values()):
        assert spoken.text(text) in listed


def test_no_two_sections_have_the_same_name(vera: TestClient) -> None:
    page = Page(vera.get("/help"))

    assert page.faults == []
    assert len(sections(page)) == len(PROBLEM_CODES) + len(CONNECTION_STATES) + len(ERRORS) + 1


# --- What leads there -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", PROBLEM_CODES)
def test_a_failed_run_leads_to_its_problem_wherever_it_is_shown(
    world: World, vera: TestClient, problem: ProblemCode
) -> None:
    export = world.add_export("LoyaltyMembers")
    run = ended(world, export, "failed", problem=problem, error="What was recorded.")

    for address in ("/", "/runs", f"/exports/{export.id}/runs", f"/exports/{export.id}/runs/{run.run_id}"):
        assert to_help(Page(vera.get(address))) == [problem]


def broken(connection: Connection) -> Connection:
    return connection.model_copy(update={"sign_in_again": "It was withdrawn.", "sign_in_problem": "refused"})


def never_signed_in(connection: Connection) -> Connection:
    return connection.model_copy(update={"account": None})


def removal_cut_short(connection: Connection) -> Connection:
    return connection.model_copy(update={"removal_begun_at": connection.created_at})


@pytest.mark.parametrize(
    ("change", "section"),
    [(broken, "sign_in_again"), (never_signed_in, "not_connected"), (removal_cut_short, "removal_begun")],
)
def test_a_connection_that_needs_somebody_leads_to_why(
    world: World, ada: TestClient, change: Callable[[Connection], Connection], section: str
) -> None:
    world.services.connections.change(world.connection.id, change)

    assert to_help(Page(ada.get("/"))) == [section]
    assert section in to_help(Page(ada.get("/connections")))


def test_a_preview_leads_to_the_problem_that_a_run_would_have_without_leaving_the_form(
    world: World, ada: TestClient
) -> None:
    page = press(ada, complete(world, segments=["NoSuchSegment"]), "preview")

    assert led_from(page, "part-preview") == ["no_snapshot"]


def led_from(page: Page, part: str) -> list[str]:
    """Which problems' sections a part of a form leads to; each link leaves the form where it is."""
    links = [one for one in page.all("a") if any(around.attributes.get("id") == part for around in one.around)]
    problems = [one for one in links if "More about this problem" in words_of(one)]
    assert {one.attributes["target"] for one in problems} <= {"_blank"}
    return [one.attributes["href"].removeprefix("/help#") for one in problems]


def test_a_form_whose_lists_cannot_be_read_leads_to_why(world: World, ada: TestClient) -> None:
    world.take_any_token_request()
    world.fault("unauthorized", path="/contact_lists")
    page = press(ada, {"connection": world.connection.id}, "refresh")

    assert led_from(page, "part-list") == ["sign_in_again"]


def test_a_form_that_could_not_do_what_a_button_says_leads_to_why(world: World, ada: TestClient) -> None:
    world.fault("server-error", path="/contact_lists")
    page = press(ada, {"connection": world.connection.id, "new_list": "Spring readers"}, "create-list")

    assert led_from(page, "form-body")[0] == "unavailable"
    assert led_from(page, "part-list") == ["unavailable"]


@pytest.mark.parametrize(
    ("content", "sections_led_to", "columns"),
    [
        (None, ["no_snapshot"], ["no_snapshot"]),
        (b'EMail\n"ana@example.com\n', ["broken_snapshot"], ["broken_snapshot"]),
    ],
)
def test_a_segment_that_cannot_be_exported_leads_to_why(
    world: World, ada: TestClient, content: bytes | None, sections_led_to: list[str], columns: list[str]
) -> None:
    if content:
        world.upload("CustomerInsights_x/BlobExport/Gone/2026/11/22/0130/Gone_1.csv", content)
        world.clock.advance(3_600)
    page = Page(ada.get(f"/exports/{world.add_export('Gone').id}"))

    assert led_from(page, "part-segments") == sections_led_to
    assert led_from(page, "part-matching") == columns


def test_a_warning_of_a_segment_that_stops_a_run_is_known_to_lead_somewhere() -> None:
    assert set(export_words.SEGMENT_PROBLEMS) == set(export_words.SEGMENT_WARNINGS) - {"stale", "still_writing"}


def test_an_export_without_a_connection_leads_to_what_that_means(world: World, ada: TestClient) -> None:
    export = world.add_export("Loyal", connection_id=None)

    assert "no_connection" in led_from(Page(ada.get(f"/exports/{export.id}")), "form-body")


@pytest.mark.parametrize(("change", "section"), [(broken, "sign_in_again"), (removal_cut_short, "removal_begun")])
def test_the_panel_of_a_connection_that_needs_somebody_leads_to_why(
    world: World, ada: TestClient, change: Callable[[Connection], Connection], section: str
) -> None:
    world.services.connections.change(world.connection.id, change)
    page = Page(ada.get(f"/connections/{world.connection.id}"))

    (link,) = [one for one in page.all("a", target="_blank") if "More about this problem" in words_of(one)]
    assert link.attributes["href"] == f"/help#{section}"


def test_a_run_leads_to_what_its_warnings_and_the_errors_of_its_batches_mean(world: World, vera: TestClient) -> None:
    run = ended(world, world.add_export("Loyal"), "completed_with_warnings", warnings=("An older one is used.",))
    for number, state in enumerate(("split", "failed", "failed"), 1):
        world.services.runs.add_batch(Batch(run_id=run.run_id, number=number, contacts=1, state=state, error="No."))

    page = Page(vera.get(f"/exports/{run.export_id}/runs/{run.run_id}"))
    assert to_help(page) == ["broken_snapshot", "constant_contact", "refused"]


@pytest.mark.parametrize(
    ("who", "method", "address", "section"),
    [
        ("Viewer", "GET", "/nothing", "not_there"),
        ("Viewer", "DELETE", "/exports", "not_there"),
        ("Viewer", "GET", "/connections", "not_allowed"),
        ("Administrator", "GET", "/connections?sort=colour", "unreadable"),
    ],
)
def test_an_error_page_leads_to_its_section(world: World, who: Who, method: str, address: str, section: str) -> None:
    with pages_as(world, who) as browser:
        assert to_help(Page(browser.request(method, address.replace("{id}", world.connection.id)))) == [section]


def test_every_section_that_a_template_leads_to_is_there(vera: TestClient) -> None:
    led_to = re.compile(r"""(?:/help#|(?:about|help_link)\(["'])([a-z][a-z_-]*)""")
    wanted = {one for path in TEMPLATES.glob("*.html") for one in led_to.findall(path.read_text(encoding="utf-8"))}

    there = {one.attributes["id"] for one in Page(vera.get("/help")).elements if "id" in one.attributes}

    assert {"connections", "stale_sign_in", "connecting"} <= wanted
    assert wanted - there == set()


@pytest.mark.parametrize("who", [NO_ROLE, SIGNED_OUT])
@pytest.mark.parametrize("address", ["/nothing", "/connections"])
def test_who_may_not_open_the_help_page_is_not_led_there(world: World, who: Who, address: str) -> None:
    with pages_as(world, who) as browser:
        assert to_help(Page(browser.get(address))) == []


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/api/exports/none", 404),
        ("GET", "/api/exports?limit=many", 422),
        ("GET", "/api/connections/none/lists", 404),
        ("PUT", "/api/exports", 405),
        ("DELETE", "/api/connections/{id}", 428),
    ],
)
def test_the_type_of_a_problem_that_the_api_answers_leads_to_its_section(
    world: World, vera: TestClient, method: str, address: str, status: int
) -> None:
    with api_as(world, "Administrator") as program:
        answer = program.request(method, address.replace("{id}", world.connection.id))

    assert answer.status_code == status
    where, _, section = answer.json()["type"].partition("#")
    assert section in sections(Page(vera.get(where)))
