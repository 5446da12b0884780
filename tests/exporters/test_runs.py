"""What is kept of runs and slots: a run ends once, frees its own slot alone, and is found by its ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from exporters.run_store import RunStore
from exporters.runs import Batch, BatchState, Counts, Run, Slot, new_run_id
from shared.documents import new_id
from shared.errors import Conflict, Invalid, NotFound
from shared.tables import DocumentTable
from tests.exporters.world import World

NOW = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture
def runs(world: World) -> RunStore:
    return world.services.runs


def a_run(export_id: str, at: datetime = NOW) -> Run:
    return Run(
        run_id=new_run_id(at),
        export_id=export_id,
        export_name="Newsletter",
        trigger="http",
        started_by="test",
        created_at=at,
        list_id="list",
        connection_id="connection",
        segments=("Loyal",),
    )


def begun(runs: RunStore, at: datetime = NOW, export_id: str | None = None) -> Run:
    run = a_run(export_id or new_id(), at)
    runs.begin(run, runs.slot(run.export_id), {"Loyal": "1"})
    return run


def ending(status: str, **more: object) -> object:
    return lambda run: run.model_copy(update={"status": status, **more})


def test_a_run_id_tells_its_time_to_the_millisecond() -> None:
    first, second = new_run_id(NOW), new_run_id(NOW)
    assert first.startswith("20261122T120000123-")
    assert len(first) == len("20261122T120000123-4f2a9c")
    assert first != second


def test_a_run_that_begins_holds_the_slot_and_remembers_what_it_takes_up(runs: RunStore) -> None:
    run = begun(runs)
    slot = runs.slot(run.export_id).value
    assert (slot.run_id, slot.seen, slot.exported) == (run.run_id, {"Loyal": "1"}, {})


def test_what_went_through_before_is_remembered_while_the_next_run_is_under_way(runs: RunStore) -> None:
    first = begun(runs)
    runs.end(first, ending("successful", versions={"Loyal": "1"}))  # type: ignore[arg-type]
    second = begun(runs, NOW + timedelta(seconds=1), first.export_id)
    slot = runs.slot(first.export_id).value
    assert (slot.run_id, slot.exported) == (second.run_id, {"Loyal": "1"})


def test_a_run_that_has_ended_stays_as_it_ended(runs: RunStore) -> None:
    run = begun(runs)
    runs.end(run, ending("failed", error="first"))  # type: ignore[arg-type]
    assert runs.end(run, ending("successful", error="second")).error == "first"  # type: ignore[arg-type]
    assert runs.get(run.export_id, run.run_id).status == "failed"
    assert runs.slot(run.export_id).value.exported == {}


def test_a_run_that_has_ended_is_not_changed(runs: RunStore) -> None:
    run = begun(runs)
    runs.end(run, ending("failed"))  # type: ignore[arg-type]
    assert runs.change(run, lambda r: r.model_copy(update={"waiting": "for nothing"})).waiting is None
    assert runs.get(run.export_id, run.run_id).waiting is None


def test_a_run_that_is_not_to_end_yet_goes_on_and_keeps_its_slot(runs: RunStore) -> None:
    run = begun(runs)
    assert runs.end(run, lambda _: None) == run
    assert runs.slot(run.export_id).value.run_id == run.run_id


def test_a_run_that_ends_late_leaves_the_slot_to_the_run_that_holds_it(runs: RunStore) -> None:
    first = begun(runs)
    runs.change_slot(first.export_id, run_id=None)
    second = begun(runs, NOW + timedelta(seconds=1), first.export_id)
    runs.end(first, ending("failed"))  # type: ignore[arg-type]
    assert runs.slot(first.export_id).value.run_id == second.run_id
    assert runs.get(first.export_id, first.run_id).status == "failed"


@pytest.mark.parametrize("status", ["failed", "canceled", "timed_out"])
def test_what_did_not_go_through_is_not_remembered_as_exported(runs: RunStore, status: str) -> None:
    run = begun(runs)
    runs.end(run, ending(status, versions={"Loyal": "1"}))  # type: ignore[arg-type]
    slot = runs.slot(run.export_id).value
    assert (slot.run_id, slot.exported) == (None, {})


@pytest.mark.parametrize("status", ["successful", "completed_with_warnings"])
def test_what_went_through_is_remembered_as_exported(runs: RunStore, status: str) -> None:
    run = begun(runs)
    runs.end(run, ending(status, versions={"Loyal": "1"}))  # type: ignore[arg-type]
    slot = runs.slot(run.export_id).value
    assert (slot.run_id, slot.exported) == (None, {"Loyal": "1"})


def test_a_run_that_is_changed_while_it_ends_ends_as_it_is_by_then(
    runs: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(runs)
    seen: list[str | None] = []

    def changed_meanwhile(now: Run) -> Run:
        seen.append(now.stop)
        if len(seen) == 1:
            runs.change(run, lambda r: r.model_copy(update={"stop": "somebody stopped it"}))
        return now.model_copy(update={"status": "failed"})

    ended = runs.end(run, changed_meanwhile)
    assert seen == [None, "somebody stopped it"]
    assert ended.stop == "somebody stopped it"


def test_two_runs_cannot_begin_in_one_slot(runs: RunStore) -> None:
    export_id = new_id()
    slot = runs.slot(export_id)
    runs.begin(a_run(export_id), slot, {})
    late = a_run(export_id, NOW + timedelta(seconds=1))
    with pytest.raises(Conflict):
        runs.begin(late, slot, {})
    with pytest.raises(NotFound):
        runs.get(export_id, late.run_id)


def test_the_newest_runs_come_first_and_only_as_many_as_are_asked_for(runs: RunStore) -> None:
    export_id = new_id()
    begins = [NOW + timedelta(milliseconds=number) for number in range(3)]
    ids = []
    for at in begins:
        run = begun(runs, at, export_id)
        runs.end(run, ending("failed"))  # type: ignore[arg-type]
        ids.append(run.run_id)
    assert [run.run_id for run in runs.newest(export_id, 2)] == [ids[2], ids[1]]
    assert [run.run_id for run in runs.newest(export_id, 50)] == ids[::-1]


def test_the_runs_of_an_export_are_read_page_by_page(runs: RunStore) -> None:
    export_id = new_id()
    ids = []
    for number in range(5):
        run = begun(runs, NOW - timedelta(milliseconds=number), export_id)
        runs.end(run, ending("failed"))  # type: ignore[arg-type]
        ids.append(run.run_id)
    first, after = runs.page(export_id, limit=2)
    second, after_that = runs.page(export_id, after=after, limit=2)
    third, after_all = runs.page(export_id, after=after_that, limit=2)
    assert [[run.run_id for run in page] for page in (first, second, third)] == [ids[:2], ids[2:4], ids[4:]]
    assert after_all is None


def test_a_page_that_is_just_full_is_the_last(runs: RunStore) -> None:
    run = begun(runs)
    assert runs.page(run.export_id, limit=1) == ([run], None)


@pytest.mark.parametrize("odd", ["", "nonsense", "20261122T120000123-4f2a9c' or 1 eq 1"])
def test_a_page_after_something_that_is_no_run_is_refused(runs: RunStore, odd: str) -> None:
    with pytest.raises(Invalid):
        runs.page(new_id(), after=odd)


@pytest.mark.parametrize("odd", ["", "a/b", "nonsense", "20261322T120000123-4f2a9c", "20261122T120000123-4f2a9c"])
def test_a_run_that_is_not_there_is_not_found(runs: RunStore, odd: str) -> None:
    with pytest.raises(NotFound, match=f"“{odd}”"):
        runs.get(begun(runs).export_id, odd)


def test_a_run_is_not_found_by_an_id_that_only_begins_like_its_own(runs: RunStore) -> None:
    run = begun(runs)
    with pytest.raises(NotFound):
        runs.get(run.export_id, f"{run.run_id[:18]}x{run.run_id[19:]}")


def test_a_run_shows_a_sign_of_life_when_one_of_its_batches_does(runs: RunStore) -> None:
    run = begun(runs)
    before = runs.last_written(run)
    runs.add_batch(Batch(run_id=run.run_id, number=1, contacts=1))
    assert runs.last_written(run) > before


def test_a_batch_that_is_added_again_keeps_its_state(runs: RunStore) -> None:
    batch = Batch(run_id=new_run_id(NOW), number=1, contacts=5)
    runs.add_batch(batch)
    stored = runs.batch(batch.run_id, "0001")
    assert stored is not None
    runs.write_batch(batch.model_copy(update={"state": "uploaded"}), stored.etag)
    runs.add_batch(batch)
    assert [one.value.state for one in runs.batches(batch.run_id)] == ["uploaded"]


@pytest.mark.parametrize(("whole", "names"), [("sending", ["0001"]), ("split", ["0001", "0001.1", "0001.2"])])
def test_parts_are_batches_of_a_run_once_theirs_is_split(runs: RunStore, whole: BatchState, names: list[str]) -> None:
    batch = Batch(run_id=new_run_id(NOW), number=1, contacts=5, state=whole)
    for one in (batch, *batch.parts(2)):
        runs.add_batch(one)
    assert [one.value.name for one in runs.batches(batch.run_id)] == names


def test_parts_of_a_part_are_batches_of_a_run_once_that_is_split(runs: RunStore) -> None:
    batch = Batch(run_id=new_run_id(NOW), number=1, contacts=5, state="split")
    first, second = batch.parts(2)
    for one in (batch, first, second.model_copy(update={"state": "split"}), *first.parts(1), *second.parts(1)):
        runs.add_batch(one)
    names = [one.value.name for one in runs.batches(batch.run_id)]
    assert names == ["0001", "0001.1", "0001.2", "0001.21", "0001.22"]


def test_a_batch_that_somebody_else_has_changed_is_not_written(runs: RunStore) -> None:
    batch = Batch(run_id=new_run_id(NOW), number=1, contacts=5)
    runs.add_batch(batch)
    stored = runs.batch(batch.run_id, "0001")
    assert stored is not None
    runs.write_batch(batch.model_copy(update={"state": "uploaded"}), stored.etag)
    with pytest.raises(Conflict):
        runs.write_batch(batch.model_copy(update={"state": "failed"}), stored.etag)


def test_halves_hold_every_contact_once_and_are_always_the_same() -> None:
    batch = Batch(run_id="r", number=3, part="2", first=10, contacts=7)
    one, other = batch.parts(batch.contacts // 2)
    assert (one.name, one.first, one.contacts) == ("0003.21", 10, 3)
    assert (other.name, other.first, other.contacts) == ("0003.22", 13, 4)
    assert batch.parts(batch.contacts // 2) == (one, other)
    assert (one.run_id, one.number, other.run_id, other.number) == ("r", 3, "r", 3)


def test_a_batch_is_called_by_its_number_and_part() -> None:
    whole, part = Batch(run_id="r", number=3, contacts=1), Batch(run_id="r", number=3, part="12", contacts=1)
    assert (whole.name, whole.label, whole.file_name) == ("0003", "3", "r-0003.csv")
    assert (part.name, part.label, part.file_name) == ("0003.12", "3 (part 12)", "r-0003.12.csv")


@pytest.mark.parametrize("name", ["read", "sent", "duplicates", "rejected", "not_sent"])
def test_a_profile_too_many_in_any_place_does_not_add_up(name: str) -> None:
    counts = Counts(read=10, sent=4, duplicates=3, rejected=2, not_sent=1)
    assert counts.adds_up
    assert not counts.model_copy(update={name: getattr(counts, name) + 1}).adds_up


def test_a_slot_begins_empty() -> None:
    assert Slot() == Slot(run_id=None, start_again=False, seen={}, exported={})


@pytest.mark.parametrize(
    ("status", "is_to_be_prepared", "is_prepared", "has_ended"),
    [
        ("queued", True, False, False),
        ("preparing", True, False, False),
        ("uploading", False, True, False),
        ("finishing", False, True, False),
        ("successful", False, False, True),
        ("completed_with_warnings", False, False, True),
        ("failed", False, False, True),
        ("canceled", False, False, True),
        ("timed_out", False, False, True),
    ],
)
def test_a_run_is_to_be_prepared_or_prepared_or_ended(
    status: str, is_to_be_prepared: bool, is_prepared: bool, has_ended: bool
) -> None:
    run = a_run("export").model_copy(update={"status": status})
    assert (run.to_be_prepared, run.prepared, run.ended) == (is_to_be_prepared, is_prepared, has_ended)


def test_counts_begin_at_nothing() -> None:
    assert set(Counts().model_dump().values()) == {0}


def test_a_batch_begins_with_nothing_done() -> None:
    assert Batch(run_id="r", number=1, contacts=5).model_dump() == {
        "run_id": "r",
        "number": 1,
        "part": "",
        "first": 0,
        "state": "pending",
        "contacts": 5,
        "claimed_until": None,
        "unclear_until": None,
        "unclear_sends": 0,
        "crashes": 0,
        "activity_id": None,
        "percent_done": 0,
        "rejected": 0,
        "not_added": 0,
        "dropped": 0,
        "error": None,
    }


def test_a_run_begins_with_nothing_done() -> None:
    run = a_run("export")
    assert (run.status, run.batches, run.requests, run.counts) == ("queued", 0, 0, Counts())
    assert (run.started_at, run.ended_at, run.error, run.waiting, run.waiting_until, run.stop) == (None,) * 6
    assert (run.snapshots, run.versions, run.warnings) == ({}, {}, ())


@pytest.mark.parametrize("field", ["status", "trigger"])
def test_a_run_comes_back_with_every_status_and_trigger_that_there_is(runs: RunStore, field: str) -> None:
    values = {
        "status": "queued preparing uploading finishing successful completed_with_warnings failed canceled timed_out",
        "trigger": "timer http event",
    }
    for number, value in enumerate(values[field].split()):
        run = begun(runs, NOW + timedelta(milliseconds=number))
        runs.change(run, lambda r, value=value: r.model_copy(update={field: value}))  # type: ignore[misc]
        assert getattr(runs.get(run.export_id, run.run_id), field) == value


@pytest.mark.parametrize("state", ["pending", "sending", "uploaded", "completed", "failed", "split"])
def test_a_batch_comes_back_in_every_state_that_there_is(runs: RunStore, state: str) -> None:
    batch = Batch(run_id=new_run_id(NOW), number=1, contacts=5).model_copy(update={"state": state})
    runs.add_batch(batch)
    assert [one.value for one in runs.batches(batch.run_id)] == [batch]
    assert batch.ended is (state in ("completed", "failed", "split"))


@pytest.mark.parametrize("field", ["status", "trigger"])
def test_a_run_of_any_other_status_or_trigger_is_no_run(field: str) -> None:
    with pytest.raises(ValidationError):
        Run.model_validate({**a_run("export").model_dump(), field: "something"})


def test_whoever_changes_a_run_or_a_slot_at_the_same_moment_as_another_does_it_again(
    runs: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(runs)
    replace = DocumentTable.replace

    def another_is_quicker(table: DocumentTable[Any], *given: Any) -> Any:
        monkeypatch.setattr(DocumentTable, "replace", replace)
        runs.change(run, lambda r: r.model_copy(update={"batches": 7}))
        runs.change_slot(run.export_id, start_again=True)
        return replace(table, *given)

    monkeypatch.setattr(DocumentTable, "replace", another_is_quicker)
    runs.change(run, lambda r: r.model_copy(update={"requests": 5}))
    changed = runs.get(run.export_id, run.run_id)
    assert (changed.batches, changed.requests) == (7, 5)
    monkeypatch.setattr(DocumentTable, "replace", another_is_quicker)
    runs.change_slot(run.export_id, seen={"Loyal": "2"})
    slot = runs.slot(run.export_id).value
    assert (slot.start_again, slot.seen, slot.run_id) == (True, {"Loyal": "2"}, run.run_id)


def test_what_changes_nothing_is_not_written(runs: RunStore) -> None:
    run = begun(runs)
    before, slot = runs.last_written(run), runs.slot(run.export_id)
    runs.change(run, lambda r: r)
    runs.change(run, lambda _: None)
    runs.change_slot(run.export_id, run_id=run.run_id)
    assert runs.last_written(run) == before
    assert runs.slot(run.export_id).etag == slot.etag
