"""Starts runs: one at a time per export, on demand always, by a schedule and by an event only for something new.

A scheduled time is seen to once, and that is kept with the export's slot: whoever comes a second time, another instance
or a timer that makes up what was missed, finds it seen to.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from azure.core.exceptions import AzureError

from exporters import audit_of_runs, measuring, notifications
from exporters.each import each
from exporters.errors import NoConnection
from exporters.runs import Run, Slot, Trigger, new_run_id
from exporters.schedules import last_due
from exporters.services import Services
from shared import telemetry
from shared.errors import Conflict, ExportError, NotFound
from shared.models import Export
from shared.queues import RUNS
from shared.refresh_schedule import last_refresh
from shared.snapshots import SegmentCatalog
from shared.snapshots.paths import MODEL_FILE, is_data_file, name_of
from shared.tables import Stored

# A run that was started gets its message at once; one that still has none was left behind.
_MESSAGE_IS_LATE = timedelta(minutes=2)
# A timer may fire a moment before its time.
_EARLY = timedelta(seconds=2)
BY_TIMER, BY_EVENT, BY_SCHEDULE = "refresh schedule", "new snapshot", "schedule"
_STORAGE_IS_AWAY = "The storage account does not answer. Start the export again in some minutes."


class AlreadyRunning(Conflict):
    """The export has a run under way; `run` is that one."""

    def __init__(self, run: Run) -> None:
        super().__init__(
            f"The export “{run.export_name}” is running already (run {run.run_id}). Wait until it has ended."
        )
        self.run = run


class StartedAll(NamedTuple):
    """What became of a start of many exports; the last are those that cannot run, and why."""

    started: list[Run]
    already_running: list[Run]
    not_started: list[tuple[Export, str]]


# --- Because somebody asks --------------------------------------------------------------------------------------------


def start_on_demand(services: Services, export_id: str, started_by: str, started_by_id: str | None = None) -> Run:
    """Start a run whatever was exported before.

    Raises:
        NotFound: there is no such export.
        NoConnection: it has none.
        AlreadyRunning: it has a run under way.
    """
    export = services.exports.get(export_id)
    if export.connection_id is None:
        raise NoConnection(
            f"The export “{export.name}” has no connection, so it cannot run. Give it one first; nothing was started."
        )
    run, is_new = _take_slot(services, export, "http", started_by, started_by_id=started_by_id)
    if not is_new:
        raise AlreadyRunning(run)
    return run


def start_all(services: Services, started_by: str, started_by_id: str | None, exports: Iterable[Export]) -> StartedAll:
    """Start those of the exports that have an active schedule and a connection, whatever was exported before."""
    result = StartedAll([], [], [])
    for export in exports:
        if not (export.schedule.active and export.connection_id):
            continue
        try:
            run, is_new = _take_slot(services, export, "http", started_by, started_by_id=started_by_id)
        except ExportError as error:
            result.not_started.append((export, str(error)))
        except AzureError:
            result.not_started.append((export, _STORAGE_IS_AWAY))
        else:
            (result.started if is_new else result.already_running).append(run)
    return result


# --- Because it is time -----------------------------------------------------------------------------------------------


def start_due(services: Services) -> list[Run]:
    """Start what is due: by the refresh schedule, and by schedules of exports themselves.

    What was due while nobody looked is started now; of several times that were missed, one. A time is seen to once,
    however many look at it. An export with nothing new gets a run that says so (`up_to_date`) and is not returned. An
    export that cannot be read is passed over. Raises what a storage raises that is away, after all had their turn:
    whoever looks next sees to what is left.
    """
    now = services.now() + _EARLY
    looked = services.last_look.until(otherwise=now - 2 * _EARLY)
    refresh = last_refresh(services.settings.refresh_schedule, now, looked)
    catalog = services.catalog()

    def start(export: Export) -> Run | None:
        due = refresh if export.schedule.with_refresh else last_due(export.schedule, now, looked)
        if due is None or due <= export.scheduled_since:
            return None
        return _start_at(services, catalog, export, due)

    started = each(services.exports.all(), start, name_of_export)
    services.last_look.move(now)
    return started


def _start_at(services: Services, catalog: SegmentCatalog, export: Export, due: datetime) -> Run | None:
    """See to one time of an export's schedule: start a run, or record that nothing is new, or leave it to the one
    that is under way and, if that has not taken up what is new, to one that follows it.
    """
    if export.connection_id is None:
        return None
    while True:
        slot = services.runs.slot(export.id)
        under_way = _under_way(services, slot.value, export)
        # What a run under way was to be followed by is still to be started, if nobody has since it ended.
        was_left = slot.value.start_again and under_way is None
        if slot.value.due_until is not None and due <= slot.value.due_until and not was_left:
            return None
        newest = _newest(catalog, export)
        if under_way is not None:
            if newest == slot.value.seen:
                services.runs.change_slot(export.id, due_until=due)
                return None
            services.runs.change_slot(export.id, due_until=due, start_again=True)
            # The run may have ended before it could see that.
            return start_again(services, under_way)
        with contextlib.suppress(Conflict), _new_run(services, export, "timer", _by(export), due=due) as run:
            # A segment without any snapshot starts a run too: it fails, and says what is missing.
            is_complete = newest.keys() == set(export.segments)
            if is_complete and (newest, run.recipe) == (slot.value.exported, slot.value.recipe):
                _record_up_to_date(services, run, slot, newest)
                return None
            return _begin(services, run, slot, newest)


def _record_up_to_date(services: Services, run: Run, slot: Stored[Slot], newest: dict[str, str]) -> None:
    now = services.now()
    # A version is that of a snapshot: its id, and behind the @ what its files are.
    snapshots = {segment: version.rpartition("@")[0] for segment, version in newest.items()}
    ended = {"status": "up_to_date", "started_at": now, "ended_at": now, "versions": newest, "snapshots": snapshots}
    with _noted(services, run):
        run = run.model_copy(update=ended)
        services.runs.add_ended(run, slot)
    measuring.run_ended(run, [])
    notifications.ended(services, run)
    services.history.note(run)


# --- Because a snapshot has come --------------------------------------------------------------------------------------


def start_for_snapshots(services: Services, arrived: str) -> list[Run]:
    """A blob arrived in the snapshot container: start every export of its segment that goes with new snapshots.

    One that has taken it up already is left alone, and so is whatever it has nothing to do with, though it never ran.
    An export that cannot be read is passed over. Raises what a storage raises that is away, after all had their turn.
    """
    if not (is_data_file(arrived) or name_of(arrived) == MODEL_FILE):
        return []
    catalog = services.catalog()

    def start(export: Export) -> Run | None:
        if not (export.schedule.with_refresh and export.connection_id):
            return None
        if not any(catalog.holds(segment, arrived) for segment in export.segments):
            return None
        newest = _newest(catalog, export)
        if not newest or newest == services.runs.slot(export.id).value.seen:
            return None
        run, is_new = _take_slot(services, export, "event", BY_EVENT, versions=newest)
        if is_new:
            return run
        services.runs.change_slot(export.id, start_again=True)
        # The run may have ended before it could see that.
        return start_again(services, run)

    return each(services.exports.all(), start, name_of_export)


def start_again(services: Services, ended: Run) -> Run | None:
    """After a run: if a snapshot arrived meanwhile that the run has not taken up, start the next run.

    That is a trace of its own, linked to the step that the other run has ended in.
    """
    slot = services.runs.slot(ended.export_id).value
    if not slot.start_again or slot.run_id is not None:
        return None
    try:
        export = services.exports.get(ended.export_id)
    except NotFound:
        return None  # Removed while its last run was under way.
    # A time of its schedule that came meanwhile is what it is started for, else it is the snapshot.
    before = max(ended.schedule_due or ended.created_at, export.scheduled_since)
    due = slot.due_until if slot.due_until is not None and slot.due_until > before else None
    schedule = export.schedule
    wanted = export.connection_id and (schedule.active if due else schedule.with_refresh)
    newest = _newest(services.catalog(), export) if wanted else slot.seen
    if newest == slot.seen:
        # Unless a run has begun since, and something has come during that one.
        services.runs.change_slot(export.id, only_if=lambda now: now == slot, start_again=False)
        return None
    with telemetry.apart():
        if due is None:
            run, _ = _take_slot(services, export, "event", BY_EVENT, versions=newest)
        else:
            run, _ = _take_slot(services, export, "timer", _by(export), versions=newest, due=due)
    return run


# --- How --------------------------------------------------------------------------------------------------------------


def name_of_export(export: Export) -> str:
    """What the log calls it."""
    return f"export {export.id}"


def _newest(catalog: SegmentCatalog, export: Export) -> dict[str, str]:
    """The versions of the export's segments. What cannot be listed is a version too: a run says once what is wrong."""
    try:
        return catalog.newest_versions(export.segments)
    except ExportError as error:
        return {"error": str(error)}


