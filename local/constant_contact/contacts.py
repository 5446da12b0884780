"""The contacts of an account, found by e-mail address, number or id."""

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

LISTS_A_CONTACT = 50
UNSUBSCRIBED = "unsubscribed"
PERMISSIONS = ("explicit", "implicit", "not_set", "pending_confirmation", "temp_hold", UNSUBSCRIBED)


@dataclass(slots=True, eq=False)
class Contact:
    """A person known to the account.

    There are two ways out: `permission` unsubscribed is the opt-out from the whole account, which an import keeps;
    `left_list_ids` are lists the person left by themselves, onto which an import puts them back.
    """

    number: int
    email: str
    permission: str
    created_at: float
    updated_at: float
    first_name: str | None = None
    last_name: str | None = None
    fields: dict[str, str] | None = None
    list_ids: tuple[str, ...] = ()
    left_list_ids: tuple[str, ...] = ()
    deleted_at: float | None = None

    @property
    def status(self) -> str:
        """What the `status` filter of `GET /contacts` compares with."""
        if self.deleted_at is not None:
            return "deleted"
        return "active" if self.permission in ("explicit", "implicit") else self.permission


class Contacts:
    """All contacts of an account, in the order in which they came."""

    def __init__(self) -> None:
        self.in_order: list[Contact] = []
        self.by_email: dict[str, Contact] = {}
        self._first_id = secrets.randbits(90) << 38
        # What imports brought since the last reset of the statistics: once, and in more than one import.
        self.imported: set[str] = set()
        self.imported_again: set[str] = set()

    def id_of(self, contact: Contact) -> str:
        """The contact's UUID. It is worked out from the number, since a million stored ones would cost memory."""
        return str(uuid.UUID(int=self._first_id + contact.number))

    def with_id(self, contact_id: str) -> Contact | None:
        """The contact with that UUID, if any. Raises ValueError for what is no UUID."""
        number = uuid.UUID(contact_id).int - self._first_id
        return self.in_order[number] if 0 <= number < len(self.in_order) else None

    def add(self, email: str, permission: str, now: float) -> Contact:
        """Create a contact with an address that nobody has yet."""
        contact = Contact(len(self.in_order), email, permission, now, now)
        self.in_order.append(contact)
        self.by_email[email.lower()] = contact
        return contact

    def note_imported(self, keys: Iterable[str]) -> None:
        """Remember the lower-cased addresses of one import, to tell which came more than once."""
        keys = set(keys)
        self.imported_again |= self.imported & keys
        self.imported |= keys

    def forget_imported(self) -> None:
        """Forget which addresses were imported."""
        self.imported.clear()
        self.imported_again.clear()
