"""Following activities: what their end means for the run."""

from __future__ import annotations

import functools

import pytest

from exporters import prepare
from exporters.batches import cut_batches
from exporters.constant_contact.client import Activity
from exporters.ending import final_counts
from exporters.follow import _result
from exporters.runs import Batch, Counts
from local.constant_contact.configuration import Configuration
from tests.exporters.world import World


@pytest.mark.parametrize("fault", ["activity-failed", "activity-timed-out", "activity-cancelled"])
def test_an_activity_that_does_not_complete_fails_the_run_and_its_contacts_count_as_not_sent(
    world: World, fault: str
) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.fault(fault, times=1)
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.status == "failed"
    assert "batch 1" in (run.error or "")
    assert (run.counts.sent, run.counts.not_sent) == (0, 1)
    assert run.counts.adds_up


def test_what_failed_is_sent_by_the_next_run(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.fault("activity-failed", times=1)
    export = world.add_export("Loyal")
    world.run_to_end(export)
    assert world.run_to_end(export).status == "successful"
    assert world.members() == ["ana@example.com"]


def test_a_refused_contact_that_is_not_named_is_counted_and_said_to_be_unnamed(world: World) -> None:
    world.write_snapshot("Loyal", [f"p{number:02}@example.com,P" for number in range(30)])
    world.fault("rows-refused", match="@", times=1)
    run = world.run_to_end(world.add_export("Loyal"))
    rows = list(world.files(run).rejected_rows())
    assert run.counts.rejected_by_constant_contact == len(rows) == 30
    unnamed = [row for row in rows if row.line is None]
    assert len(unnamed) == 30 - Configuration().listed_activity_errors
    assert all("did not say which" in row.reason for row in unnamed)


def test_a_run_that_takes_too_long_ends_as_timed_out_with_what_was_sent(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    object.__setattr__(world.settings, "run_time_limit_hours", 0.0001)
    world.clock.advance(60)
    world.fault("unavailable", path="/activities")
    world.deliver()
    ended = world.services.runs.get(export.id, run.run_id)
    assert ended.status == "timed_out"
    assert ended.counts.adds_up
    assert world.services.runs.slot(export.id).value.run_id is None


def test_one_page_of_activities_tells_the_state_of_all_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "cut_batches", functools.partial(cut_batches, max_contacts=10))
    world.write_snapshot("Loyal", [f"p{number}@example.com,P" for number in range(60)])
    run = world.run_to_end(world.add_export("Loyal"))
    requests: dict[str, dict[str, int]] = world.statistics()["requests"]  # type: ignore[assignment]
    assert run.status == "successful"
    assert run.batches == 6
    assert sum(requests["GET /v3/activities"].values()) <= 6
    assert "GET /v3/activities/{activity_id}" not in requests


@pytest.mark.parametrize(
    ("status", "rejected", "not_added", "dropped"),
    [
        ({"items_total_count": 11, "person_count": 10}, 0, 0, 0),
        ({"items_total_count": 11, "error_count": 2, "correctable_count": 3}, 5, 0, 0),
        ({"items_total_count": 11, "cannot_add_to_list_count": 4}, 0, 4, 0),
        ({"items_total_count": 8}, 0, 0, 3),
        ({}, 0, 0, 0),
        ({"items_total_count": 11, "error_count": 99}, 10, 0, 0),
    ],
)
def test_the_counters_of_an_activity_mean(status: dict[str, int], rejected: int, not_added: int, dropped: int) -> None:
    activity = Activity.model_validate({"activity_id": "7", "state": "completed", "status": status})
    batch = _result(Batch(run_id="r", number=1, contacts=10, state="uploaded"), activity)
    assert (batch.state, batch.rejected, batch.not_added, batch.dropped) == ("completed", rejected, not_added, dropped)


def test_contacts_that_constant_contact_did_not_count_are_not_sent() -> None:
    batch = Batch(run_id="r", number=1, contacts=10, state="completed", dropped=3)
    counts = final_counts(Counts(read=10, prepared=10), [batch])
    assert (counts.sent, counts.not_sent) == (7, 3)
    assert counts.adds_up