def _take_slot(
    services: Services,
    export: Export,
    trigger: Trigger,
    started_by: str,
    *,
    started_by_id: str | None = None,
    versions: dict[str, str] | None = None,
    due: datetime | None = None,
) -> tuple[Run, bool]:
    """A new run of the export and True, or the run that holds its slot and False."""
    while True:
        slot = services.runs.slot(export.id)
        if under_way := _under_way(services, slot.value, export):
            return under_way, False
        new = _new_run(services, export, trigger, started_by, started_by_id=started_by_id, due=due)
        with contextlib.suppress(Conflict), new as run:
            return _begin(services, run, slot, slot.value.seen if versions is None else versions), True


def _under_way(services: Services, slot: Slot, export: Export) -> Run | None:
    """The run that holds the slot; one whose message is late gets another."""
    if slot.run_id is None:
        return None
    run = services.runs.get(export.id, slot.run_id)
    now = services.now()
    if run.status != "queued" or now <= (run.sent_again_at or run.created_at) + _MESSAGE_IS_LATE:
        return run
    # Whoever started it may have died before its message was sent. A second message does no harm; one for each file of
    # a refresh would, where runs wait in a long queue: each would be prepared side by side with the others.
    marked = run.model_copy(update={"sent_again_at": now})
    run = services.runs.change(run, lambda r: marked if r == run else None)
    if run == marked:
        _send(services, run)
    return run


