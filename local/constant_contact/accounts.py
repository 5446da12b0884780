"""Accounts, their users and what a user's role allows."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from local.constant_contact import errors
from local.constant_contact.activities import Activity
from local.constant_contact.clock import SECONDS_A_DAY
from local.constant_contact.contacts import Contacts

ACTIVITY_RETENTION_SECONDS = 10 * SECONDS_A_DAY
LISTS_AN_ACCOUNT = 1_000
CUSTOM_FIELDS_AN_ACCOUNT = 100


class Role(StrEnum):
    """The roles of the vendor's user management."""

    ACCOUNT_OWNER = "account_owner"
    ACCOUNT_MANAGER = "account_manager"
    CAMPAIGN_CREATOR = "campaign_creator"


class Privilege(StrEnum):
    """What a call may require of the user who gave consent."""

    LISTS_READ = "contacts:lists:read"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"


# A campaign creator can read lists and nothing else of the contacts (the vendor's user privileges guide).
PRIVILEGES = {
    Role.ACCOUNT_OWNER: tuple(Privilege),
    Role.ACCOUNT_MANAGER: tuple(Privilege),
    Role.CAMPAIGN_CREATOR: (Privilege.LISTS_READ,),
}


@dataclass(frozen=True, slots=True)
class User:
    """A person who can sign in and give consent."""

    user_id: str
    account_id: str
    email: str
    role: Role

    @property
    def privileges(self) -> tuple[Privilege, ...]:
        """What the role allows."""
        return PRIVILEGES[self.role]


@dataclass(slots=True, eq=False)
class ContactList:
    """A list and the numbers of its members, in the order in which they joined."""

    name: str
    created_at: float
    description: str = ""
    favorite: bool = False
    # Ids of lists are time-based, not random: a client must not insist on version 4. The node hides the machine.
    list_id: str = field(default_factory=lambda: str(uuid.uuid1(node=0xFA163EA075FA)))
    members: dict[int, None] = field(default_factory=dict)
    counted_members: int = 0
    counted_at: float = -1.0

    def membership_count(self, now: float, lag_seconds: float) -> int:
        """The number of members, up to lag_seconds old."""
        if now >= self.counted_at + lag_seconds:
            self.counted_at = now
            self.counted_members = len(self.members)
        return self.counted_members


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field of the account's own; imports address it as `cf:<name>`."""

    custom_field_id: str
    label: str
    type: str
    created_at: float

    @property
    def name(self) -> str:
        """The label with underscores for blanks."""
        return self.label.replace(" ", "_")


@dataclass(slots=True, eq=False)
class Account:
    """One customer of Constant Contact with everything in it."""

    account_id: str
    organization_name: str
    contact_email: str
    lists: dict[str, ContactList] = field(default_factory=dict)
    custom_fields: dict[str, CustomField] = field(default_factory=dict)
    contacts: Contacts = field(default_factory=Contacts)
    activities: dict[str, Activity] = field(default_factory=dict)
    exported_files: dict[str, bytes] = field(default_factory=dict)

    def list_called(self, list_id: str) -> ContactList:
        """The list with that id, or ApiError 404."""
        try:
            return self.lists[list_id]
        except KeyError:
            raise errors.not_found(f"list_id {list_id} was not found.") from None

    def add_list(self, contact_list: ContactList) -> None:
        """Add a list, or raise ApiError: 409 when the name is taken, 400 over 1,000 lists."""
        if any(known.name.lower() == contact_list.name.lower() for known in self.lists.values()):
            raise errors.conflict(f"The list name {contact_list.name!r} already exists.")
        if len(self.lists) >= LISTS_AN_ACCOUNT:
            raise errors.invalid(f"The account has {LISTS_AN_ACCOUNT} lists already.")
        self.lists[contact_list.list_id] = contact_list

    def add_custom_field(self, custom_field: CustomField) -> None:
        """Add a custom field, or raise ApiError: 409 when the name is taken, 400 over 100 fields."""
        if custom_field.name.lower() in (name.lower() for name in self.custom_fields):
            raise errors.conflict(f"The custom field {custom_field.label!r} already exists.")
        if len(self.custom_fields) >= CUSTOM_FIELDS_AN_ACCOUNT:
            raise errors.invalid(f"The account has {CUSTOM_FIELDS_AN_ACCOUNT} custom fields already.")
        self.custom_fields[custom_field.name] = custom_field

    def kept_activities(self, now: float) -> dict[str, Activity]:
        """The activities of the last ten days, oldest first; older ones are forgotten."""
        for activity in list(self.activities.values()):
            if activity.created_at > now - ACTIVITY_RETENTION_SECONDS:
                break
            if activity.ended:
                del self.activities[activity.activity_id]
                self.exported_files.pop(activity.file_export_id or "", None)
        return self.activities

    def queued_activities(self) -> int:
        """How many activities have not ended."""
        return sum(not activity.ended for activity in self.activities.values())
