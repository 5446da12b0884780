"""The runs of all exports in one place: newest first, the latest of each, and totals a day."""

from __future__ import annotations

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from exporters.ending import end_run
from exporters.history import History, RunSummary
from exporters.runs import ENDED, Counts, Run, Status, new_run_id
from exporters.sweeping import complete_history
from shared.documents import new_id
from shared.errors import Invalid
from tests.exporters.world import World
from tests.promises.interruption import Killed, death, requests_of, watching

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_run(at: datetime = NOON, *, export_id: str | None = None, sent: int = 0, **more: object) -> Run:
    return Run(
        run_id=new_run_id(at),
        export_id=export_id or new_id(),
        export_name="Newsletter",
        trigger="http",
        started_by="test",
        created_at=at,
        list_id="list",
        connection_id="connection",
        segments=("Loyal",),
        counts=Counts(read=sent, sent=sent),
    ).model_copy(update=more)


def begun(world: World, run: Run) -> Run:
    world.services.history.note(run)
    world.services.runs.begin(run, world.services.runs.slot(run.export_id), {})
    return run


def over(world: World, run: Run, status: Status = "successful") -> Run:
    begun(world, run)
    return ended(world, run, status)


def ended(world: World, run: Run, status: Status = "successful") -> Run:
    final = world.services.runs.end(run, lambda r: r.model_copy(update={"status": status}))
    world.services.history.note(final)
    return final


def listed(world: World, statuses: frozenset[Status] | None = None) -> list[str]:
    return [run.run_id for run in world.services.history.page(statuses=statuses).runs]


def entries(history: History) -> list[RunSummary]:
    return [entry.value for entry in history._entries.partition("all")]


# All runs


def test_the_runs_of_all_exports_are_listed_the_newest_first(world: World) -> None:
    runs = [over(world, a_run(NOON + timedelta(minutes=minute))) for minute in (2, 1, 3)]
    assert listed(world) == [runs[2].run_id, runs[0].run_id, runs[1].run_id]


def test_a_summary_says_what_the_run_says(world: World) -> None:
    told = {"list_name": "Shop", "connection_name": "Main", "problem": "too_many", "error": "Too many."}
    run = over(world, a_run(sent=7).model_copy(update=told), "failed")
    (summary,) = world.services.history.page().runs
    for name in RunSummary.model_fields:
        assert getattr(summary, name) == getattr(run, name)


def test_a_page_leads_to_the_next_until_there_are_no_more(world: World) -> None:
    runs = [over(world, a_run(NOON - timedelta(minutes=ago))).run_id for ago in range(5)]
    first = world.services.history.page(limit=2)
    second = world.services.history.page(limit=2, after=first.next)
    third = world.services.history.page(limit=2, after=second.next)
    assert [[run.run_id for run in page.runs] for page in (first, second, third)] == [runs[:2], runs[2:4], runs[4:]]
    assert third.next is None


def test_a_page_that_is_just_full_is_the_last(world: World) -> None:
    for ago in range(2):
        over(world, a_run(NOON - timedelta(minutes=ago)))
    assert world.services.history.page(limit=2).next is None


def test_a_page_after_something_that_is_no_run_is_refused(world: World) -> None:
    for odd in ("", "nonsense", "' or 1 eq 1", "20261122T120000000-00000\n"):
        with pytest.raises(Invalid):
            world.services.history.page(after=odd)


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_only_runs_of_the_statuses_asked_for_are_listed_however_many_pages_it_takes(world: World, limit: int) -> None:
    runs = [
        over(world, a_run(NOON - timedelta(minutes=ago)), "failed" if ago % 3 else "successful") for ago in range(7)
    ]
    wanted = [run.run_id for run in runs if run.status == "successful"]
    found, after = [], None
    for _ in range(10):
        page = world.services.history.page(statuses=frozenset({"successful"}), after=after, limit=limit)
        found += [run.run_id for run in page.runs]
        after = page.next
        if after is None:
            break
    assert found == wanted


@pytest.mark.parametrize("status", sorted(ENDED))
def test_runs_can_be_asked_for_by_every_status_that_is_final(world: World, status: Status) -> None:
    for number, one in enumerate(sorted(ENDED)):
        over(world, a_run(NOON + timedelta(seconds=number)), one)
    (found,) = world.services.history.page(statuses=frozenset({status})).runs
    assert found.status == status


def test_a_run_under_way_is_listed_as_it_is_now(world: World) -> None:
    run = begun(world, a_run())
    world.services.runs.change(run, lambda r: r.model_copy(update={"status": "uploading"}))
    assert [one.status for one in world.services.history.page().runs] == ["uploading"]
    assert listed(world, frozenset({"uploading"})) == [run.run_id]
    assert listed(world, frozenset({"queued"})) == []


def test_a_run_whose_end_was_not_noted_is_listed_as_it_ended(world: World) -> None:
    run = begun(world, a_run())
    world.services.runs.end(run, lambda r: r.model_copy(update={"status": "failed"}))
    assert listed(world, frozenset({"failed"})) == [run.run_id]
    assert world.services.history.latest()[run.export_id].status == "failed"


