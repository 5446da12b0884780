"""The words of the help page for what can go wrong, beside those that the pages themselves use for it."""

from __future__ import annotations

from collections.abc import Mapping

from admin.pages.words import message
from exporters.problem_codes import ProblemCode
from shared.models import ConnectionState

WHOEVER_MAKES_EXPORTS = message("whoever makes exports")
ADMINISTRATOR = message("an administrator")
OPERATOR = message("an operator, who looks after the app in Azure")

RUN_PROBLEMS: Mapping[ProblemCode, tuple[str, str]] = {
    "sign_in_again": (
        message(
            "The connection says why: the sign-in was withdrawn, was not used for long, or is gone from Key Vault. All "
            "exports of the connection fail until somebody signs in; what was sent before stays where it is."
        ),
        ADMINISTRATOR,
    ),
    "app_not_accepted": (
        message(
            "Constant Contact knows the app by its client id, an app setting, and its client secret, a secret in Key "
            "Vault. One of them is wrong, or the app was deleted in the developer portal. No connection works until "
            "that is put right."
        ),
        OPERATOR,
    ),
    "key_vault": (
        message(
            "Key Vault keeps the sign-ins of the connections. The app needs the role Key Vault Secrets Officer there, "
            "and its secrets must be neither disabled nor deleted. No connection works until that is put right."
        ),
        OPERATOR,
    ),
    "no_consent": (
        message(
            "Profiles are personal data. They leave only after an administrator has agreed to it for the connection, "
            "which is part of signing in. Nothing was sent."
        ),
        ADMINISTRATOR,
    ),
    "no_connection": (
        message(
            "Its connection was removed, was detached, or was signed in to another account after the run had begun. "
            "The export keeps all its other settings."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "no_snapshot": (
        message(
            "A snapshot is what a refresh of a segment leaves in the storage account. There is none under the name "
            "that the export has; the details name the segments that were found. Nothing was sent."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "broken_snapshot": (
        message(
            "Its files are cut short, do not fit together, or are not what they seem to be. Nothing of them is "
            "guessed, so nothing was sent."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "snapshots_refused": (
        message(
            "The container with the segments does not exist, or the app has no right to read it: it needs the role "
            "Storage Blob Data Reader there. Nothing was sent."
        ),
        OPERATOR,
    ),
    "empty_segment": (
        message(
            "That is more often a refresh that went wrong than a wish, so the run stops before anything is sent. "
            "Contacts that are on the list stay on it."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "too_many": (
        message(
            "An export may send 1,000,000 contacts. They are counted before the first one is sent, so nothing was sent."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "list_missing": (
        message(
            "It was deleted at Constant Contact, or it belongs to another account than the one that the connection is "
            "signed in to. Nothing was sent."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "column_missing": (
        message(
            "The segment has lost the column or calls it something else now, or nothing says what its columns are "
            "called. The details name what was found. Nothing was sent."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "all_rejected": (
        message("Every single row was rejected, which is hardly ever right. Nothing was sent."),
        WHOEVER_MAKES_EXPORTS,
    ),
    "refused": (
        message(
            "It answered that the request cannot be taken as it is, now or later. Batches that it had taken before "
            "stay there; the others count as not sent."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "quota": (
        message(
            "Constant Contact allows 10,000 calls a day to all exports together. A run waits for the next day by "
            "itself; this one came to its time limit before. Exports with fewer or smaller segments need fewer calls."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "time_limit": (
        message(
            "A run ends by itself when it takes longer than its limit, which is 48 hours unless an operator has chosen "
            "another one. What had not been delivered by then counts as not sent."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "storage": (
        message(
            "The run waited for the storage account until its time limit was over. Profiles that had not been "
            "delivered by then count as not sent."
        ),
        OPERATOR,
    ),
    "constant_contact": (
        message(
            "Constant Contact had a batch and did not import it, or gave an answer that makes no sense. What it had "
            "imported before stays there; the rest counts as not sent or as rejected by Constant Contact."
        ),
        WHOEVER_MAKES_EXPORTS,
    ),
    "unknown": (
        message(
            "A step failed again and again. The log of the app has it under the id of the run, which stands at the end "
            "of the run's page."
        ),
        OPERATOR,
    ),
}
"""More about why a run failed: what it means, and who can put it right."""

CONNECTION_STATES: Mapping[ConnectionState, tuple[str, str, str]] = {
    "not_connected": (
        message("Nobody has signed in yet"),
        message("Open the connection and choose Connect. Exports that use it fail until then."),
        ADMINISTRATOR,
    ),
    "removal_begun": (
        message("A removal was begun and not finished"),
        message(
            "Its sign-in may be deleted already, so exports do not use it. Remove it again, or sign in again to keep "
            "it."
        ),
        ADMINISTRATOR,
    ),
}
"""What a connection needs that cannot be used; that it has to be signed in to again is a problem of runs too."""

CONNECTING = (
    message("A sign-in to Constant Contact does not go through"),
    message(
        "Nothing was saved, so nothing is lost: a connection that worked before still works. The panel says which it "
        "is:"
    ),
)
"""What may go wrong on the way to Constant Contact and back."""
