"""What a page works out of a run: its stages, how far it is, where its profiles went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.pages.run_facts import BAR_WIDTH, duration, facts_of, parts_of, seconds_between, snapshots_of
from exporters.runs import Batch, BatchState, Counts, Run, Status

BEGAN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def run(status: Status = "uploading", /, **facts: object) -> Run:
    return Run(
        **{
            "run_id": "20261122T100000000-4f2a9c",
            "export_id": "e",
            "export_name": "Newsletter",
            "trigger": "http",
            "started_by": "Ada",
            "status": status,
            "created_at": BEGAN,
            "list_id": "l",
            "segments": ("S",),
            "connection_id": "c",
            **facts,
        }
    )


def batch(number: int, state: BatchState, contacts: int = 100, **facts: object) -> Batch:
    return Batch(**{"run_id": "r", "number": number, "state": state, "contacts": contacts, **facts})


PREPARED = Counts(read=310, prepared=300, not_sent=300, duplicates=6, rejected=4, rejected_by_us=4)
ALL_SENT = [batch(1, "uploaded"), batch(2, "completed", percent_done=100), batch(3, "uploaded", percent_done=50)]


# --- Stages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "facts", "batches", "states"),
    [
        ("queued", {}, [], "to_come to_come to_come to_come"),
        ("preparing", {"started_at": at(1)}, [], "now to_come to_come to_come"),
        ("uploading", {"prepared_at": at(2)}, [batch(1, "sending")], "done now to_come to_come"),
        ("uploading", {"prepared_at": at(2)}, [batch(1, "uploaded"), batch(2, "pending")], "done now now to_come"),
        ("finishing", {"prepared_at": at(2), "uploaded_at": at(3)}, ALL_SENT, "done done now to_come"),
        ("successful", {"prepared_at": at(2), "uploaded_at": at(3)}, ALL_SENT, "done done done done"),
        ("failed", {}, [], "stopped not_reached not_reached not_reached"),
        (
            "failed",
            {"prepared_at": at(2), "problem": "all_rejected"},
            [],
            "stopped not_reached not_reached not_reached",
        ),
        ("failed", {"prepared_at": at(2), "problem": "too_many"}, [], "stopped not_reached not_reached not_reached"),
        ("canceled", {"prepared_at": at(2)}, [batch(1, "pending")], "done stopped not_reached not_reached"),
        ("timed_out", {"prepared_at": at(2), "uploaded_at": at(3)}, ALL_SENT, "done done stopped not_reached"),
    ],
)
def test_the_stages_of_a_run(status: Status, facts: dict[str, object], batches: list[Batch], states: str) -> None:
    stages = facts_of(run(status, **facts), batches).stages
    assert " ".join(stage.state for stage in stages) == states


def test_the_stages_count_profiles_and_batches() -> None:
    facts = {"started_at": at(1), "prepared_at": at(2), "counts": PREPARED}
    batches = [batch(1, "completed"), batch(2, "uploaded"), batch(3, "pending"), batch(4, "split")]
    counted = [(stage.done, stage.of) for stage in facts_of(run(**facts), batches).stages]
    assert counted == [(310, 310), (2, 3), (1, 3), (None, None)]


def test_while_it_prepares_the_profiles_read_are_set_against_those_expected() -> None:
    preparing = run("preparing", started_at=at(1), profiles_expected=1_000, counts=Counts(read=250))
    stage = facts_of(preparing, []).stages[0]
    assert (stage.done, stage.of) == (250, 1_000)


# --- Progress ---------------------------------------------------------------------------------------------------------


def test_the_progress_of_a_run_only_grows() -> None:
    prepared = {"started_at": at(1), "prepared_at": at(2), "counts": PREPARED}
    course = [
        (run("queued"), []),
        (run("preparing", profiles_expected=310, counts=Counts(read=100)), []),
        (run("preparing", profiles_expected=310, counts=Counts(read=310)), []),
        (run(**prepared), [batch(1, "sending"), batch(2, "pending")]),
        (run(**prepared), [batch(1, "uploaded"), batch(2, "pending")]),
        (run(**prepared), [batch(1, "uploaded", percent_done=40), batch(2, "sending")]),
        (run("finishing", **prepared), [batch(1, "completed", percent_done=100), batch(2, "uploaded")]),
        (run("successful", **prepared), [batch(1, "completed"), batch(2, "completed")]),
    ]
    progress = [facts_of(one, batches).progress or 0 for one, batches in course]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0, BAR_WIDTH)


def test_nobody_knows_how_far_it_is_before_its_profiles_are_counted() -> None:
    assert facts_of(run("preparing", counts=Counts(read=100)), []).progress is None


def test_more_profiles_than_expected_do_not_overrun_the_stage() -> None:
    more = run("preparing", profiles_expected=100, counts=Counts(read=900))
    assert facts_of(more, []).progress == facts_of(run(counts=PREPARED), [batch(1, "pending")]).progress


# --- Where the profiles went ------------------------------------------------------------------------------------------


def test_while_it_is_sent_the_profiles_move_from_still_to_be_sent_to_sent() -> None:
    facts = facts_of(run(counts=PREPARED), [batch(1, "uploaded"), batch(2, "sending"), batch(3, "pending")])
    places = {part.place: part.profiles for part in facts.parts}
    assert (places["sent"], places["not_sent"]) == (100, 200)
    assert facts.sum == facts.counts.read


def test_who_has_unsubscribed_is_counted_once() -> None:
    parts = {part.place: part.profiles for part in parts_of(Counts(read=10, sent=10, not_added=3))}
    assert (parts["sent"], parts["not_added"]) == (7, 3)


@given(st.lists(st.integers(min_value=0, max_value=10**6), min_size=6, max_size=6))
def test_the_bar_is_filled_from_end_to_end_and_shows_all_that_is_there(numbers: list[int]) -> None:
    sent, not_added, duplicates, by_us, by_them, not_sent = numbers
    counts = Counts(
        read=sum(numbers),
        sent=sent + not_added,
        not_added=not_added,
        duplicates=duplicates,
        rejected=by_us + by_them,
        rejected_by_us=by_us,
        rejected_by_constant_contact=by_them,
        not_sent=not_sent,
    )
    parts = parts_of(counts)
    assert sum(part.profiles for part in parts) == counts.read
    assert sum(part.width for part in parts) == (BAR_WIDTH if counts.read else 0)
    assert all((part.width > 0) == (part.profiles > 0) for part in parts)
    assert all(one.at + one.width == after.at for one, after in pairwise(parts))


# --- Times and snapshots ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, "–"), (0, "0:00"), (42, "0:42"), (725, "12:05"), (3725, "1:02:05"), (90_000, "25:00:00")],
)
def test_a_duration_is_written_as_on_a_clock(seconds: int | None, written: str) -> None:
    assert duration(seconds) == written


def test_an_end_that_seems_to_be_before_the_beginning_took_no_time() -> None:
    assert seconds_between(at(5), at(3)) == 0


def test_after_its_files_were_deleted_a_snapshot_still_has_its_time() -> None:
    kept = {"S": "CustomerInsights_x/BlobExport/S/2026/11/22/0130", "T": "no time in it"}
    times = {one.segment: one.taken_at for one in snapshots_of(run(snapshots=kept), None)}
    assert times == {"S": datetime(2026, 11, 22, 1, 30, tzinfo=UTC), "T": None}
