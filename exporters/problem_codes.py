"""Why a run failed, as a code that pages and the API translate; the sentence on the run is in English."""

from __future__ import annotations

from typing import Literal

from exporters.constant_contact.errors import AppNotAccepted, ConstantContactError, QuotaExceeded, Refused, SignInAgain
from exporters.constant_contact.limits import USED_UP
from exporters.errors import (
    AllRejected,
    EmptySegment,
    ListMissing,
    NoConnection,
    NoConsent,
    NoSnapshot,
    OtherAccount,
    TooManyContacts,
)
from shared.errors import NotFound
from shared.secrets import KeyVaultRefused
from shared.snapshots.errors import ColumnMissing, HeaderUnclear, NoProfiles, SnapshotError, SnapshotsRefused

ProblemCode = Literal[
    "sign_in_again",
    "app_not_accepted",
    "key_vault",
    "no_consent",
    "no_connection",
    "no_snapshot",
    "broken_snapshot",
    "snapshots_refused",
    "empty_segment",
    "too_many",
    "list_missing",
    "column_missing",
    "all_rejected",
    "refused",
    "quota",
    "time_limit",
    "storage",
    "constant_contact",
    "unknown",
]

# What a run says that it waits for while a storage account is away.
STORAGE_AWAY = "the storage account does not answer"

# The first that fits counts, so a kind of error stands before what it is a kind of.
_CODES: tuple[tuple[type[Exception], ProblemCode], ...] = (
    (AppNotAccepted, "app_not_accepted"),
    (SignInAgain, "sign_in_again"),
    (NotFound, "no_connection"),
    (NoConnection, "no_connection"),
    (NoConsent, "no_consent"),
    (OtherAccount, "no_connection"),
    (NoSnapshot, "no_snapshot"),
    (NoProfiles, "empty_segment"),
    (EmptySegment, "empty_segment"),
    (AllRejected, "all_rejected"),
    (ColumnMissing, "column_missing"),
    (HeaderUnclear, "column_missing"),
    (SnapshotsRefused, "snapshots_refused"),
    (SnapshotError, "broken_snapshot"),
    (TooManyContacts, "too_many"),
    (ListMissing, "list_missing"),
    (Refused, "refused"),
    (QuotaExceeded, "quota"),
    (ConstantContactError, "constant_contact"),
    (KeyVaultRefused, "key_vault"),
)


def problem_of(error: Exception) -> ProblemCode:
    """The code of an error that ended a run."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), "unknown")


def problem_of_waiting(waiting: str | None) -> ProblemCode:
    """The code of a run that took longer than it may, by what it was waiting for."""
    if waiting == USED_UP:
        return "quota"
    return "storage" if waiting == STORAGE_AWAY else "time_limit"
