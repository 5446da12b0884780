"""What is wrong with an export, or with what it is made from, when it cannot run as it stands.

ExportError
├── Invalid
│   ├── NoConnection       it has no connection
│   ├── NoConsent          nobody has agreed to the transfer of personal data
│   ├── OtherAccount       the connection was signed in to another account meanwhile
│   ├── NoSnapshot         a segment has no snapshot
│   └── ListMissing        the account has no list of this id
├── EmptySegment           a segment holds no profile
├── AllRejected            there are profiles, and none of them can be a contact
├── TooManyContacts        more contacts than an export may have
└── StepFailed             a step failed again and again, for a reason that only the log knows
"""

from __future__ import annotations

from shared.errors import ExportError, Invalid


class NoConnection(Invalid):
    """The export has no connection."""


class NoConsent(Invalid):
    """Nobody has agreed to the transfer of personal data through the export's connection."""


class OtherAccount(Invalid):
    """The connection was signed in to another account than the one that the run began with."""


class NoSnapshot(Invalid):
    """There is no snapshot of a segment."""


class ListMissing(Invalid):
    """The list does not exist in the account of the export's connection."""


class EmptySegment(ExportError):
    """A segment holds no profile at all, which is more often a broken refresh than a wish."""


class AllRejected(ExportError):
    """There are profiles, and none of them can be a contact."""

    def __init__(self, profiles: int) -> None:
        super().__init__(
            f"None of the {profiles:,} profiles can be a contact. Check that the right column is matched to the "
            "e-mail address; the rejected rows say what is wrong with each."
        )


class TooManyContacts(ExportError):
    """More contacts than an export may have."""


class StepFailed(ExportError):
    """A step of a run failed as often as the host tries, with an error that nobody foresaw."""
