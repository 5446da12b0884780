"""Each error leads to the section of the help page that is about it, from a page and from the API alike."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

import admin.site  # noqa: F401 - with it, every error of the app is known
from admin.connecting import Refused as SignInRefused
from admin.pages.error_words import ERRORS
from admin.pages.run_words import PROBLEMS
from admin.problems import InvalidFields
from shared.errors import ExportError
from shared.snapshots import SnapshotError
from tests.admin.asking import api_as, pages_as
from tests.admin.pages.reading import Page
from tests.exporters.world import World

NAME = "Anna's letter"
# Of the API, and of a page where that is another.
SECTIONS = {
    "AccountChanged": "conflict",
    "AllRejected": "all_rejected",
    "AlreadyRunning": "conflict",
    "AmbiguousSegment": "broken_snapshot",
    "AppNotAccepted": "app_not_accepted",
    "BadModel": "broken_snapshot",
    "BrokenSnapshot": "broken_snapshot",
    "CameMeanwhile": "conflict",
    "Changed": "changed conflict",
    "ColumnMissing": "column_missing",
    "Conflict": "conflict",
    "ConstantContactError": "bad_answer",
    "DraftGone": "not_there",
    "EmptySegment": "empty_segment",
    "ExportError": "unexpected",
    "HeaderUnclear": "column_missing",
    "InUse": "conflict",
    "Incomplete": "invalid unexpected",
    "Invalid": "invalid unexpected",
    "InvalidFields": "invalid unexpected",
    "KeyVaultRefused": "vault_refused",
    "ListMissing": "list_missing",
    "NoAnswer": "bad_answer",
    "NoConnection": "no_connection",
    "NoConsent": "no_consent",
    "NoProfiles": "empty_segment",
    "NoSnapshot": "no_snapshot",
    "NotFound": "not_there",
    "OtherAccount": "no_connection",
    "QueueFull": "bad_answer",
    "QuotaExceeded": "quota",
    "Refused": "bad_answer",
    "Running": "conflict",
    "RunsGoOn": "conflict",
    "SchemaMismatch": "broken_snapshot",
    "ServerError": "bad_answer",
    "SettingsError": "unexpected",
    "SignInAgain": "sign_in_again",
    "SignInAway": "bad_answer",
    "SignInFailed": "bad_answer",
    "SnapshotChanged": "broken_snapshot",
    "SnapshotError": "broken_snapshot",
    "SnapshotsRefused": "snapshots_refused",
    "StepFailed": "unexpected",
    "Throttled": "bad_answer",
    "TooManyContacts": "too_many",
    "Unavailable": "unavailable",
    "Unclear": "bad_answer",
    "Unreachable": "bad_answer",
    "Unreadable": "bad_answer",
    "UnreadableFile": "broken_snapshot",
    "_NotReady": "no_snapshot",
}


def kinds(kind: type[ExportError]) -> Iterator[type[ExportError]]:
    """The app's own kinds of error below one, and itself; the page of a sign-in that is over is tested with it."""
    if kind.__module__.partition(".")[0] in ("admin", "exporters", "shared") and kind is not SignInRefused:
        yield kind
        for one in kind.__subclasses__():
            yield from kinds(one)


KINDS = {kind.__name__: kind for kind in kinds(ExportError)}


def an_error(name: str) -> ExportError:
    """One of this kind, whatever its own arguments are, that says the name of an export."""
    error = KINDS[name].__new__(KINDS[name])
    Exception.__init__(error, f"The export “{NAME}” cannot.")
    if isinstance(error, InvalidFields):
        error.fields = {"name": NAME}
    for field in ("exports", "runs"):
        setattr(error, field, ())
    return error


def test_every_kind_of_error_has_a_section() -> None:
    assert set(SECTIONS) == set(KINDS)
    assert {one for said in SECTIONS.values() for one in said.split()} <= {*ERRORS, *PROBLEMS}


def test_each_error_leads_to_its_section_and_its_words_are_not_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    error = ExportError()

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(type(world.services.exports), "get", refuse)
    led = {}
    with (
        caplog.at_level(logging.INFO),
        api_as(world, "Administrator") as program,
        pages_as(world, "Administrator") as browser,
    ):
        for name in SECTIONS:
            error = an_error(name)
            ways = (program.post("/api/exports/x/runs").json()["type"], about(Page(browser.post("/exports/x/remove"))))
            led[name] = " ".join(dict.fromkeys(way.removeprefix("/help#") for way in ways))

    assert led == SECTIONS
    assert "KeyVaultRefused" in caplog.text
    assert NAME not in caplog.text


@pytest.mark.parametrize("name", sorted(name for name, kind in KINDS.items() if issubclass(kind, SnapshotError)))
def test_files_of_a_segment_that_cannot_be_read_are_no_failure_of_the_app(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(*_: object) -> None:
        raise an_error(name)

    monkeypatch.setattr(type(world.services), "catalog", refuse)
    with api_as(world, "Administrator") as program:
        answer = program.get("/api/segments")
    # What the storage refuses may be had again later, with the same request.
    assert answer.status_code == (503 if name == "SnapshotsRefused" else 422)
    assert NAME in answer.json()["detail"]


def about(page: Page) -> str:
    """Where the page of an error leads to."""
    (link,) = [one for one in page.all("a") if one.attributes["href"].startswith("/help#")]
    return link.attributes["href"]
