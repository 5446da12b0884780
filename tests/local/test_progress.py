"""What is shown of a run: lines that are true and no more than are news, and a summary that says what to do."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from admin.records import BatchRecord, RunRecord
from exporters.runs import BatchState, Counts
from local.progress import contacts_done, show_summary, showing

BEGAN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def batch(state: BatchState, *, percent: int = 0, activity: bool = True) -> BatchRecord:
    return BatchRecord(
        number=1,
        part="",
        state=state,
        contacts=100,
        activity_id="an-activity" if activity else None,
        percent_done=percent,
        rejected=0,
        not_added=0,
        error=None,
    )


def run(status: str, *batches: BatchRecord, **facts: Any) -> RunRecord:
    known: dict[str, Any] = {
        "run_id": "20261122T060000000-000000",
        "export_id": "an-export",
        "export_name": "Newsletter",
        "status": status,
        "trigger": "http",
        "started_by": "local",
        "created_at": BEGAN,
        "started_at": BEGAN,
        "ended_at": BEGAN + timedelta(seconds=3),
        "error": None,
        "waiting": None,
        "notice": None,
        "warnings": (),
        "counts": Counts(read=100 * len(batches), prepared=100 * len(batches)),
        "requests": 0,
        "list_id": "a-list",
        **dict.fromkeys(("canceled_by", "schedule_due", "prepared_at", "uploaded_at", "problem", "profiles_expected")),
        "list_name": None,
        "segments": ("Gold",),
        "snapshots": {},
        "batches": list(batches),
    }
    return RunRecord(**(known | facts))


def lines_of(*runs: RunRecord) -> list[str]:
    """The lines shown for these, without their times."""
    text = io.StringIO()
    with showing(Console(file=text, width=80)) as show:
        for one in runs:
            show(one)
    return [line.partition("  ")[2] for line in text.getvalue().splitlines()]


def summary_of(shown: RunRecord, report: Path | None = None) -> list[str]:
    text = io.StringIO()
    show_summary(Console(file=text, width=80), shown, 4, report)
    return text.getvalue().splitlines()


def test_a_batch_whose_activity_failed_was_uploaded_but_its_contacts_are_not_processed() -> None:
    ended = run("failed", batch("completed"), batch("failed"), batch("failed", activity=False))

    assert lines_of(ended) == ["failed: 100 of 300 contacts processed; 2 of 3 batches uploaded; 2 failed"]


def test_a_run_that_failed_before_it_had_contacts_counts_none() -> None:
    assert lines_of(run("failed")) == ["failed"]


def test_contacts_count_as_done_as_far_as_constant_contact_says_that_it_is() -> None:
    assert contacts_done(run("finishing", batch("uploaded", percent=30), batch("completed"), batch("pending"))) == 130


def test_a_wait_is_shown_when_it_begins_and_not_when_it_is_over() -> None:
    uploading, waiting = run("uploading", batch("pending")), run("uploading", batch("pending"), waiting="a limit")

    shown = lines_of(uploading, waiting, uploading, waiting, uploading)

    assert [line.partition("waiting: ")[2] for line in shown] == ["", "a limit"]


def test_what_is_known_beforehand_of_a_runs_course_is_shown_while_it_lasts() -> None:
    notice = "The others follow after 00:00 UTC."

    uploading, ended = (run(status, batch("completed"), notice=notice) for status in ("uploading", "successful"))

    assert [notice in line for line in lines_of(uploading, ended)] == [True, False]


@pytest.mark.parametrize(
    ("rejected", "report", "said"),
    [
        (289, None, "289 rows were rejected; --report FILE names each"),
        (1, None, "1 row was rejected; --report FILE names it"),
        (289, Path("r.json"), "289 rows were rejected; r.json names each"),
    ],
)
def test_the_summary_says_what_the_warning_is(rejected: int, report: Path | None, said: str) -> None:
    counts = Counts(read=1_000, sent=1_000 - rejected, rejected=rejected, rejected_by_us=rejected)
    warnings = ("The snapshot of Gold has no model.json.",)

    shown = summary_of(run("completed_with_warnings", counts=counts, warnings=warnings), report)

    assert shown[1:4] == ["Run completed with warnings.", *warnings, said]


def test_notes_stand_beside_numbers_above_0_only_and_no_line_ends_with_blanks() -> None:
    counts = Counts(read=10, sent=8, rejected=2, rejected_by_constant_contact=2)

    shown = summary_of(run("completed_with_warnings", batch("completed"), counts=counts))

    notes = {line[:20].strip(): line[28:] for line in shown[4:]}
    assert notes["Rejected"] == "2 by Constant Contact"
    assert (notes["of them not added"], notes["Duplicates"]) == ("", "")
    assert [line for line in shown if line != line.rstrip()] == []


def test_a_long_error_is_not_broken_into_lines() -> None:
    error = "The file " + "segments/" * 20 + "Gold_1.csv cannot be read."

    assert error in summary_of(run("failed", error=error))
