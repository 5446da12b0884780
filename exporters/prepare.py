"""The first step of a run: snapshots → contacts → batch files and rejected rows, then one message a batch."""

from __future__ import annotations

from datetime import timedelta

from exporters.accounts import account_of
from exporters.afterwards import afterwards
from exporters.audit_of_runs import tell
from exporters.batches import cut_batches
from exporters.budget import notice_of
from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import Refused
from exporters.contacts import Mapping
from exporters.ending import end_run
from exporters.errors import ListMissing, NoSnapshot, TooManyContacts
from exporters.files import Plan, RunFiles
from exporters.known_counts import count_of
from exporters.profiles import Profiles, Tally
from exporters.runs import Batch, Counts, Run
from exporters.segments import expected_profiles
from exporters.services import Services
from exporters.turns import hand_out
from shared.errors import Wait
from shared.queues import Message
from shared.snapshots import Complete, Missing, StillWriting

_LOOK_AGAIN_SECONDS = 10
_PROGRESS_EVERY = timedelta(seconds=1)


class _NoLongerWanted(Exception):
    """The run was stopped, or another worker has prepared it."""


def prepare(services: Services, message: Message) -> None:
    """Read the snapshots, write the batches, hand them out. Repeating it changes nothing that was done.

    Raises:
        Wait: a snapshot is still being written, or a service is away.
        ExportError: the export cannot run as it stands; nothing was uploaded.
    """
    run = services.runs.get(message.export_id, message.run_id)
    tell(services, run)
    if run.to_be_prepared:
        run = _change(services, run, status="preparing", started_at=run.started_at or services.now())
    if run.to_be_prepared:
        try:
            run = _prepare(services, run)
        except _NoLongerWanted:
            run = end_run(services, run, only_if=lambda r: r.to_be_prepared)
    if run.status == "uploading":
        hand_out(services, run)
    elif run.ended:
        afterwards(services, run)


def _prepare(services: Services, run: Run) -> Run:
    files = RunFiles(services.files, run.run_id)
    plan = files.plan() or files.settle_plan(_plan(services, run))
    # What the run takes up is remembered before it is read: whatever arrives from now on starts the next run.
    services.runs.change_slot(run.export_id, only_if=lambda slot: slot.run_id == run.run_id, seen=plan.versions)
    if run.profiles_expected is None:
        expected = expected_profiles(services, plan.snapshots, plan.reading)
        run = _change(services, run, profiles_expected=expected)
    counts, batches = _Preparation(services, run, plan, files).write()
    with account_of(services, run) as account:
        notice = notice_of(services, run, batches, account.imports_left_today())
    return _change(
        services,
        run,
        status="uploading",
        prepared_at=services.now(),
        waiting=None,
        counts=counts,
        batches=batches,
        snapshots={snapshot.segment: snapshot.id for snapshot in plan.snapshots},
        versions=plan.versions,
        warnings=tuple(warning for snapshot in plan.snapshots for warning in snapshot.warnings),
        notice=notice,
    )


def _change(services: Services, run: Run, **update: object) -> Run:
    """The run, changed so unless another worker has prepared or ended it meanwhile."""
    return services.runs.change(run, lambda r: r.model_copy(update=update) if r.to_be_prepared else None)


def _plan(services: Services, run: Run) -> Plan:
    """What the run will work on, after everything was checked that can be checked before reading."""
    catalog = services.catalog()
    versions = catalog.newest_versions(run.segments)
    snapshots = []
    for segment in run.segments:
        choice = catalog.choose(segment, services.now())
        if isinstance(choice, Missing):
            _wait_for_the_first(services, run, choice)
        elif isinstance(choice, StillWriting):
            seconds = (choice.settles_at - services.now()).total_seconds()
            raise Wait(min(max(seconds, 1), _LOOK_AGAIN_SECONDS), choice.reason, "snapshot")
        elif isinstance(choice, Complete):
            snapshots.append(choice.snapshot)
    with account_of(services, run) as account:
        _check_list(account, run)
    return Plan(
        mapping=Mapping(fields=run.mapping),
        reading=run.reading,
        email_max_length=services.settings.email_max_length,
        snapshots=tuple(snapshots),
        versions=versions,
    )


def _wait_for_the_first(services: Services, run: Run, missing: Missing) -> None:
    """A refresh writes its segments one after the other: an event run gives the others time to appear."""
    quiet = timedelta(seconds=services.settings.snapshot_quiet_seconds)
    if run.trigger == "event" and services.now() < run.created_at + quiet:
        raise Wait(_LOOK_AGAIN_SECONDS, f"no snapshot of segment “{missing.segment}” yet", "snapshot")
    found = ", ".join(f"“{name}”" for name in missing.found) or "none"
    container = services.settings.snapshot_container
    raise NoSnapshot(f"{missing.reason} Segments found in the container “{container}”: {found}.")


def _check_list(account: Account, run: Run) -> None:
    try:
        is_deleted = bool(account.contact_list(run.list_id).deleted_at)
    except Refused as error:
        if error.status not in (400, 404):
            raise
        raise _list_missing(run, error.text) from error
    if is_deleted:
        raise _list_missing(run, "it was deleted")


def _list_missing(run: Run, why: str) -> ListMissing:
    return ListMissing(
        f"The list “{run.list_name or run.list_id}” of the export “{run.export_name}” does not exist in the "
        f"Constant Contact account of its connection. Choose another list. ({why})"
    )


class _Preparation:
    """Streams the profiles of a plan into batch files, counting where each one goes."""

    def __init__(self, services: Services, run: Run, plan: Plan, files: RunFiles) -> None:
        self._services = services
        self._run = run
        self._plan = plan
        self._files = files
        self._shown_at = services.now()

    def write(self) -> tuple[Counts, int]:
        """Write everything; the counts and the number of batches."""
        batches: list[Batch] = []
        too_many = None
        with self._files.rejected_by_us() as rejected:
            profiles = Profiles(
                self._services.snapshots,
                self._plan,
                on_rejected=rejected.add,
                now_and_then=lambda: self._show_progress(profiles.tally),
            )
            try:
                for batch in cut_batches(profiles.contacts(), self._plan.mapping.import_columns):
                    self._files.write_batch(batch.number, batch.content, batch.places)
                    batches.append(Batch(run_id=self._run.run_id, number=batch.number, contacts=batch.contacts))
                    self._show_progress(profiles.tally)
                profiles.refuse_too_many()
            except TooManyContacts as error:
                too_many = error
        counts = profiles.tally.as_counts()
        if too_many:
            _change(self._services, self._run, counts=counts)
            raise too_many
        for one in batches:
            self._services.runs.add_batch(one)
        for snapshot, count in zip(self._plan.snapshots, profiles.read_in, strict=True):
            self._services.counts.note(count_of(snapshot, count, exact=True))
        return counts, len(batches)

    def _show_progress(self, tally: Tally) -> None:
        now = self._services.now()
        if now - self._shown_at >= _PROGRESS_EVERY:
            self._shown_at = now
            run = _change(self._services, self._run, counts=tally.as_counts(), waiting=None)
            if run.stop or not run.to_be_prepared:
                raise _NoLongerWanted
