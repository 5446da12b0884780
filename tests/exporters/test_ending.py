"""How a run ends: its status, its counts, and what it says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exporters.ending import end_overdue, end_run, final_counts, is_sending
from exporters.errors import NoSnapshot
from exporters.runs import Batch, BatchState, Counts, Run
from tests.exporters.world import World

PREPARED = Counts(read=30, duplicates=4, rejected=6, rejected_by_us=6, prepared=20, not_sent=20)


def uploading(world: World, counts: Counts, *batches: Batch, **more: object) -> Run:
    """A run in the middle of its upload, with these batches."""
    run = world.start(world.add_export("Loyal"))
    for batch in batches:
        world.services.runs.add_batch(batch.model_copy(update={"run_id": run.run_id}))
    return world.services.runs.change(
        run, lambda r: r.model_copy(update={"status": "uploading", "counts": counts, "batches": len(batches), **more})
    )


def a_batch(number: int = 1, *, state: BatchState = "completed", contacts: int = 20, **more: object) -> Batch:
    return Batch(run_id="", number=number, contacts=contacts, state=state).model_copy(update=more)


@pytest.mark.parametrize("state", ["uploaded", "completed"])
def test_what_constant_contact_took_counts_as_sent(state: BatchState) -> None:
    counts = final_counts(PREPARED, [a_batch(state=state, rejected=3, not_added=5, dropped=2)])
    assert (counts.sent, counts.not_added, counts.not_sent) == (15, 5, 2)
    assert (counts.rejected, counts.rejected_by_us, counts.rejected_by_constant_contact) == (9, 6, 3)
    assert counts.adds_up


@pytest.mark.parametrize("state", ["pending", "sending", "failed"])
def test_what_constant_contact_did_not_take_counts_as_not_sent(state: BatchState) -> None:
    counts = final_counts(PREPARED, [a_batch(state=state, contacts=15), a_batch(2, contacts=5)])
    assert (counts.sent, counts.not_sent) == (5, 15)
    assert counts.adds_up


def test_of_a_batch_that_is_split_its_parts_count() -> None:
    parts = [a_batch(part="1", contacts=5), a_batch(part="2", contacts=15, state="pending")]
    counts = final_counts(PREPARED, [a_batch(state="split"), *parts])
    assert (counts.sent, counts.not_sent) == (5, 15)
    assert counts.adds_up


def test_profiles_that_no_batch_accounts_for_are_noticed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    run = end_run(world.services, uploading(world, PREPARED, a_batch(contacts=17)))
    assert (run.counts.sent, run.counts.not_sent, run.counts.adds_up) == (17, 0, False)
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert run.run_id in record.getMessage()


def test_of_a_run_that_ends_before_it_is_prepared_nothing_was_sent(world: World) -> None:
    run = uploading(world, PREPARED, status="preparing")
    ended = end_run(world.services, run, error=NoSnapshot("the reason"))
    assert (ended.counts, ended.counts.adds_up) == (PREPARED, True)


def test_a_run_of_which_everything_was_sent_is_successful(world: World) -> None:
    counts = Counts(read=20, prepared=20, not_sent=20)
    run = end_run(world.services, uploading(world, counts, a_batch(), waiting="for something"))
    assert (run.status, run.error, run.waiting, run.counts.sent) == ("successful", None, None, 20)
    assert run.ended_at is not None
    assert abs((run.ended_at - world.clock.now()).total_seconds()) < 60


def test_a_run_with_rejected_rows_is_completed_with_warnings(world: World) -> None:
    run = end_run(world.services, uploading(world, PREPARED, a_batch()))
    assert (run.status, run.error) == ("completed_with_warnings", None)


def test_a_run_with_a_warning_is_completed_with_warnings(world: World) -> None:
    counts = Counts(read=20, prepared=20, not_sent=20)
    run = end_run(world.services, uploading(world, counts, a_batch(), warnings=("An older snapshot is used.",)))
    assert run.status == "completed_with_warnings"


def test_a_run_that_is_not_to_end_goes_on(world: World) -> None:
    run = uploading(world, PREPARED, a_batch())
    assert end_run(world.services, run, only_if=lambda r: not r.prepared).status == "uploading"
    assert world.services.runs.get(run.export_id, run.run_id).status == "uploading"


def test_an_error_fails_the_run_and_is_told(world: World) -> None:
    run = uploading(world, PREPARED, a_batch(), stop="a batch failed")
    run = end_run(world.services, run, error=NoSnapshot("the reason"))
    assert (run.status, run.error, run.problem) == ("failed", "the reason", "no_snapshot")


def test_a_run_that_was_stopped_tells_why(world: World) -> None:
    run = end_run(world.services, uploading(world, PREPARED, a_batch(), stop="somebody stopped it"))
    assert (run.status, run.error) == ("failed", "somebody stopped it")


def test_a_run_over_its_time_has_timed_out_whatever_else_happened(world: World) -> None:
    run = uploading(world, PREPARED, a_batch(state="failed", error="no"))
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 60)
    run = end_overdue(world.services, run) or run
    assert run.status == "timed_out"
    assert "longer than its time limit" in (run.error or "")


def test_a_run_that_was_stopped_before_its_time_was_over_has_not_timed_out(world: World) -> None:
    run = uploading(world, PREPARED, a_batch(), stop="a batch failed")
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 60)
    ended = end_overdue(world.services, run)
    assert ended is not None
    assert (ended.status, ended.error) == ("failed", "a batch failed")


def test_what_is_said_of_a_run_does_not_decide_how_it_ended(world: World) -> None:
    late = uploading(world, PREPARED, a_batch())
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 60)
    said = (end_overdue(world.services, late) or late).error
    run = end_run(world.services, uploading(world, PREPARED, a_batch(), stop=said))
    assert (run.status, run.error) == ("failed", said)


@pytest.mark.parametrize(
    ("failed", "said"),
    [(1, "e1"), (3, "e1; e2; e3"), (4, "e1; e2; e3; and 1 more batches"), (5, "e1; e2; e3; and 2 more batches")],
)
def test_three_failed_batches_are_told_and_how_many_more(world: World, failed: int, said: str) -> None:
    batches = [a_batch(number, state="failed", contacts=4, error=f"e{number}") for number in range(1, failed + 1)]
    run = end_run(world.services, uploading(world, PREPARED, *batches))
    assert (run.status, run.error) == ("failed", said)


def test_a_refusal_that_was_overcome_by_halving_is_no_failure(world: World) -> None:
    split = a_batch(state="split", error="HTTP 400")
    halves = [a_batch(part=part, contacts=10) for part in ("1", "2")]
    run = end_run(world.services, uploading(world, PREPARED, split, *halves))
    assert (run.status, run.error, run.counts.sent) == ("completed_with_warnings", None, 20)


def test_a_run_without_a_single_contact_says_to_check_the_mapping(world: World) -> None:
    run = end_run(world.services, uploading(world, Counts(read=1_200, rejected=1_200, rejected_by_us=1_200)))
    assert run.status == "failed"
    assert "None of the 1,200 profiles can be a contact" in (run.error or "")


def test_a_run_of_which_everything_was_refused_has_failed(world: World) -> None:
    run = end_run(world.services, uploading(world, PREPARED, a_batch(rejected=20)))
    assert run.status == "failed"
    assert "refused every one of the 20 contacts" in (run.error or "")


def test_a_run_of_which_something_was_not_counted_has_failed(world: World) -> None:
    run = end_run(world.services, uploading(world, PREPARED, a_batch(dropped=7)))
    assert run.status == "failed"
    assert "did not count 7 contacts" in (run.error or "")


@pytest.mark.parametrize(
    ("state", "seconds", "expected"),
    [("sending", 5, True), ("sending", -5, False), ("sending", None, False), ("uploaded", 5, False)],
)
def test_a_batch_may_be_on_its_way_until_it_is_certain_that_it_is_not(
    world: World, state: BatchState, seconds: int | None, expected: bool
) -> None:
    until = None if seconds is None else world.clock.now() + timedelta(seconds=seconds)
    run = uploading(world, PREPARED, a_batch(state=state, unclear_until=until), a_batch(2))
    assert is_sending(world.services, run) is expected


@pytest.mark.parametrize(("minutes", "is_over"), [(-1, False), (1, True)])
def test_a_run_is_overdue_after_its_time_limit(world: World, minutes: int, is_over: bool) -> None:
    run = uploading(world, PREPARED, a_batch())
    world.clock.advance(world.settings.run_time_limit_hours * 3600 + 60 * minutes)
    ended = end_overdue(world.services, run)
    assert (ended is not None) is is_over
    assert world.services.runs.get(run.export_id, run.run_id).ended is is_over


def test_the_end_of_a_run_is_a_moment_in_utc(world: World) -> None:
    run = end_run(world.services, uploading(world, PREPARED, a_batch()))
    assert run.ended_at is not None
    assert run.ended_at.tzinfo is UTC or run.ended_at.utcoffset() == timedelta(0)
    assert run.ended_at > datetime(2020, 1, 1, tzinfo=UTC)