def test_a_run_that_never_began_is_not_listed(world: World) -> None:
    world.services.history.note(a_run())
    assert listed(world) == []
    assert world.services.history.latest() == {}


def test_an_end_that_is_noted_first_stays_when_the_beginning_is_noted_late(world: World) -> None:
    run = over(world, a_run())
    world.services.history.note(run.model_copy(update={"status": "queued"}))
    assert [one.status for one in entries(world.services.history)] == ["successful"]
    assert world.services.history.latest()[run.export_id].status == "successful"


# The latest run of each export


def test_the_latest_run_of_each_export_is_known(world: World) -> None:
    one, other = new_id(), new_id()
    over(world, a_run(NOON, export_id=one))
    newest = over(world, a_run(NOON + timedelta(minutes=1), export_id=one), "failed")
    only = over(world, a_run(NOON, export_id=other))
    latest = world.services.history.latest()
    assert {export: run.run_id for export, run in latest.items()} == {one: newest.run_id, other: only.run_id}
    assert world.services.history.latest([other, new_id()]).keys() == {other}
    assert world.services.history.latest([other, *(new_id() for _ in range(9))]).keys() == {other}


def test_the_latest_run_never_goes_back(world: World) -> None:
    export_id = new_id()
    older = begun(world, a_run(NOON, export_id=export_id))
    final = world.services.runs.end(older, lambda r: r.model_copy(update={"status": "failed"}))
    newer = over(world, a_run(NOON + timedelta(minutes=1), export_id=export_id))
    world.services.history.note(final)
    assert world.services.history.latest()[export_id].run_id == newer.run_id


def test_before_a_run_that_never_began_the_one_before_it_is_the_latest(world: World) -> None:
    export_id = new_id()
    before = over(world, a_run(NOON, export_id=export_id))
    world.services.history.note(a_run(NOON + timedelta(minutes=1), export_id=export_id))
    assert world.services.history.latest()[export_id].run_id == before.run_id


def test_many_runs_noted_at_once_and_in_any_order_leave_the_newest_as_the_latest(world: World) -> None:
    export_id = new_id()
    finals = []
    for minute in range(8):
        run = a_run(NOON + timedelta(minutes=minute), export_id=export_id)
        world.services.runs.begin(run, world.services.runs.slot(export_id), {})
        finals.append(world.services.runs.end(run, lambda r: r.model_copy(update={"status": "successful"})))
    notes = [*finals, *(run.model_copy(update={"status": "queued"}) for run in finals)]
    random.Random(7).shuffle(notes)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(world.services.history.note, notes))
    assert world.services.history.latest()[export_id].run_id == finals[-1].run_id
    assert {entry.status for entry in entries(world.services.history)} == {"successful"}
    assert world.services.history.unfinished() == []


# What was left behind


def test_the_sweep_completes_the_entry_of_a_run_whose_end_was_not_noted(world: World) -> None:
    run = begun(world, a_run())
    world.services.runs.end(run, lambda r: r.model_copy(update={"status": "failed"}))
    assert [run.run_id for run in complete_history(world.services)] == [run.run_id]
    assert [one.status for one in entries(world.services.history)] == ["failed"]
    assert complete_history(world.services) == []


def test_the_sweep_leaves_a_run_under_way_alone(world: World) -> None:
    run = begun(world, a_run())
    assert complete_history(world.services) == []
    assert [one.run_id for one in world.services.history.unfinished()] == [run.run_id]


@pytest.mark.parametrize(("minutes", "stays"), [(30, True), (90, False)])
def test_the_entry_of_a_run_that_never_began_is_dropped_after_an_hour(world: World, minutes: int, stays: bool) -> None:
    export_id = new_id()
    before = over(world, a_run(world.clock.now() - timedelta(days=1), export_id=export_id))
    world.services.history.note(a_run(world.clock.now(), export_id=export_id))
    world.clock.advance(minutes * 60)
    complete_history(world.services)
    assert (len(entries(world.services.history)) == 2) is stays
    assert world.services.history.latest()[export_id].run_id == before.run_id


def test_wherever_a_process_dies_history_and_runs_agree(world: World) -> None:
    def a_life() -> None:
        with contextlib.suppress(Exception):
            world.start(export)
        for run in world.services.runs.newest(export.id, 1):
            if not run.ended:
                world.services.history.note(end_run(world.services, run))

    export = world.add_export("Loyal")
    for at in range(1, requests_of(a_life) + 1):
        export = world.add_export("Loyal")
        with watching(death(at)), contextlib.suppress(Killed):
            a_life()
        world.queue.waiting.clear()
        assert_agreed(world, export.id, f"dead at request {at}")
        a_life()
        complete_history(world.services)
        assert_agreed(world, export.id, f"after it died at request {at}")
        latest = world.services.history.latest()[export.id]
        assert latest.ended, f"dead at request {at}"


