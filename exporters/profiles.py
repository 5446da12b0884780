"""Profiles become contacts, each one in exactly one counted place: the part that a run and its preview share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from azure.storage.blob import ContainerClient

from exporters.batches import Deduplicator, Place
from exporters.contacts import Contact, Reason, Rejected, to_contact
from exporters.errors import EmptySegment, TooManyContacts
from exporters.files import Plan, RejectedRow
from exporters.runs import Counts
from shared.snapshots import BadRow, read_rows

# The product's limit for an export to Constant Contact, over all of its segments.
MOST_CONTACTS = 1_000_000
# An export beyond the limit is counted up to here: each address that is remembered takes 90 bytes.
_COUNTED_TO = 5_000_000


@dataclasses.dataclass
class Tally:
    """Where the profiles went that were read so far."""

    read: int = 0
    duplicates: int = 0
    rejected: int = 0
    prepared: int = 0
    shortened: int = 0
    left_out: int = 0

    def as_counts(self) -> Counts:
        """Before anything was sent: what is prepared counts as not sent."""
        return Counts(**dataclasses.asdict(self), rejected_by_us=self.rejected, not_sent=self.prepared)


class Profiles:
    """The profiles of a plan, read once from front to back.

    `tally` counts them while `contacts` are taken; `read_in` holds the number of each segment that was read to its end.
    """

    def __init__(
        self,
        container: ContainerClient,
        plan: Plan,
        *,
        on_rejected: Callable[[RejectedRow], None],
        now_and_then: Callable[[], None],
    ) -> None:
        """`on_rejected` is given what cannot be a contact; `now_and_then` is called every 10,000 profiles."""
        self._container = container
        self._plan = plan
        self._on_rejected = on_rejected
        self._now_and_then = now_and_then
        self._duplicates = Deduplicator()
        self.tally = Tally()
        self.read_in: list[int] = []

    def contacts(self) -> Iterator[tuple[Place, Contact]]:
        """The contacts in their order. Beyond the limit they are only counted, so that an error can name their number.

        Raises:
            TooManyContacts: nobody counts on.
            EmptySegment: at the end of a segment without a profile.
            SnapshotError: what `read_rows` raises.
        """
        for place, contact in self._all_contacts():
            if self.tally.prepared <= MOST_CONTACTS:
                yield place, contact

    def refuse_too_many(self) -> None:
        """Once all are counted: raises TooManyContacts when they are more than an export may have."""
        if self.tally.prepared > MOST_CONTACTS:
            raise TooManyContacts(
                f"The export has {self.tally.prepared:,} contacts; Constant Contact takes {MOST_CONTACTS:,} in one "
                "export. Nothing was sent. Spread the segments over several exports."
            )

    def _all_contacts(self) -> Iterator[tuple[Place, Contact]]:
        counts, plan, on_rejected = self.tally, self._plan, self._on_rejected
        mapping = plan.mapping
        for segment, snapshot in enumerate(plan.snapshots):
            read_before = counts.read
            for row in read_rows(self._container, snapshot, mapping.source_columns, plan.reading):
                if counts.read % 10_000 == 0:
                    self._now_and_then()
                counts.read += 1
                place = Place(segment, row.partition, row.line)
                if isinstance(row, BadRow):
                    counts.rejected += 1
                    on_rejected(plan.rejected(place, Reason.ROW_MALFORMED, row.reason))
                    continue
                contact = to_contact(row.values, mapping, max_email_length=plan.email_max_length)
                if isinstance(contact, Rejected):
                    counts.rejected += 1
                    on_rejected(plan.rejected(place, contact.reason, contact.reason.sentence))
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
            self.read_in.append(counts.read - read_before)
            if counts.read == read_before:
                raise EmptySegment(
                    f"Segment “{snapshot.segment}” holds no profile (snapshot {snapshot.id}). Nothing was sent. "
                    "Check the segment and refresh it, or take it out of the export."
                )
