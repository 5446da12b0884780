"""Housekeeping: runs that nobody carries on are taken up again; old files and records are removed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from azure.core.exceptions import ResourceNotFoundError

from exporters.afterwards import afterwards
from exporters.each import each
from exporters.ending import end_overdue, is_overdue
from exporters.history import RunSummary
from exporters.runs import Run, time_of
from exporters.services import Services
from exporters.start import name_of_export
from exporters.turns import hand_out
from shared import telemetry
from shared.audit import month_of
from shared.errors import NotFound
from shared.models import Export
from shared.queues import ACTIVITIES, RUNS

log = logging.getLogger(__name__)

# A message is hidden for up to ten minutes while a worker has it, and comes back by itself when that worker dies.
SILENCE = timedelta(minutes=30)
_UP_TO_DATE_KEPT = timedelta(days=7)
# Those that are older were forgotten in their time: of them, the newest of their exports are left.
_LOOKED_BACK = timedelta(days=30)
# A thousand exports with an hourly refresh leave 250 between two sweeps.
_FORGOTTEN_AT_ONCE = 1_000
# As far back as somebody may look.
_DAYS_COUNTED = 31


def take_up_lost_runs(services: Services) -> list[Run]:
    """Send the messages of every run that has shown no sign of life for half an hour; end those past their time limit.

    A message that is lost for good (deleted by hand, or with its queue) would otherwise hold its export up for ever.
    A second message does no harm where the first is only late. Returns the runs that were taken up or ended.
    An export that cannot be read is passed over. Raises what a storage raises that is away, after all had their turn.
    """

    def take_up(export: Export) -> Run | None:
        slot = services.runs.slot(export.id).value
        if slot.run_id is None:
            return None
        try:
            run = services.runs.get(export.id, slot.run_id)
        except NotFound:
            log.warning(
                "export %s: run %s, which holds its slot, does not exist; the slot is freed", export.id, slot.run_id
            )
            services.runs.change_slot(export.id, only_if=lambda now: now == slot, run_id=None)
            return None
        if not (is_overdue(services, run) or _is_silent(services, run)):
            return None
        if is_overdue(services, run) and _has_batch_of_unknown_fate(services, run):
            # Only what follows a run can ask Constant Contact what became of it, and then ends the run.
            services.queues.send(ACTIVITIES, run.message())
            return run
        with telemetry.work("export.take_up", run.trace, run_id=run.run_id, export_id=run.export_id):
            if ended := end_overdue(services, run):
                afterwards(services, ended)
            elif _is_silent(services, run):
                _send_again(services, run)
            else:
                return None
            log.warning("run %s was taken up again: nothing had carried it on", run.run_id)
            return run

    return each(services.exports.all(), take_up, name_of_export)


def complete_history(services: Services) -> list[Run]:
    """Do what follows a run for those that have ended, but of which the history does not know it: their worker died.

    The profiles of days that are over are counted too, so that whoever asks for them does not wait. Returns the runs
    that were completed. Raises what a storage raises that is away, after all had their turn.
    """

    def finish(run: Run) -> Run | None:
        if not run.ended:
            return None
        with telemetry.work("export.take_up", run.trace, run_id=run.run_id, export_id=run.export_id):
            afterwards(services, run)
        return run

    finished = each(services.history.unfinished(), finish, lambda run: f"run {run.run_id}")
    services.history.exported_by_day(_DAYS_COUNTED, services.now())
    return finished


def delete_old_files(services: Services) -> int:
    """Delete the blobs of runs that were started more than the retention time ago; how many there were.

    The run itself, its counts and its batches stay longer: they tell nothing of a profile. A blob that cannot be
    deleted does not keep the others; what was wrong with it is raised after them.
    """

    def delete(name: str) -> bool | None:
        try:
            services.files.delete_blob(name)
        except ResourceNotFoundError:
            return None
        return True

    return len(each(_old_files(services), delete, lambda name: f"deleting {name}"))


def forget_up_to_date(services: Services) -> int:
    """Remove runs that found nothing new, a week after they did; how many there were. So many at a time.

    Every scheduled start leaves one, and they would be nearly all that there is. An export's newest run stays.
    """
    week_ago = services.now() - _UP_TO_DATE_KEPT
    return _forget(services, services.history.up_to_date(since=week_ago - _LOOKED_BACK, until=week_ago))


def forget_old_runs(services: Services) -> int:
    """Remove runs that are older than the retention time of records; how many there were. So many at a time.

    The newest run of an export that there still is stays: it says what the export has done.
    """
    return _forget(services, services.history.ended_before(_records_kept_since(services), services.exports.ids()))


def forget_old_changes(services: Services) -> int:
    """Remove the months of the audit that are older than the retention time of records, so many entries at a time."""
    return services.audit.forget_before(month_of(_records_kept_since(services)), _FORGOTTEN_AT_ONCE)


def _forget(services: Services, found: Iterator[RunSummary]) -> int:
    """Remove the first of these runs, as many as are forgotten at once; how many there were."""

    def forget(run: RunSummary) -> bool:
        services.history.remove(run)
        return True

    return len(each(list(islice(found, _FORGOTTEN_AT_ONCE)), forget, lambda run: f"run {run.run_id}"))


def _records_kept_since(services: Services) -> datetime:
    settings = services.settings
    # The page of a run is the way to its files.
    return services.now() - timedelta(days=max(settings.record_retention_days, settings.file_retention_days))


def _old_files(services: Services) -> Iterator[str]:
    before = services.now() - timedelta(days=services.settings.file_retention_days)
    for name in services.files.list_blob_names():
        started_at = time_of(name.partition("/")[0])
        if started_at is None:
            continue
        if started_at >= before:
            return  # Their names begin with the time of their run: what follows is younger.
        yield name


def _has_batch_of_unknown_fate(services: Services, run: Run) -> bool:
    """Whether a batch was begun to be sent of which nobody knows what became, however long ago."""
    return any(stored.value.state == "sending" for stored in services.runs.batches(run.run_id))


def _is_silent(services: Services, run: Run) -> bool:
    """Whether neither the run nor any of its batches was written for a while, and no wait of its own explains it."""
    if run.waiting_until is not None and services.now() < run.waiting_until:
        return False
    return services.now() - services.runs.last_written(run) > SILENCE


def _send_again(services: Services, run: Run) -> None:
    if run.to_be_prepared:
        services.queues.send(RUNS, run.message())
    else:
        hand_out(services, run, states=("pending", "sending", "split"))