def assert_agreed(world: World, export_id: str, where: str) -> None:
    runs = [(run.run_id, run.status) for run in world.services.runs.newest(export_id, 50)]
    shown = [run for run in world.services.history.page(limit=500).runs if run.export_id == export_id]
    assert [(run.run_id, run.status) for run in shown] == runs, where
    latest = world.services.history.latest().get(export_id)
    assert (latest and (latest.run_id, latest.status)) == (runs[0] if runs else None), where


# Profiles a day


def test_the_sweep_counts_the_days_that_are_over(world: World) -> None:
    run = over(world, a_run(world.clock.now() - timedelta(days=3), sent=5))
    complete_history(world.services)
    assert [total.value.sent for total in world.services.history._totals.partition("days") if total.value.sent] == [5]
    assert run.ended


def by_day(world: World, days: int, now: datetime) -> dict[date, int]:
    return dict(world.services.history.exported_by_day(days, now))


def test_the_profiles_sent_a_day_are_added_up_with_zeros_for_days_without(world: World) -> None:
    for at, sent in ((NOON, 5), (NOON + timedelta(hours=1), 7), (NOON - timedelta(days=2), 11)):
        over(world, a_run(at, sent=sent))
    assert world.services.history.exported_by_day(4, NOON + timedelta(hours=2)) == [
        (date(2026, 11, 19), 0),
        (date(2026, 11, 20), 11),
        (date(2026, 11, 21), 0),
        (date(2026, 11, 22), 12),
    ]


def test_a_day_goes_from_midnight_to_midnight_in_utc(world: World) -> None:
    midnight, millisecond = datetime(2026, 11, 21, tzinfo=UTC), timedelta(milliseconds=1)
    next_midnight = midnight + timedelta(days=1)
    edges = ((midnight - millisecond, 1), (midnight, 10), (next_midnight - millisecond, 100), (next_midnight, 1_000))
    for at, sent in edges:
        over(world, a_run(at, sent=sent))
    assert list(by_day(world, 3, NOON).values()) == [1, 110, 1_000]
    # What was kept is the same.
    assert list(by_day(world, 3, NOON).values()) == [1, 110, 1_000]


def test_a_day_that_is_over_is_counted_once_and_kept(world: World) -> None:
    over(world, a_run(NOON - timedelta(days=1), sent=5))
    assert by_day(world, 2, NOON)[date(2026, 11, 21)] == 5
    over(world, a_run(NOON - timedelta(days=1), sent=7))
    assert by_day(world, 2, NOON)[date(2026, 11, 21)] == 5


def test_today_is_counted_anew_each_time(world: World) -> None:
    over(world, a_run(sent=5))
    assert by_day(world, 1, NOON)[NOON.date()] == 5
    over(world, a_run(sent=7))
    assert by_day(world, 1, NOON)[NOON.date()] == 12


def test_a_day_is_not_kept_while_one_of_its_runs_is_under_way(world: World) -> None:
    yesterday = NOON - timedelta(days=1)
    run = begun(world, a_run(yesterday, sent=5))
    by_day(world, 2, NOON)
    over(world, a_run(yesterday, sent=7))
    ended(world, run)
    assert by_day(world, 2, NOON)[yesterday.date()] == 12


def test_a_day_is_not_kept_in_its_first_hour_after_midnight(world: World) -> None:
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    by_day(world, 2, midnight + timedelta(minutes=59))
    over(world, a_run(midnight - timedelta(seconds=1), sent=5))
    assert by_day(world, 2, midnight + timedelta(minutes=59))[date(2026, 11, 21)] == 5


def test_a_run_counts_on_the_day_on_which_it_began(world: World) -> None:
    run = begun(world, a_run(NOON - timedelta(days=1), sent=5))
    ended(world, run.model_copy(update={"ended_at": NOON}))
    assert by_day(world, 2, NOON) == {date(2026, 11, 21): 5, date(2026, 11, 22): 0}


def test_a_run_that_never_began_is_forgotten_and_the_one_before_is_the_latest_again(world: World) -> None:
    history = world.services.history
    before = over(world, a_run())
    run = a_run(NOON + timedelta(hours=1), export_id=before.export_id)
    history.note(run)
    history.forget(run)
    assert {entry.run_id for entry in entries(history)} == {before.run_id}
    assert history.latest()[before.export_id].status == "successful"
    history.forget(run)
    only = a_run()
    history.note(only)
    history.forget(only)
    assert {entry.run_id for entry in entries(history)} == {before.run_id}
    assert only.export_id not in history.latest()


def test_a_run_that_has_begun_after_all_is_not_forgotten(world: World) -> None:
    # The answer to its beginning was lost, and the second try found the slot taken: by itself.
    run = begun(world, a_run())
    world.services.history.forget(run)
    assert listed(world) == [run.run_id]
    assert world.services.history.latest()[run.export_id].run_id == run.run_id


def test_a_run_is_not_forgotten_in_the_place_of_a_newer_one(world: World) -> None:
    history = world.services.history
    lost = a_run()
    history.note(lost)
    newer = begun(world, a_run(NOON + timedelta(hours=1), export_id=lost.export_id))
    history.forget(lost)
    assert [run.run_id for run in history.page().runs] == [newer.run_id]
    assert history.latest()[newer.export_id].run_id == newer.run_id
