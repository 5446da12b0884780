"""What following makes of the activities that Constant Contact tells of, and of those that it does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from exporters.budget import FIRST_LOOKS
from exporters.constant_contact.client import Activity
from exporters.constant_contact.errors import Refused
from exporters.constant_contact.their_words import NOT_TOLD
from exporters.follow import _pause, _result, follow
from exporters.runs import Batch, Run
from exporters.services import Services
from shared.queues import Message
from tests.exporters.world import World

PEOPLE = 6


class Told:
    """An account whose activities are told; notes what was asked for."""

    def __init__(self, *listed: Activity, by_id: dict[str, Activity | Refused] | None = None, left: int = 100) -> None:
        self.listed = listed
        self.by_id = by_id or {}
        self.left = left
        self.requests = 0
        self.seen: list[str] = []
        self.asked_for: list[str] = []

    def activities(self) -> Iterator[Activity]:
        for one in self.listed:
            self.seen.append(one.activity_id)
            yield one

    def activity(self, activity_id: str) -> Activity:
        self.asked_for.append(activity_id)
        found = self.by_id[activity_id]
        if isinstance(found, Refused):
            raise found
        return found

    def imports_left_today(self) -> int:
        return self.left


def services_with(world: World, account: Told) -> Services:
    return dataclasses.replace(world.services, account=lambda _: account)  # type: ignore[arg-type, return-value]


def make_it_noon(world: World) -> None:
    noon = (world.clock.now() + timedelta(days=1)).replace(hour=12, minute=0)
    world.clock.advance((noon - world.clock.now()).total_seconds())


def uploaded(world: World, *activity_ids: str) -> Run:
    """A prepared run of which each batch was uploaded, with these activities; two contacts a batch."""
    world.write_snapshot("Loyal", [f"p{number}@example.com,P" for number in range(PEOPLE)])
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    run = world.start(world.add_export("Loyal"))
    world.deliver_next()
    world.queue.waiting.clear()
    (whole,) = world.services.runs.batches(run.run_id)
    world.services.runs.write_batch(whole.value.model_copy(update={"state": "split"}), whole.etag)
    for number, activity_id in enumerate(activity_ids):
        world.services.runs.add_batch(
            Batch(
                run_id=run.run_id,
                number=1,
                part=str(number + 1),
                first=2 * number,
                contacts=2,
                state="uploaded",
                activity_id=activity_id,
            )
        )
    return run


def look(world: World, run: Run, account: Told) -> list[Batch]:
    follow(services_with(world, account), Message(export_id=run.export_id, run_id=run.run_id))
    return [stored.value for stored in world.services.runs.batches(run.run_id) if stored.value.part]


def an_activity(
    activity_id: str = "a1", state: str = "completed", errors: tuple[str, ...] = (), **status: Any
) -> Activity:
    return Activity.model_validate(
        {
            "activity_id": activity_id,
            "state": state,
            "activity_errors": errors,
            "status": {"items_total_count": 3, **status},
            "percent_done": 41.7,
        }
    )


def test_no_more_activities_are_looked_at_once_all_are_found(world: World) -> None:
    others = [an_activity(f"other{number}") for number in range(5)]
    account = Told(others[0], an_activity("a2"), others[1], an_activity("a1"), *others[2:])
    batches = look(world, uploaded(world, "a1", "a2"), account)
    assert [batch.state for batch in batches] == ["completed", "completed"]
    assert account.seen == ["other0", "a2", "other1", "a1"]
    assert account.asked_for == []


def test_an_activity_that_is_not_listed_is_asked_for_by_its_id(world: World) -> None:
    account = Told(an_activity("a2"), by_id={"a1": an_activity("a1")})
    assert [batch.state for batch in look(world, uploaded(world, "a1", "a2"), account)] == ["completed", "completed"]
    assert account.asked_for == ["a1"]


def test_an_activity_that_nobody_knows_any_more_has_failed(world: World) -> None:
    (batch,) = look(world, uploaded(world, "a1"), Told(by_id={"a1": Refused(404, "not found")}))
    assert batch.state == "failed"
    assert "no longer knows the activity" in (batch.error or "")


def test_any_other_refusal_is_not_taken_for_an_end(world: World) -> None:
    with pytest.raises(Refused):
        look(world, uploaded(world, "a1"), Told(by_id={"a1": Refused(403, "forbidden")}))


@pytest.mark.parametrize(("percent", "shown"), [(None, 0), (0.0, 0), (41.7, 42), (100.0, 100)])
def test_an_activity_that_is_under_way_tells_how_far_it_is(percent: float | None, shown: int) -> None:
    activity = Activity(activity_id="a1", state="processing", percent_done=percent)
    batch = Batch(run_id="r", number=1, contacts=2, state="uploaded")
    assert _result(batch, activity) == batch.model_copy(update={"percent_done": shown})


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((), "Constant Contact ended the import of batch 1 as “cancelled”"),
        (
            ("Line 3: phone '+39 055 1234567' of Bartholomäus Müller is not valid", "Line 4: Müller", "Line 4: Anna"),
            "Constant Contact ended the import of batch 1 as “cancelled”: Line 3: phone is not valid; "
            f"Line 4: {NOT_TOLD}",
        ),
    ],
)
def test_an_end_without_success_is_told_with_its_reasons(errors: tuple[str, ...], said: str) -> None:
    batch = _result(Batch(run_id="r", number=1, contacts=2, state="uploaded"), an_activity("a1", "cancelled", errors))
    assert (batch.state, batch.error) == ("failed", said)


def test_of_many_reasons_the_first_five_are_told() -> None:
    errors = tuple(f"Line {line}: phone is not valid" for line in range(2, 9))
    batch = _result(Batch(run_id="r", number=1, contacts=9, state="uploaded"), an_activity("a1", "failed", errors))
    assert (batch.error or "").endswith(f"as “failed”: {'; '.join(errors[:5])}")


@pytest.mark.parametrize(
    ("status", "rejected", "not_added", "dropped"),
    [
        ({}, 0, 0, 0),
        ({"items_total_count": 2}, 0, 0, 1),
        ({"items_total_count": 1}, 0, 0, 2),
        ({"items_total_count": 9}, 0, 0, 0),
        ({"error_count": 1, "correctable_count": 1, "cannot_add_to_list_count": 1}, 2, 0, 0),
        ({"error_count": 1, "cannot_add_to_list_count": 5}, 1, 1, 0),
        ({"items_total_count": 2, "error_count": 2}, 1, 0, 1),
        ({"items_total_count": 2, "cannot_add_to_list_count": 2}, 0, 1, 1),
    ],
)
def test_no_contact_is_counted_twice(status: dict[str, Any], rejected: int, not_added: int, dropped: int) -> None:
    batch = _result(Batch(run_id="r", number=1, contacts=2, state="uploaded"), an_activity(**status))
    assert (batch.rejected, batch.not_added, batch.dropped) == (rejected, not_added, dropped)
    assert (batch.state, batch.percent_done) == ("completed", 100)


def refused_rows(world: World, run: Run) -> list[tuple[str, int | None, str]]:
    return [(row.partition.rpartition("/")[2], row.line, row.reason) for row in world.files(run).rejected_rows()]


def test_a_row_that_is_named_is_traced_to_its_line_also_in_a_part(world: World) -> None:
    run = uploaded(world, "a1", "a2", "a3")
    told = [
        an_activity(f"a{n}", errors=("Line 3: bo@example.com is no valid address, Invalid email of Bo",), error_count=1)
        for n in (1, 2, 3)
    ]
    look(world, run, Told(*told))
    said = "Constant Contact: email is not valid"
    assert refused_rows(world, run) == [("Loyal_1.csv", line, said) for line in (3, 5, 7)]


def test_rows_that_are_not_named_are_counted_and_no_more_are_named_than_were_refused(world: World) -> None:
    run = uploaded(world, "a1", "a2")
    errors = (
        "something is wrong",
        "line 1: the header",
        "LINE 2 - Invalid email",
        "Line 3: Missing email",
        "Line 99: nobody",
    )
    told = [an_activity("a1", errors=errors, error_count=1), an_activity("a2", errors=errors[:1], error_count=2)]
    look(world, run, Told(*told))
    unnamed = "Constant Contact refused a contact of batch 1 (part 2) and did not say which"
    assert refused_rows(world, run) == [
        ("Loyal_1.csv", 2, "Constant Contact: Invalid email"),
        ("", None, unnamed),
        ("", None, unnamed),
    ]


@pytest.mark.parametrize("line", [1, 4])
def test_a_line_that_a_part_does_not_have_names_no_row_of_another_part(world: World, line: int) -> None:
    run = uploaded(world, "a1", "a2", "a3")
    wrong = an_activity("a2", errors=(f"Line {line}: wrong",), error_count=1)
    look(world, run, Told(an_activity("a1"), wrong, an_activity("a3")))
    assert [row[1] for row in refused_rows(world, run)] == [None]


def next_look(world: World, run: Run, account: Told, *, turn: int) -> float:
    """In how many seconds the run is looked at again after a look that showed nothing new."""
    follow(services_with(world, account), Message(export_id=run.export_id, run_id=run.run_id, turn=turn))
    (again,) = world.queue.waiting
    assert again.message.turn == turn + 1
    return (again.due - world.clock.now()).total_seconds()


def test_a_look_that_finds_all_uploaded_says_that_the_run_is_finishing(world: World) -> None:
    run = uploaded(world, "a1")
    next_look(world, run, Told(an_activity("a1", "processing")), turn=0)
    assert world.services.runs.get(run.export_id, run.run_id).status == "finishing"


def test_the_next_look_is_soon_while_something_is_under_way(world: World) -> None:
    run = uploaded(world, "a1")
    later = world.clock.now() + timedelta(seconds=900)
    services = world.services
    run = services.runs.change(run, lambda r: r.model_copy(update={"waiting_until": later}))
    batches = services.runs.batches(run.run_id)
    assert _pause(services, run, batches, 0, short=False) == 1


@pytest.mark.parametrize(("rest", "pause"), [(None, 1), (-5, 1), (40, 40), (9_000, 600)])
def test_while_nothing_is_under_way_the_next_look_is_when_the_wait_is_over(
    world: World, rest: int | None, pause: float
) -> None:
    run = uploaded(world)
    until = None if rest is None else world.clock.now() + timedelta(seconds=rest)
    run = world.services.runs.change(run, lambda r: r.model_copy(update={"waiting_until": until}))
    batches = world.services.runs.batches(run.run_id)
    assert _pause(world.services, run, batches, 0, short=False) == pytest.approx(pause, abs=2)


@pytest.mark.parametrize(("left", "pause"), [(0, 600), (1, 1)])
def test_when_calls_are_short_the_next_look_is_in_ten_minutes_and_the_run_says_so(
    world: World, left: int, pause: float
) -> None:
    make_it_noon(world)
    run = uploaded(world, "a1")
    account = Told(an_activity("a1", "processing"), left=left)
    assert next_look(world, run, account, turn=0) == pytest.approx(pause, abs=2)
    waiting = world.services.runs.get(run.export_id, run.run_id).waiting or ""
    assert ("every 10 minutes" in waiting) is (left == 0)


def test_when_calls_are_short_the_next_look_comes_at_the_latest_with_the_new_day(world: World) -> None:
    late = (world.clock.now() + timedelta(days=1)).replace(hour=23, minute=58, second=0)
    world.clock.advance((late - world.clock.now()).total_seconds() - world.settings.snapshot_quiet_seconds)
    run = uploaded(world, "a1")
    assert 100 < next_look(world, run, Told(an_activity("a1", "processing"), left=0), turn=30) < 180


def test_runs_that_wait_for_long_share_the_looks(world: World) -> None:
    run = uploaded(world, "a1")
    for _ in range(7):
        world.start(world.add_export("Loyal"))
    world.queue.waiting.clear()
    under_way = Told(an_activity("a1", "processing"))
    assert next_look(world, run, under_way, turn=FIRST_LOOKS + 2) == pytest.approx(160, abs=2)
    world.queue.waiting.clear()
    assert next_look(world, run, under_way, turn=2) == pytest.approx(2.25, abs=1)


def test_runs_share_the_calls_that_are_kept_for_following(world: World) -> None:
    make_it_noon(world)
    run = uploaded(world, "a1")
    for _ in range(3):
        world.start(world.add_export("Loyal"))
    world.queue.waiting.clear()
    account = Told(an_activity("a1", "processing"), left=0)
    assert next_look(world, run, account, turn=0) == pytest.approx(720, abs=2)


def test_a_run_that_is_looked_at_seldom_says_until_when_it_waits(world: World) -> None:
    run = uploaded(world, "a1")
    assert next_look(world, run, Told(an_activity("a1", "processing")), turn=33) < 600
    assert world.services.runs.get(run.export_id, run.run_id).waiting_until is None
    world.queue.waiting.clear()
    assert next_look(world, run, Told(an_activity("a1", "processing")), turn=90) == pytest.approx(600, abs=2)
    waits = world.services.runs.get(run.export_id, run.run_id)
    assert "every 10 minutes" in (waits.waiting or "")
    assert waits.waiting_until is not None
    assert (waits.waiting_until - world.clock.now()).total_seconds() == pytest.approx(600, abs=2)
