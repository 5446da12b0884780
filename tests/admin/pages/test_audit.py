"""The page of the audit."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from fastapi.testclient import TestClient

from admin.pages import words
from admin.pages.audit import PAGE_SIZE
from shared.audit import Action, AuditEntry, Subject, month_of
from tests.admin.pages.reading import Page, words_of
from tests.exporters.world import World


def write(
    world: World,
    action: Action,
    before: dict[str, str],
    after: dict[str, str],
    days_ago: float = 0,
    subject: Subject = "connection",
    number: int = 0,
) -> None:
    world.services.audit.write(
        AuditEntry(
            at=world.clock.now() - timedelta(days=days_ago),
            by="Bo Administrator",
            action=action,
            subject=subject,
            subject_id=f"c{number}",
            subject_name="Newsletter",
            before=before,
            after=after,
        )
    )


def changes(page: Page) -> list[str]:
    return [
        words_of(one).replace("→became", "→").replace("→ became", "→") for one in page.all("td", data_label="Change")
    ]


def test_an_entry_tells_who_did_what_when_and_what_was_there_before(world: World, ada: TestClient) -> None:
    write(world, "changed", {"sharing": "administrators"}, {"sharing": "administrators_and_contributors"})
    page = Page(ada.get("/audit"))
    assert page.cells("Who") == ["Bo Administrator"]
    assert page.cells("What") == ["Changed: connection “Newsletter”"]
    assert page.cells("When") == ["just now"]
    assert changes(page) == ["Who can use it: Administrators → Administrators and contributors"]


@pytest.mark.parametrize(
    ("action", "before", "after", "said"),
    [
        ("added", {}, {"display_name": "N"}, "Display name: N"),
        ("removed", {"display_name": "N"}, {}, "Display name: N"),
        ("detached", {"connection": "N"}, {}, "Connection: N → none"),
        ("signed in", {}, {"account": "A"}, "Account: A"),
        ("signed in", {"account": "A"}, {"account": "A"}, "Account: A"),
        ("signed in", {"account": "A"}, {"account": "B"}, "Account: A → B"),
        ("attached", {}, {"connection": "N"}, "Connection: none → N"),
        ("changed", {"schedule": "off"}, {"schedule": "every_refresh"}, "Schedule: Off → With every refresh"),
        (
            "scheduled",
            {},
            {"schedule": "daily 06:00, 18:00 Europe/Rome"},
            "Schedule: none → Daily 06:00, 18:00 Europe/Rome",
        ),
        (
            "scheduled",
            {"schedule": "off"},
            {"schedule": "off: weekly monday, friday 06:00 UTC"},
            "Schedule: Off → Off: Weekly Monday, Friday 06:00 UTC",
        ),
        ("changed", {"colour": "<b>"}, {"colour": "blue"}, "colour: <b> → blue"),
        ("changed", {}, {}, "–"),
    ],
)
def test_a_change_is_told_in_words(
    world: World, ada: TestClient, action: Action, before: dict[str, str], after: dict[str, str], said: str
) -> None:
    write(world, action, before, after)
    assert changes(Page(ada.get("/audit"))) == [said]


def test_each_month_has_a_page_of_its_own(world: World, ada: TestClient) -> None:
    write(world, "added", {}, {}, days_ago=40)
    assert "No changes in this month" in Page(ada.get("/audit")).words
    then = month_of(world.clock.now() - timedelta(days=40))
    assert len(Page(ada.get("/audit", params={"month": then})).cells("Who")) == 1


def test_the_months_lead_to_their_neighbours_but_not_into_the_future(world: World, ada: TestClient) -> None:
    links = [
        one.attributes["href"].removesuffix("&subject=")
        for one in Page(ada.get("/audit?month=2025-01")).all("a", class_name="button")
    ]
    assert links == ["/audit?month=2024-12", "/audit?month=2025-02"]
    now = Page(ada.get("/audit"))
    assert len(now.all("a", class_name="button")) == 1


@pytest.mark.parametrize("month", ["2026-13", "2026", "now", "9999-12", "2026-1' or '"])
def test_what_is_no_month_is_refused(ada: TestClient, month: str) -> None:
    assert ada.get("/audit", params={"month": month}).status_code == 400


def test_there_are_words_for_every_action() -> None:
    assert set(words.ACTIONS) == set(get_args(Action))
    assert set(words.SUBJECTS) == set(get_args(Subject))


@pytest.mark.parametrize(("action", "told"), [("started", "Started"), ("canceled", "Run canceled")])
def test_a_run_that_somebody_started_or_canceled_is_told(
    world: World, ada: TestClient, action: Action, told: str
) -> None:
    write(world, action, {}, {}, subject="export")
    assert Page(ada.get("/audit")).cells("What") == [f"{told}: export “Newsletter”"]


def test_the_run_that_somebody_started_is_named_and_can_be_opened(world: World, ada: TestClient) -> None:
    world.write_snapshot("Members", ["a@example.com,A"])
    run = world.run_to_end(world.add_export("Members", name="Spring"))
    page = Page(ada.get("/audit"))
    assert changes(page) == [f"Run id: {run.run_id}"]
    link = page.one("a", href=f"/exports/{run.export_id}/runs/{run.run_id}")
    assert ada.get(link.attributes["href"]).status_code == 200


def test_the_entries_of_connections_or_exports_are_shown_alone(world: World, ada: TestClient) -> None:
    write(world, "added", {}, {})
    write(world, "changed", {}, {}, subject="export")
    page = Page(ada.get("/audit", params={"subject": "export"}))
    assert page.cells("What") == ["Changed: export “Newsletter”"]
    assert words_of(page.one("a", class_name="pill", aria_current="true")) == "Exports"
    earlier = page.all("a", class_name="button")[0].attributes["href"]
    assert earlier.endswith("&subject=export")


def test_a_long_month_is_turned_over_page_by_page(world: World, ada: TestClient) -> None:
    for number in range(PAGE_SIZE + 1):
        write(world, "changed", {}, {}, number=number)
    first = Page(ada.get("/audit"))
    second = Page(ada.get(first.one("a", id="page-older").attributes["href"]))
    assert (len(first.cells("Who")), len(second.cells("Who"))) == (PAGE_SIZE, 1)
    assert first.all("a", id="page-newer") == second.all("a", id="page-older") == []
    newer = Page(ada.get(second.one("a", id="page-newer").attributes["href"]))
    assert newer.cells("What") == first.cells("What")


def test_what_is_shown_alone_is_turned_over_too(world: World, ada: TestClient) -> None:
    for number in range(PAGE_SIZE + 1):
        write(world, "changed", {}, {}, number=number)
        write(world, "changed", {}, {}, number=number, subject="export")
    first = Page(ada.get("/audit?subject=export"))
    second = Page(ada.get(first.one("a", id="page-older").attributes["href"]))
    assert (len(first.cells("What")), second.cells("What")) == (PAGE_SIZE, ["Changed: export “Newsletter”"])


@pytest.mark.parametrize("after", ["", "x", "' or 1 eq 1 or '", "9" * 15])
def test_a_place_that_no_page_gave_is_refused(ada: TestClient, after: str) -> None:
    assert ada.get("/audit", params={"after": after}).status_code == 400
