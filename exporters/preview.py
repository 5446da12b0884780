"""What an export would send, before anything leaves: the first contacts, where each profile goes, the calls."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, TypedDict

from pydantic import ValidationError

from exporters.batches import MAX_BYTES, MAX_CONTACTS, Place, cut_batches
from exporters.budget import calls_for
from exporters.contacts import Contact, Mapping, Reason
from exporters.errors import AllRejected, NoSnapshot
from exporters.files import Plan, RejectedRow
from exporters.known_counts import count_of
from exporters.problem_codes import ProblemCode, problem_of
from exporters.profiles import MOST_CONTACTS, Profiles
from exporters.segments import expected_profiles, is_usual
from exporters.services import Services
from shared.errors import ExportError, Invalid
from shared.models import Connection
from shared.snapshots import Missing, ReadOptions, StillWriting

_EXAMPLES = 10


@dataclass(frozen=True)
class ReasonCount:
    """How many profiles cannot be contacts for one reason: a stable code and an English sentence."""

    code: str
    sentence: str
    count: int


@dataclass(frozen=True)
class Preview:
    """What would happen to the profiles.

    `contacts` are the first ones, each with its import columns in the order of `columns`. `read` = `to_send` +
    `duplicates` + `rejected`, of all profiles if `counted_all`, else of the first so many. `batches` and `calls` are
    those of the whole export, estimated unless `counted_all`. With a `problem` the export cannot run as it stands.
    """

    columns: tuple[str, ...] = ()
    contacts: tuple[dict[str, str], ...] = ()
    read: int = 0
    to_send: int = 0
    duplicates: int = 0
    rejected: int = 0
    shortened: int = 0
    left_out: int = 0
    reasons: tuple[ReasonCount, ...] = ()
    examples: tuple[RejectedRow, ...] = ()
    counted_all: bool = False
    profiles_expected: int | None = None
    batches: int = 0
    calls: int = 0
    calls_left_today: int | None = None
    warnings: tuple[str, ...] = ()
    problem: str | None = None
    problem_code: ProblemCode | None = None


class _NotReady(NoSnapshot):
    """A segment's snapshot is still being written."""


class _TimeIsUp(Exception):
    """No more is read."""


def preview(
    services: Services,
    *,
    segments: Sequence[str],
    mapping: dict[str, str],
    reading: ReadOptions | None = None,
    connection: Connection | None = None,
    first: int = 10,
    seconds: float = 20,
) -> Preview:
    """Read the segments as a run would, for at most about so many seconds, and send nothing.

    What stands against the export comes as `problem`; what an outage of the storage raises is not caught.
    """
    until = time.monotonic() + seconds
    left = services.account(connection).imports_left_today() if connection else None
    try:
        plan = _plan(services, segments, mapping, reading or ReadOptions())
    except ExportError as error:
        return Preview(calls_left_today=left, problem=str(error), problem_code=problem_of(error))
    return _Look(services, plan, first, until).preview(left)


def _plan(services: Services, segments: Sequence[str], mapping: dict[str, str], reading: ReadOptions) -> Plan:
    """What a run that starts now would work on."""
    try:
        fields = Mapping(fields=mapping)
    except ValidationError as error:
        problems = [problem["msg"].removeprefix("Value error, ") for problem in error.errors(include_url=False)]
        raise Invalid(f"The data matching cannot be used: {'; '.join(problems)}.") from None
    if not segments:
        raise Invalid("Choose at least one segment.")
    catalog = services.catalog()
    snapshots = []
    for segment in segments:
        choice = catalog.choose(segment, services.now())
        if isinstance(choice, Missing):
            raise NoSnapshot(choice.reason)
        if isinstance(choice, StillWriting):
            raise _NotReady(f"{choice.reason} Look again in a few minutes.")
        snapshots.append(choice.snapshot)
    return Plan(
        mapping=fields,
        reading=reading,
        email_max_length=services.settings.email_max_length,
        snapshots=tuple(snapshots),
        versions={},
    )


