"""What people do with exports: who may, what is written, what the audit log tells of it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from admin import exports
from admin.access import NotAllowed
from admin.connections import Running
from admin.export_fields import ExportChange, NewExport
from admin.problems import InvalidFields
from exporters import turns
from exporters.batches import cut_batches
from exporters.runs import Run
from exporters.start import AlreadyRunning
from shared.documents import Exports
from shared.errors import Changed, Conflict, Invalid, NotFound
from shared.models import Export, Schedule
from shared.people import Person
from shared.snapshots import ReadOptions
from tests.admin.exporting import ADA, CLEO, NOBODY, VERA, audit, given, share, told, told_but_starts
from tests.exporters.world import World

DAILY = Schedule(recurrence="daily", times=("06:00",), time_zone="Europe/Rome")
OFF = Schedule(active=False)


def new(world: World, **changes: object) -> NewExport:
    return NewExport.model_validate(given(world, **changes))


def etag(world: World, export: Export) -> str:
    return world.services.exports.stored(export.id).etag


def rename(world: World, person: Person, export: Export, name: str = "Other") -> Export:
    change = ExportChange(name=name)
    return exports.change(world.services, person, export.id, change, etag=etag(world, export)).value


# --- Making -----------------------------------------------------------------------------------------------------------


def test_an_export_is_made_with_who_made_it_and_starts_no_run(world: World) -> None:
    share(world)
    made = exports.add(world.services, CLEO, new(world, list_name="News"))
    assert (made.created_by, made.created_by_id, made.list_name) == (CLEO.name, CLEO.id, "News")
    assert world.services.exports.get(made.id) == made
    assert world.queue.waiting == []
    assert told(world) == [("added", CLEO.name)]


@pytest.mark.parametrize("person", [VERA, NOBODY])
def test_who_may_make_no_exports_is_refused(world: World, person: Person) -> None:
    share(world)
    with pytest.raises(NotAllowed):
        exports.add(world.services, person, new(world))
    assert world.services.exports.all() == []


def test_to_a_contributor_a_connection_that_is_not_shared_is_not_there(world: World) -> None:
    with pytest.raises(InvalidFields) as hidden:
        exports.add(world.services, CLEO, new(world))
    with pytest.raises(InvalidFields) as missing:
        exports.add(world.services, CLEO, new(world, connection_id="nobody"))
    said = [error.value.fields["connection_id"] for error in (hidden, missing)]
    assert said[0].replace(world.connection.id, "nobody") == said[1]


def test_a_connection_that_is_being_removed_can_be_chosen_by_nobody(world: World) -> None:
    begun = {"removal_begun_at": world.clock.now()}
    world.services.connections.change(world.connection.id, lambda one: one.model_copy(update=begun))
    assert exports.allowed_connections(world.services, ADA) == []
    with pytest.raises(InvalidFields, match="being removed"):
        exports.add(world.services, ADA, new(world))


def test_people_choose_among_the_connections_that_they_may_know(world: World) -> None:
    shared = share(world, world.add_connection())
    found = {
        person.id: {one.id for one in exports.allowed_connections(world.services, person)}
        for person in (ADA, CLEO, VERA)
    }
    assert found == {"ada": {world.connection.id, shared.id}, "cleo": {shared.id}, "vera": set()}


def test_a_copy_has_everything_but_the_name_and_its_schedule_is_off(world: World) -> None:
    share(world)
    first = exports.add(world.services, ADA, new(world, schedule=DAILY.model_dump()))
    copy = exports.duplicate(world.services, CLEO, first.id)
    again = exports.duplicate(world.services, CLEO, first.id)
    assert [copy.name, again.name] == ["Newsletter (copy)", "Newsletter (copy 2)"]
    same = ("connection_id", "list_id", "segments", "mapping", "reading")
    assert [getattr(copy, name) for name in same] == [getattr(first, name) for name in same]
    assert copy.schedule == first.schedule.model_copy(update={"active": False})
    assert (copy.id != first.id, copy.created_by) == (True, CLEO.name)


def test_the_name_of_a_copy_is_no_longer_than_a_name_may_be(world: World) -> None:
    first = exports.add(world.services, ADA, new(world, name="n" * 100))
    assert exports.duplicate(world.services, ADA, first.id).name == "n" * 93 + " (copy)"


def test_a_copy_of_a_detached_export_has_no_connection_either(world: World) -> None:
    first = world.add_export("Loyal", connection_id=None)
    assert exports.duplicate(world.services, CLEO, first.id).connection_id is None


# --- Changing ---------------------------------------------------------------------------------------------------------


def test_a_change_keeps_what_it_leaves_out_and_names_who_made_it(world: World) -> None:
    share(world)
    export = world.add_export("Loyal")
    changed = rename(world, CLEO, export)
    assert (changed.name, changed.segments, changed.mapping) == ("Other", export.segments, export.mapping)
    assert (changed.updated_by, changed.updated_by_id) == (CLEO.name, CLEO.id)
    (entry,) = audit(world)
    assert (entry.action, entry.before, entry.after) == ("changed", {"name": "Newsletter"}, {"name": "Other"})


def test_of_two_people_who_edit_the_second_is_told_and_nothing_is_overwritten(world: World) -> None:
    export = world.add_export("Loyal")
    read = etag(world, export)
    rename(world, ADA, export, "First")
    for second in (
        lambda: exports.change(world.services, ADA, export.id, ExportChange(name="Second"), etag=read),
        lambda: exports.set_schedule(world.services, ADA, export.id, OFF, etag=read),
        lambda: exports.detach(world.services, ADA, export.id, etag=read),
        lambda: exports.remove(world.services, ADA, export.id, etag=read),
    ):
        with pytest.raises(Changed):
            second()
    assert world.services.exports.get(export.id).name == "First"


def test_a_change_that_changes_nothing_is_not_told(world: World) -> None:
    export = world.add_export("Loyal")
    assert rename(world, ADA, export, export.name) == export
    assert told(world) == []


def test_another_list_has_another_name(world: World) -> None:
    other = "6f2c8a10-56dd-11e9-932a-fa163ea075fa"
    export = exports.add(world.services, ADA, new(world, list_name="News"))
    unnamed = exports.change(world.services, ADA, export.id, ExportChange(list_id=other), etag=None).value
    assert (unnamed.list_id, unnamed.list_name) == (other, None)
    change = ExportChange(list_id=export.list_id, list_name="Old")
    assert exports.change(world.services, ADA, export.id, change, etag=None).value.list_name == "Old"
    kept = exports.change(world.services, ADA, export.id, ExportChange(list_id=export.list_id), etag=None)
    assert kept.value.list_name == "Old"


def test_the_audit_log_names_the_list_and_says_how_the_files_are_read(world: World) -> None:
    export = exports.add(world.services, ADA, new(world, list_name="News"))
    (made,) = audit(world)
    assert (made.after["list_name"], made.after["list_id"]) == ("News", export.list_id)
    assert "reading" not in made.after
    change = ExportChange(list_name="Letters", reading=ReadOptions(delimiter="\t", encoding="cp1252"))
    exports.change(world.services, ADA, export.id, change, etag=None)
    changed = next(one for one in audit(world) if one.action == "changed")
    assert changed.before == {"list_name": "News"}
    assert changed.after == {"list_name": "Letters", "reading": "delimiter '\\t', encoding 'cp1252'"}


def test_a_schedule_is_set_apart_from_the_rest(world: World) -> None:
    export = world.add_export("Loyal")
    changed = exports.set_schedule(world.services, ADA, export.id, DAILY, etag=etag(world, export)).value
    assert changed.schedule == DAILY
    (entry,) = audit(world)
    assert (entry.action, entry.after) == ("scheduled", {"schedule": "daily 06:00 Europe/Rome"})


def test_an_export_is_detached_and_attached_again(world: World) -> None:
    share(world)
    export = world.add_export("Loyal")
    assert exports.detach(world.services, CLEO, export.id).value.connection_id is None
    change = ExportChange(connection_id=world.connection.id)
    assert exports.change(world.services, CLEO, export.id, change, etag=None).value.connection_id == world.connection.id
    assert told(world) == [("attached", CLEO.name), ("detached", CLEO.name)]


def test_a_contributor_attaches_no_export_to_a_connection_that_is_not_shared(world: World) -> None:
    export = world.add_export("Loyal", connection_id=None)
    change = ExportChange(connection_id=world.connection.id)
    with pytest.raises(InvalidFields):
        exports.change(world.services, CLEO, export.id, change, etag=None)
    assert world.services.exports.get(export.id).connection_id is None


ACTS: dict[str, Callable[[World, Person, Export], object]] = {
    "change": lambda world, person, one: rename(world, person, one),
    "schedule": lambda world, person, one: exports.set_schedule(world.services, person, one.id, OFF, etag=None),
    "detach": lambda world, person, one: exports.detach(world.services, person, one.id),
    "duplicate": lambda world, person, one: exports.duplicate(world.services, person, one.id),
    "remove": lambda world, person, one: exports.remove(world.services, person, one.id),
    "run": lambda world, person, one: exports.run(world.services, person, one.id),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("person", [CLEO, VERA, NOBODY])
def test_what_concerns_a_connection_that_is_not_shared_is_for_administrators(
    world: World, act: str, person: Person
) -> None:
    export = world.add_export("Loyal")
    with pytest.raises(NotAllowed):
        ACTS[act](world, person, export)
    assert (world.services.exports.all(), told(world), world.queue.waiting) == ([export], [], [])
    ACTS[act](world, ADA, export)


@pytest.mark.parametrize("act", ACTS)
def test_a_viewer_does_nothing_even_where_the_connection_is_shared(world: World, act: str) -> None:
    share(world)
    export = world.add_export("Loyal")
    with pytest.raises(NotAllowed):
        ACTS[act](world, VERA, export)
    ACTS[act](world, CLEO, export)


def test_sharing_that_ends_between_reading_and_writing_ends_the_right_to_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(world)
    export = world.add_export("Loyal")
    unshared = {"sharing": "administrators"}
    read, connections = Exports.stored, world.services.connections

    def read_then_unshare(self: Exports, export_id: str) -> object:
        stored = read(self, export_id)
        connections.change(world.connection.id, lambda one: one.model_copy(update=unshared))
        return stored

    monkeypatch.setattr(Exports, "stored", read_then_unshare)
    with pytest.raises(NotAllowed):
        exports.change(world.services, CLEO, export.id, ExportChange(name="Other"), etag=None)


def test_what_is_not_there_is_said_to_be_so(world: World) -> None:
    gone = world.add_export("Loyal").model_copy(update={"id": "gone"})
    for act in ACTS.values():
        with pytest.raises(NotFound):
            act(world, ADA, gone)


# --- Removing ---------------------------------------------------------------------------------------------------------


def test_an_export_that_runs_is_not_removed(world: World) -> None:
    export = world.add_export("Loyal")
    run = world.start(export)
    with pytest.raises(Running, match="Newsletter"):
        exports.remove(world.services, ADA, export.id)
    world.deliver()
    exports.remove(world.services, ADA, export.id)
    assert world.services.exports.all() == []
    assert world.services.runs.get(export.id, run.run_id).ended
    assert told_but_starts(world) == [("removed", ADA.name)]


# --- Running ----------------------------------------------------------------------------------------------------------


def test_a_run_is_started_in_the_name_of_the_person(world: World) -> None:
    export = world.add_export("Loyal", schedule=OFF)
    run = exports.run(world.services, ADA, export.id)
    assert (run.started_by, run.started_by_id, run.trigger) == (ADA.name, ADA.id, "http")
    assert told(world) == [("started", ADA.name)]
    with pytest.raises(AlreadyRunning):
        exports.run(world.services, ADA, export.id)
    assert len(audit(world)) == 1


def test_a_detached_export_does_not_run(world: World) -> None:
    export = world.add_export("Loyal", connection_id=None)
    with pytest.raises(Invalid, match="no connection"):
        exports.run(world.services, ADA, export.id)
    assert told(world) == []


def test_all_that_have_an_active_schedule_and_are_theirs_are_started(world: World) -> None:
    shared = share(world, world.add_connection())
    theirs = functools.partial(world.add_export, "Loyal", connection_id=shared.id)
    started, busy = theirs(name="Started"), theirs(name="Busy")
    theirs(name="Off", schedule=OFF)
    world.add_export("Loyal", name="Detached", connection_id=None)
    world.add_export("Loyal", name="Of administrators")
    world.start(busy)
    answer = exports.run_all(world.services, CLEO)
    assert [run.export_id for run in answer.started] == [started.id]
    assert [run.export_id for run in answer.already_running] == [busy.id]
    assert answer.not_started == []
    told_of = [(one.action, one.subject_name) for one in audit(world) if one.by == CLEO.name]
    assert told_of == [("started", "Started")]


def test_a_viewer_starts_nothing(world: World) -> None:
    with pytest.raises(NotAllowed):
        exports.run_all(world.services, VERA)


def test_a_cancel_that_changes_nothing_is_not_audited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 1)
    monkeypatch.setattr(turns, "AT_ONCE", 1)
    world.write_snapshot("Loyal", [f"{name}@example.com,Name" for name in ("ana", "bo", "cy")])
    export, other = world.add_export("Loyal"), world.add_export("Loyal")
    share(world)

    def uploading(one: Export) -> Run:
        run = world.start(one)
        world.deliver(until=lambda: "uploaded" in {one.value.state for one in world.services.runs.batches(run.run_id)})
        return run

    run = uploading(export)
    for person in (ADA, CLEO, ADA):
        exports.cancel(world.services, person, export.id, run.run_id)
    stopped = uploading(other)
    world.services.runs.change(stopped, lambda r: r.model_copy(update={"stop": "The grant is broken."}))
    with pytest.raises(Conflict):
        exports.cancel(world.services, ADA, other.id, stopped.run_id)
    assert told_but_starts(world) == [("canceled", ADA.name)]


def test_a_run_is_canceled_by_those_who_may_edit_the_export(world: World) -> None:
    share(world)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    with pytest.raises(NotAllowed):
        exports.cancel(world.services, VERA, export.id, run.run_id)
    canceled = exports.cancel(world.services, CLEO, export.id, run.run_id)
    world.deliver()
    ended = world.services.runs.get(export.id, run.run_id)
    assert (canceled.canceled_by, ended.status) == (CLEO.name, "canceled")
    assert told_but_starts(world) == [("canceled", CLEO.name)]
    with pytest.raises(Conflict):
        exports.cancel(world.services, CLEO, export.id, run.run_id)
    assert len(told_but_starts(world)) == 1
