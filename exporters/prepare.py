"""The first step of a run: snapshots → contacts → batch files and rejected rows, then one message a batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta

from exporters.accounts import account_of
from exporters.batches import Deduplicator, Place, cut_batches
from exporters.budget import notice_of
from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import Refused
from exporters.contacts import Contact, Mapping, Reason, Rejected, to_contact
from exporters.files import Plan, RejectedRowsWriter, RunFiles
from exporters.runs import Batch, Counts, Run
from exporters.services import Services
from exporters.start import start_again
from exporters.turns import hand_out
from shared.errors import ExportError, Invalid, Wait
from shared.models import Export
from shared.queues import Message
from shared.snapshots import BadRow, Complete, Missing, StillWriting, read_rows

# The product's limit for an export to Constant Contact, over all of its segments.
MOST_CONTACTS = 1_000_000
# An export beyond the limit is counted up to here: each address that is remembered takes 90 bytes.
_COUNTED_TO = 5_000_000
_LOOK_AGAIN_SECONDS = 10
_PROGRESS_EVERY = timedelta(seconds=1)


class EmptySegment(ExportError):
    """A segment holds no profile at all, which is more often a broken refresh than a wish."""


class TooManyContacts(ExportError):
    """More contacts than an export may have."""


def prepare(services: Services, message: Message) -> None:
    """Read the snapshots, write the batches, hand them out. Repeating it changes nothing that was done.

    Raises:
        Wait: a snapshot is still being written, or a service is away.
        ExportError: the export cannot run as it stands; nothing was uploaded.
    """
    run = services.runs.get(message.export_id, message.run_id)
    if run.to_be_prepared:
        run = _change(services, run, status="preparing", started_at=run.started_at or services.now())
    if run.to_be_prepared:
        run = _prepare(services, run)
    if run.status == "uploading":
        hand_out(services, run)
    elif run.ended:
        start_again(services, run)


def _prepare(services: Services, run: Run) -> Run:
    files = RunFiles(services.files, run.run_id)
    plan = files.plan() or files.settle_plan(_plan(services, run))
    # What the run takes up is remembered before it is read: whatever arrives from now on starts the next run.
    services.runs.change_slot(run.export_id, seen=plan.versions)
    counts, batches = _Preparation(services, run, plan, files).write()
    with account_of(services, run) as account:
        notice = notice_of(services, run, batches, account.imports_left_today())
    return _change(
        services,
        run,
        status="uploading",
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
    export = services.exports.get(run.export_id)
    catalog = services.catalog()
    versions = catalog.newest_versions(run.segments)
    snapshots = []
    for segment in run.segments:
        choice = catalog.choose(segment, services.now())
        if isinstance(choice, Missing):
            _wait_for_the_first(services, run, choice)
        elif isinstance(choice, StillWriting):
            seconds = (choice.settles_at - services.now()).total_seconds()
            raise Wait(min(max(seconds, 1), _LOOK_AGAIN_SECONDS), choice.reason)
        elif isinstance(choice, Complete):
            snapshots.append(choice.snapshot)
    with account_of(services, run) as account:
        _check_list(account, export)
    return Plan(
        mapping=Mapping(fields=export.mapping),
        reading=export.reading,
        email_max_length=services.settings.email_max_length,
        snapshots=tuple(snapshots),
        versions=versions,
    )


def _wait_for_the_first(services: Services, run: Run, missing: Missing) -> None:
    """A refresh writes its segments one after the other: an event run gives the others time to appear."""
    quiet = timedelta(seconds=services.settings.snapshot_quiet_seconds)
    if run.trigger == "event" and services.now() < run.created_at + quiet:
        raise Wait(_LOOK_AGAIN_SECONDS, f"no snapshot of segment “{missing.segment}” yet")
    found = ", ".join(f"“{name}”" for name in missing.found) or "none"
    container = services.settings.snapshot_container
    raise Invalid(
        f"There is no snapshot of segment “{missing.segment}” in the container “{container}”. "
        f"Segments found: {found}. Check the segment's name in the export, or refresh the segment."
    )


def _check_list(account: Account, export: Export) -> None:
    try:
        account.contact_list(export.list_id)
    except Refused as error:
        if error.status not in (400, 404):
            raise
        raise Invalid(
            f"The list “{export.list_id}” of the export “{export.name}” does not exist in the Constant Contact account "
            f"of its connection. Choose another list. ({error.text})"
        ) from error


class _Preparation:
    """Streams the profiles of a plan into batch files, counting where each one goes."""

    def __init__(self, services: Services, run: Run, plan: Plan, files: RunFiles) -> None:
        self._services = services
        self._run = run
        self._plan = plan
        self._files = files
        self._duplicates = Deduplicator()
        self._counts = _Tally()
        self._shown_at = services.now()

    def write(self) -> tuple[Counts, int]:
        """Write everything; the counts and the number of batches."""
        batches = []
        with self._files.rejected_by_us() as rejected:
            contacts = self._contacts(rejected)
            for batch in cut_batches(self._within_limit(contacts), self._plan.mapping.import_columns):
                self._files.write_batch(batch.number, batch.content, batch.places)
                batches.append(
                    Batch(
                        run_id=self._run.run_id,
                        number=batch.number,
                        contacts=batch.contacts,
                    )
                )
                self._show_progress()
        counts = self._counts.as_counts()
        if counts.prepared > MOST_CONTACTS:
            _change(self._services, self._run, counts=counts)
            raise TooManyContacts(
                f"The export has {counts.prepared:,} contacts; Constant Contact takes {MOST_CONTACTS:,} in one export. "
                "Nothing was sent. Spread the segments over several exports."
            )
        for one in batches:
            self._services.runs.add_batch(one)
        return counts, len(batches)

    def _within_limit(self, contacts: Iterator[tuple[Place, Contact]]) -> Iterator[tuple[Place, Contact]]:
        """Beyond the limit contacts are only counted, so that the error can name their number."""
        for place, contact in contacts:
            if self._counts.prepared <= MOST_CONTACTS:
                yield place, contact

    def _contacts(self, rejected: RejectedRowsWriter) -> Iterator[tuple[Place, Contact]]:
        counts, mapping = self._counts, self._plan.mapping
        for segment, snapshot in enumerate(self._plan.snapshots):
            read_before = counts.read
            for row in read_rows(self._services.snapshots, snapshot, mapping.source_columns, self._plan.reading):
                if counts.read % 10_000 == 0:
                    self._show_progress()
                counts.read += 1
                place = Place(segment, row.partition, row.line)
                if isinstance(row, BadRow):
                    counts.rejected += 1
                    rejected.add(self._plan.rejected(place, Reason.ROW_MALFORMED, row.reason))
                    continue
                contact = to_contact(row.values, mapping, max_email_length=self._plan.email_max_length)
                if isinstance(contact, Rejected):
                    counts.rejected += 1
                    rejected.add(self._plan.rejected(place, contact.reason, contact.reason.sentence))
                elif not self._duplicates.is_first(contact.key):
                    counts.duplicates += 1
                else:
                    counts.prepared += 1
                    if counts.prepared > _COUNTED_TO:
                        raise TooManyContacts(
                            f"The export has more than {_COUNTED_TO:,} contacts; Constant Contact takes "
                            f"{MOST_CONTACTS:,} in one export. Nothing was sent. Spread the segments over several."
                        )
                    counts.shortened += len(contact.cut)
                    counts.left_out += len(contact.left_out)
                    yield place, contact
            if counts.read == read_before:
                raise EmptySegment(
                    f"Segment “{snapshot.segment}” holds no profile (snapshot {snapshot.id}). Nothing was sent. "
                    "Check the segment and refresh it, or take it out of the export."
                )

    def _show_progress(self) -> None:
        now = self._services.now()
        if now - self._shown_at >= _PROGRESS_EVERY:
            self._shown_at = now
            counts = self._counts.as_counts()
            _change(self._services, self._run, counts=counts, waiting=None)


@dataclasses.dataclass
class _Tally:
    read: int = 0
    duplicates: int = 0
    rejected: int = 0
    prepared: int = 0
    shortened: int = 0
    left_out: int = 0

    def as_counts(self) -> Counts:
        """Before anything was sent: what is prepared counts as not sent."""
        return Counts(**dataclasses.asdict(self), rejected_by_us=self.rejected, not_sent=self.prepared)
