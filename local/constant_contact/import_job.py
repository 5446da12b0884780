"""What an import does once its turn has come: check every row, then create or update contacts and fill lists."""

import threading
import time
from dataclasses import dataclass
from itertools import islice

from local.constant_contact.accounts import Account
from local.constant_contact.activities import End, Outcome
from local.constant_contact.clock import Clock
from local.constant_contact.configuration import Configuration
from local.constant_contact.contacts import LISTS_A_CONTACT, UNSUBSCRIBED, Contact
from local.constant_contact.import_files import Payload, UnreadablePayloadError
from local.constant_contact.import_rows import Refusal, Row, RowRules

IMPORT_COUNTERS = ("items_total_count", "person_count", "error_count", "correctable_count", "cannot_add_to_list_count")
ROWS_A_TURN = 1_000
ROWS_REFUSED_BY_FAULT = 3


@dataclass(frozen=True, slots=True)
class ImportFault:
    """What is to go wrong while the rows are processed: another end, or rows whose e-mail contains a text."""

    end: End = "completed"
    refuses_rows: bool = False
    match: str | None = None


class ImportJob:
    """One import. `person_count` counts the distinct valid contacts, those that may not join a list among them."""

    def __init__(
        self,
        account: Account,
        payload: Payload,
        list_ids: tuple[str, ...],
        *,
        configuration: Configuration,
        clock: Clock,
        lock: threading.RLock,
        consent_date_required: bool,
        fault: ImportFault,
    ) -> None:
        self.items = payload.items
        self._account = account
        self._payload = payload
        self._list_ids = list_ids
        self._configuration = configuration
        self._clock = clock
        self._lock = lock
        self._fault = fault
        self._rules = RowRules(payload.limits, configuration.email_max_length, consent_date_required)
        self._rows: dict[str, Row] = {}
        self._refusals: list[Refusal] = []
        self._total = 1
        self._unreadable: str | None = None
        self._cannot_add = 0
        self._joined: dict[tuple[str, ...], tuple[str, ...] | None] = {}

    def prepare(self) -> None:
        """Read and check the rows; of several with the same address one stays."""
        last_wins = self._configuration.duplicate_row_that_wins == "last"
        try:
            for line, values in self._payload.rows():
                self._total += 1
                checked = self._rules.check(line, values)
                if isinstance(checked, Refusal):
                    self._refusals.append(checked)
                elif last_wins or checked.key not in self._rows:
                    self._rows[checked.key] = checked
        except UnreadablePayloadError as error:
            self._unreadable = str(error)
        if self._fault.refuses_rows:
            self._refuse_by_fault()

    def carry_out(self) -> Outcome:
        """Create and update the contacts, and put them on the lists."""
        if self._fault.end != "completed":
            return Outcome(self._fault.end, errors=("The import could not be processed.",))
        if self._unreadable:
            return Outcome("failed", errors=(self._unreadable,))
        remaining = iter(self._rows.values())
        while turn := list(islice(remaining, ROWS_A_TURN)):
            with self._lock:
                for row in turn:
                    self._apply(row)
            # A thread that takes a lock again at once leaves those that wait for it no chance.
            time.sleep(0.000_2)
        with self._lock:
            self._account.contacts.note_imported(self._rows)
        return self._outcome()

    def _outcome(self) -> Outcome:
        correctable = sum(refusal.correctable for refusal in self._refusals)
        lines = sorted(self._refusals, key=lambda refusal: refusal.line)
        return Outcome(
            "completed",
            {
                "items_total_count": self._total,
                "person_count": len(self._rows),
                "error_count": len(self._refusals) - correctable,
                "correctable_count": correctable,
                "cannot_add_to_list_count": self._cannot_add,
            },
            tuple(str(refusal) for refusal in lines[: self._configuration.listed_activity_errors]),
        )

    def _refuse_by_fault(self) -> None:
        match = self._fault.match
        if match:
            hit = [row for row in self._rows.values() if match.lower() in row.key]
        else:
            hit = list(islice(self._rows.values(), ROWS_REFUSED_BY_FAULT))
        for row in hit:
            del self._rows[row.key]
            self._refusals.append(Refusal(row.line, "Contact could not be saved", correctable=False))

    def _apply(self, row: Row) -> None:
        now = self._clock.now()
        contact = self._account.contacts.by_email.get(row.key)
        if contact is None:
            contact = self._account.contacts.add(row.email, "implicit", now)
        else:
            contact.updated_at = now
            contact.deleted_at = None
        if row.first_name is not None:
            contact.first_name = row.first_name
        if row.last_name is not None:
            contact.last_name = row.last_name
        if row.fields:
            contact.fields = {**(contact.fields or {}), **row.fields}
        if contact.permission == UNSUBSCRIBED:
            self._cannot_add += 1
        else:
            self._join(contact)

    def _join(self, contact: Contact) -> None:
        """Put the contact on the import's lists; equal memberships share one tuple."""
        before = contact.list_ids
        if before not in self._joined:
            joined = before + tuple(list_id for list_id in self._list_ids if list_id not in before)
            self._joined[before] = joined if len(joined) <= LISTS_A_CONTACT else None
        after = self._joined[before]
        if after is None:
            self._cannot_add += 1
            return
        contact.list_ids = after
        for list_id in self._list_ids:
            self._account.lists[list_id].members.setdefault(contact.number)
        if contact.left_list_ids:
            contact.left_list_ids = tuple(left for left in contact.left_list_ids if left not in after)