def _by(export: Export) -> str:
    """What starts its runs when it is time."""
    return BY_TIMER if export.schedule.with_refresh else BY_SCHEDULE


@contextlib.contextmanager
def _new_run(
    services: Services,
    export: Export,
    trigger: Trigger,
    started_by: str,
    *,
    started_by_id: str | None = None,
    due: datetime | None = None,
) -> Iterator[Run]:
    """A run of the export as it is now, with the names that it has to show when they are others or gone.

    It begins in the block: everything that is done for it later belongs to the block's span.
    """
    connection_id = str(export.connection_id)
    try:
        connection = services.connections.get(connection_id)
    except NotFound:
        connection = None  # The run fails, and says so.
    now = services.now()
    account_id = connection.account.id if connection and connection.account else None
    run_id = new_run_id(now)
    with telemetry.work("export.start", None, run_id=run_id, export_id=export.id) as span:
        span.set_attribute("trigger", trigger)
        yield Run(
            run_id=run_id,
            export_id=export.id,
            export_name=export.name,
            trigger=trigger,
            started_by=started_by,
            started_by_id=started_by_id,
            created_at=now,
            trace=telemetry.traceparent(),
            schedule_due=due,
            list_id=export.list_id,
            list_name=export.list_name,
            mapping=export.mapping,
            reading=export.reading,
            connection_id=connection_id,
            connection_name=connection.display_name if connection else None,
            account_id=account_id,
            segments=export.segments,
            recipe=_recipe(export, account_id),
        )


def _recipe(export: Export, account_id: str | None) -> str:
    """Changes when the same snapshots would not be sent to the same place in the same way."""
    decides = {"connection_id", "list_id", "segments", "mapping", "reading"}
    facts = export.model_dump(mode="json", include=decides) | {"account": account_id}
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _begin(services: Services, run: Run, slot: Stored[Slot], versions: dict[str, str]) -> Run:
    """Let the run begin; raises Conflict when the slot was taken in between."""
    with _noted(services, run):
        services.runs.begin(run, slot, versions)
    audit_of_runs.tell_if_possible(services, run)
    _send(services, run)
    return run


@contextlib.contextmanager
def _noted(services: Services, run: Run) -> Iterator[None]:
    """The history knows of a run before it begins, and forgets one that does not because another was quicker."""
    services.history.note(run)
    try:
        yield
    except Conflict:
        services.history.forget(run)
        raise


def _send(services: Services, run: Run) -> None:
    services.queues.send(RUNS, run.message())
