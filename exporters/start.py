"""Starts runs: one at a time per export, on demand always, by timer and event only when there is something new."""

from __future__ import annotations

from datetime import timedelta

from exporters.each import each
from exporters.runs import Run, Trigger, new_run_id
from exporters.services import Services
from shared.errors import Conflict, ExportError, Invalid, NotFound
from shared.models import Export
from shared.queues import RUNS, Message
from shared.snapshots import SegmentCatalog
from shared.snapshots.paths import MODEL_FILE, is_data_file, name_of

# A run that was started gets its message at once; one that still has none was left behind.
_MESSAGE_IS_LATE = timedelta(minutes=2)
BY_TIMER, BY_EVENT = "refresh schedule", "new snapshot"


class AlreadyRunning(Conflict):
    """The export has a run under way; `run` is that one."""

    def __init__(self, run: Run) -> None:
        super().__init__(
            f"The export “{run.export_name}” is running already (run {run.run_id}). Wait until it has ended."
        )
        self.run = run


def start_on_demand(services: Services, export_id: str, started_by: str) -> Run:
    """Start a run whatever was exported before.

    Raises:
        NotFound: there is no such export.
        Invalid: it has no connection.
        AlreadyRunning: it has a run under way.
    """
    export = services.exports.get(export_id)
    if export.connection_id is None:
        raise Invalid(
            f"The export “{export.name}” has no connection, so it cannot run. Give it one first; nothing was started."
        )
    run, is_new = _take_slot(services, export, "http", started_by)
    if not is_new:
        raise AlreadyRunning(run)
    return run


def start_scheduled(services: Services) -> list[Run]:
    """Start every export with an active schedule and a connection that has a snapshot not yet exported successfully.

    An export that cannot be read is passed over. Raises what a storage raises that is away, after all had their turn.
    """
    catalog = services.catalog()

    def start(export: Export) -> Run | None:
        if not _runs_by_itself(export):
            return None
        newest = _newest(catalog, export)
        exported = services.runs.slot(export.id).value.exported
        # A segment without any snapshot starts a run too: it fails, and says what is missing.
        if newest.keys() == set(export.segments) and newest == exported:
            return None
        run, is_new = _take_slot(services, export, "timer", BY_TIMER, versions=newest)
        return run if is_new else None

    return each(services.exports.all(), start, name_of_export)


def start_for_snapshots(services: Services, arrived: str) -> list[Run]:
    """A blob arrived in the snapshot container: start every scheduled export that has not taken it up yet.

    An export that cannot be read is passed over. Raises what a storage raises that is away, after all had their turn.
    """
    if not (is_data_file(arrived) or name_of(arrived) == MODEL_FILE):
        return []
    catalog = services.catalog()

    def start(export: Export) -> Run | None:
        if not _runs_by_itself(export):
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
    """After a run: if a snapshot arrived meanwhile that the run has not taken up, start the next run."""
    slot = services.runs.slot(ended.export_id).value
    if not slot.start_again or slot.run_id is not None:
        return None
    try:
        export = services.exports.get(ended.export_id)
    except NotFound:
        return None  # Removed while its last run was under way.
    newest = _newest(services.catalog(), export)
    if newest == slot.seen or not _runs_by_itself(export):
        services.runs.change_slot(export.id, start_again=False)
        return None
    run, _ = _take_slot(services, export, "event", BY_EVENT, versions=newest)
    return run


def name_of_export(export: Export) -> str:
    """What the log calls it."""
    return f"export {export.id}"


def _runs_by_itself(export: Export) -> bool:
    """Whether the refresh schedule and new snapshots start it; one that was detached from its connection waits."""
    return export.schedule != "off" and export.connection_id is not None


def _newest(catalog: SegmentCatalog, export: Export) -> dict[str, str]:
    """The versions of the export's segments. What cannot be listed is a version too: a run says once what is wrong."""
    try:
        return catalog.newest_versions(export.segments)
    except ExportError as error:
        return {"error": str(error)}


def _take_slot(
    services: Services, export: Export, trigger: Trigger, started_by: str, *, versions: dict[str, str] | None = None
) -> tuple[Run, bool]:
    """A new run of the export and True, or the run that holds its slot and False."""
    while True:
        slot = services.runs.slot(export.id)
        if slot.value.run_id is not None:
            run = services.runs.get(export.id, slot.value.run_id)
            if run.status == "queued" and services.now() > run.created_at + _MESSAGE_IS_LATE:
                # Whoever started it may have died before its message was sent; a second message does no harm.
                _send(services, run)
            return run, False
        now = services.now()
        run = Run(
            run_id=new_run_id(now),
            export_id=export.id,
            export_name=export.name,
            trigger=trigger,
            started_by=started_by,
            created_at=now,
            list_id=export.list_id,
            connection_id=export.connection_id,
            segments=export.segments,
        )
        try:
            services.runs.begin(run, slot, slot.value.seen if versions is None else versions)
        except Conflict:
            continue
        _send(services, run)
        return run, True


def _send(services: Services, run: Run) -> None:
    services.queues.send(RUNS, Message(export_id=run.export_id, run_id=run.run_id))