class _Look:
    """One look at the profiles of a plan."""

    def __init__(self, services: Services, plan: Plan, first: int, until: float) -> None:
        self._services = services
        self._plan = plan
        self._first = first
        self._until = until
        self._contacts: list[Contact] = []
        self._reasons: Counter[str] = Counter()
        self._examples: list[RejectedRow] = []
        self._in_time = True
        self._batches: list[_Cut] = []
        self._profiles = Profiles(
            services.snapshots, plan, on_rejected=self._note_rejected, now_and_then=self._look_at_the_clock
        )

    def preview(self, calls_left_today: int | None) -> Preview:
        """Read, and say what was seen."""
        problem: ExportError | None = None
        try:
            for batch in cut_batches(self._noted(), self._plan.mapping.import_columns):
                self._batches.append(_Cut(batch.contacts, len(batch.content)))
            self._profiles.refuse_too_many()
        except ExportError as error:
            problem = error
        snapshots = self._plan.snapshots
        if is_usual(self._plan.reading):
            for snapshot, count in zip(snapshots, self._profiles.read_in, strict=False):
                self._services.counts.note(count_of(snapshot, count, exact=True))
        tally, columns = self._profiles.tally, self._plan.mapping.import_columns
        counted_all = self._in_time and len(self._profiles.read_in) == len(snapshots)
        expected = tally.read if counted_all else self._expected()
        batches = len(self._batches) if counted_all else self._batches_expected(expected)
        warnings = [warning for snapshot in snapshots for warning in snapshot.warnings]
        if not counted_all and self._contacts_expected(expected) > MOST_CONTACTS:
            warnings.append(
                f"About {self._contacts_expected(expected):,} contacts are expected; Constant Contact takes "
                f"{MOST_CONTACTS:,} in one export. Spread the segments over several exports."
            )
        return Preview(
            columns=columns,
            contacts=tuple(dict(zip(columns, contact.values, strict=True)) for contact in self._contacts),
            read=tally.read,
            to_send=tally.prepared,
            duplicates=tally.duplicates,
            rejected=tally.rejected,
            shortened=tally.shortened,
            left_out=tally.left_out,
            reasons=tuple(
                ReasonCount(code, Reason(code).sentence, count) for code, count in self._reasons.most_common()
            ),
            examples=tuple(self._examples),
            counted_all=counted_all,
            profiles_expected=expected,
            batches=batches,
            calls=calls_for(batches),
            calls_left_today=calls_left_today,
            warnings=tuple(warnings),
            **self._problem(problem, counted_all=counted_all),
        )

    def _noted(self) -> Iterator[tuple[Place, Contact]]:
        """The contacts until the time is up; the first ones are kept."""
        try:
            for place, contact in self._profiles.contacts():
                if len(self._contacts) < self._first:
                    self._contacts.append(contact)
                yield place, contact
        except _TimeIsUp:
            self._in_time = False

    def _problem(self, error: ExportError | None, *, counted_all: bool) -> _Problem:
        tally = self._profiles.tally
        if error is None and counted_all and tally.read and not tally.prepared:
            error = AllRejected(tally.read)
        if error is None:
            return {"problem": None, "problem_code": None}
        return {"problem": str(error), "problem_code": problem_of(error)}

    def _look_at_the_clock(self) -> None:
        # The first ten thousand are read whatever the time: there is something to show.
        if self._profiles.tally.read and time.monotonic() > self._until:
            raise _TimeIsUp

    def _note_rejected(self, row: RejectedRow) -> None:
        self._reasons[row.code] += 1
        if len(self._examples) < _EXAMPLES:
            self._examples.append(row)

    def _expected(self) -> int | None:
        """About how many profiles there are, never fewer than were read."""
        expected = expected_profiles(self._services, self._plan.snapshots, self._plan.reading)
        return None if expected is None else max(expected, self._profiles.tally.read)

    def _contacts_expected(self, profiles: int | None) -> int:
        """About how many contacts so many profiles make, if the others are like those that were read."""
        tally = self._profiles.tally
        return round((profiles or 0) * tally.prepared / tally.read) if tally.read else 0

    def _batches_expected(self, profiles: int | None) -> int:
        """About how many batches these contacts fill; those that were seen where nothing tells."""
        seen = sum(batch.contacts for batch in self._batches)
        contacts = max(self._contacts_expected(profiles), seen)
        if not seen:
            return 0
        bytes_each = sum(batch.size for batch in self._batches) / seen
        return ceil(contacts / min(MAX_CONTACTS, MAX_BYTES / bytes_each))


class _Problem(TypedDict):
    problem: str | None
    problem_code: ProblemCode | None


class _Cut(NamedTuple):
    """A batch as it would be uploaded."""

    contacts: int
    size: int
