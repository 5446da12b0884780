"""The day's calls are one budget for all exports of a client id."""

from __future__ import annotations

import functools
from datetime import timedelta

import pytest

from exporters import prepare
from exporters.batches import cut_batches
from exporters.budget import PARKED
from exporters.constant_contact.limits import API, KEPT_FOR_FOLLOWING, Usage
from exporters.runs import Run
from local.azurite import Azurite
from local.constant_contact.configuration import Configuration
from shared.tables import DocumentTable, Key
from tests.exporters.world import World
from tests.simulators import Simulators

ROOM = (API.a_day or 0) - KEPT_FOR_FOLLOWING


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "cut_batches", functools.partial(cut_batches, max_contacts=2))


def spend(world: World, calls: int) -> None:
    """It is noon, and other runs have made so many calls today."""
    noon = (world.clock.now() + timedelta(days=1)).replace(hour=12, minute=0)
    world.clock.advance((noon - world.clock.now()).total_seconds())
    table, key = DocumentTable(world.limits, Usage), Key(world.client_id, API.name)
    stored = table.get_or_insert(key, Usage())
    spent = stored.value.model_copy(update={"day": noon.date().isoformat(), "calls": calls})
    table.replace(key, spent, stored.etag)


def begin(world: World, segment: str = "Loyal", contacts: int = 20) -> Run:
    world.write_snapshot(segment, [f"{segment}{number}@example.com,Name" for number in range(contacts)])
    return world.start(world.add_export(segment, name=segment))


def now(world: World, run: Run) -> Run:
    return world.services.runs.get(run.export_id, run.run_id)


def go_on_today(world: World) -> None:
    """Everything that happens before the next day."""
    today = world.clock.now().date()
    world.deliver(until=lambda: min(world.queue.waiting).due.date() > today, most=2000)


def test_a_run_that_cannot_finish_today_says_so_before_it_uploads(world: World) -> None:
    spend(world, ROOM - 6)
    run = begin(world)
    world.deliver(until=lambda: now(world, run).prepared)
    assert now(world, run).notice == (
        "Today's calls to Constant Contact suffice for about 3 of the 10 batches. "
        "The others follow after 00:00 UTC by themselves."
    )
    assert now(world, run).counts.sent == 0


def test_it_parks_itself_until_the_next_day_and_goes_on_by_itself(world: World) -> None:
    spend(world, ROOM - 6)
    run = begin(world)
    go_on_today(world)
    parked = now(world, run)
    assert not parked.ended
    assert "00:00 UTC" in (parked.waiting or "")
    assert len(world.members()) == 10
    world.deliver()
    assert now(world, run).status == "successful"
    assert now(world, run).counts.sent == len(world.members()) == 20


def test_what_was_sent_is_followed_with_the_calls_that_are_kept(world: World) -> None:
    spend(world, ROOM - 3)
    run = begin(world)
    go_on_today(world)
    states = [stored.value.state for stored in world.services.runs.batches(run.run_id)]
    assert states == ["completed"] * 2 + ["pending"] * 8


def test_while_calls_are_short_looks_are_far_apart_and_the_run_says_so(
    azurite: Azurite, vault_url: str, simulators: Simulators
) -> None:
    with simulators.running(Configuration(minimum_activity_seconds=900)) as simulator:
        world = World(azurite, vault_url, simulator)
        spend(world, ROOM - 3)
        run = begin(world, contacts=4)
        said = set()
        while not now(world, run).ended:
            world.deliver_next()
            said.add(now(world, run).waiting)
    assert any("every 10 minutes" in reason for reason in said if reason)
    assert now(world, run).status == "successful"
    assert now(world, run).requests < 12


def test_a_run_waits_before_it_reads_anything_when_no_call_is_left_for_it(world: World) -> None:
    spend(world, ROOM)
    run = begin(world)
    go_on_today(world)
    assert now(world, run).status == "preparing"
    assert "00:00 UTC" in (now(world, run).waiting or "")
    assert list(world.services.files.list_blob_names()) == []
    world.deliver()
    assert now(world, run).status == "successful"


def test_the_batches_that_other_runs_have_still_to_send_are_counted(world: World) -> None:
    spend(world, ROOM - 24)
    first = begin(world, "First")
    world.deliver(until=lambda: now(world, first).prepared)
    uploads = world.queue.waiting.copy()
    world.queue.waiting.clear()
    second = begin(world, "Second")
    world.deliver(until=lambda: now(world, second).prepared)
    world.queue.waiting += uploads
    assert now(world, first).notice is None
    # Of 24 each run has asked for its list; the first has ten batches; both are looked at three times.
    assert "about 6 of the 10" in (now(world, second).notice or "")
    world.deliver(most=2000)
    assert {now(world, first).status, now(world, second).status} == {"successful"}


def test_a_run_that_has_to_wait_although_it_seemed_to_fit_says_so_then(world: World) -> None:
    spend(world, ROOM - 20)
    run = begin(world)
    world.deliver(until=lambda: now(world, run).prepared)
    assert now(world, run).notice is None
    spend(world, ROOM - 4)
    go_on_today(world)
    assert now(world, run).notice == PARKED
    world.deliver()
    assert now(world, run).status == "successful"


def test_a_run_that_constant_contact_makes_wait_for_the_new_day_says_so(world: World) -> None:
    run = begin(world)
    world.deliver(until=lambda: now(world, run).prepared)
    world.fault("quota-exceeded", times=1)
    world.deliver_next()
    assert now(world, run).notice == PARKED


def test_a_run_that_waits_for_a_free_slot_says_nothing_of_the_days_calls(world: World) -> None:
    run = begin(world)
    world.deliver(until=lambda: now(world, run).prepared)
    table, key = DocumentTable(world.limits, Usage), Key(world.client_id, API.name)
    stored = table.get_or_insert(key, Usage())
    far = {"next_free": world.clock.now().timestamp() + 30}
    table.replace(key, stored.value.model_copy(update=far), stored.etag)
    world.deliver_next()
    assert "free slot" in (now(world, run).waiting or "")
    assert now(world, run).notice is None


def test_a_run_that_said_how_far_the_calls_go_does_not_say_less_when_it_waits(world: World) -> None:
    spend(world, ROOM - 6)
    run = begin(world)
    go_on_today(world)
    assert now(world, run).waiting
    assert "about 3 of the 10" in (now(world, run).notice or "")


def test_a_run_with_calls_to_spare_says_nothing(world: World) -> None:
    run = begin(world)
    world.deliver()
    assert now(world, run).notice is None


def test_never_more_calls_are_made_than_the_day_has(world: World) -> None:
    spend(world, ROOM - 2)
    runs = [begin(world, f"Segment{number}") for number in range(3)]
    go_on_today(world)
    usage = DocumentTable(world.limits, Usage).get(Key(world.client_id, API.name))
    assert usage is not None
    assert usage.value.calls <= (API.a_day or 0)
    world.deliver(most=2000)
    assert [now(world, run).status for run in runs] == ["successful"] * 3
    assert world.statistics()["source_file_names_taken_more_than_once"] == []
