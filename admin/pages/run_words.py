"""The words for runs: statuses, stages, where profiles went, what went wrong. Each is a message to be translated."""

from __future__ import annotations

from collections.abc import Mapping

from admin.pages.words import message
from exporters.problem_codes import ProblemCode
from exporters.runs import GOOD, BatchState, Run, Status
from exporters.start import BY_EVENT, BY_SCHEDULE, BY_TIMER

STATUSES: Mapping[Status, str] = {
    "queued": message("Queued"),
    "preparing": message("Preparing"),
    "uploading": message("Uploading"),
    "finishing": message("Finishing"),
    "successful": message("Successful"),
    "completed_with_warnings": message("Completed with warnings"),
    "failed": message("Failed"),
    "canceled": message("Canceled"),
    "timed_out": message("Timed out"),
    "up_to_date": message("Up to date"),
}

STATUS_KINDS: Mapping[Status, tuple[str, str]] = {
    "queued": ("busy", "queued"),
    "preparing": ("busy", "runs"),
    "uploading": ("busy", "runs"),
    "finishing": ("busy", "runs"),
    "successful": ("good", "ok"),
    "completed_with_warnings": ("warn", "warning"),
    "failed": ("bad", "error"),
    "canceled": ("quiet", "off"),
    "timed_out": ("bad", "error"),
    "up_to_date": ("quiet", "check"),
}
"""The kind of a status (the macro `status` of lists.html), and its icon."""

FILTERS: Mapping[str, tuple[str, frozenset[Status]]] = {
    "running": (message("Under way"), frozenset({"queued", "preparing", "uploading", "finishing"})),
    "successful": (STATUSES["successful"], frozenset({"successful"})),
    "warnings": (STATUSES["completed_with_warnings"], frozenset({"completed_with_warnings"})),
    "failed": (STATUSES["failed"], frozenset({"failed", "timed_out"})),
    "canceled": (STATUSES["canceled"], frozenset({"canceled"})),
    "up_to_date": (STATUSES["up_to_date"], frozenset({"up_to_date"})),
}
"""The filters of the list of all runs, by what stands for them in the address."""

STARTED_BY: Mapping[str, str] = {
    BY_TIMER: message("Refresh"),
    BY_EVENT: message("New snapshot"),
    BY_SCHEDULE: message("Schedule"),
}
"""What started a run that no person started, by what is kept of it."""

ENDS: Mapping[Status, str] = {
    "successful": message("Every profile that can be a contact was sent."),
    "completed_with_warnings": message(
        "The run went through. Some profiles were not sent, or there is something to look at."
    ),
    "failed": message("The run failed. What Constant Contact had taken before stays there."),
    "canceled": message("The run was canceled. What Constant Contact had taken before stays there."),
    "timed_out": message("The run took longer than it may. What Constant Contact had taken before stays there."),
    "up_to_date": message("Nothing was sent: every snapshot had been exported before."),
}
"""What an end means, in a sentence under the title."""

ENDS_WITH_NOTHING: Mapping[Status, str] = {
    "failed": message("The run failed. Nothing was sent."),
    "canceled": message("The run was canceled. Nothing was sent."),
    "timed_out": message("The run took longer than it may. Nothing was sent."),
}
"""The same for a run that had not sent anything."""

STAGES: Mapping[str, str] = {
    "prepare": message("Prepare"),
    "upload": message("Upload"),
    "constant_contact": message("Constant Contact"),
    "done": message("Done"),
}

STAGE_STATES: Mapping[str, str] = {
    "to_come": message("to come"),
    "now": message("under way"),
    "done": message("done"),
    "stopped": message("stopped here"),
    "not_reached": message("not reached"),
}

PLACES: Mapping[str, tuple[str, str]] = {
    "sent": (
        message("Sent, and on the list"),
        message("Constant Contact has taken them, and they are on the list."),
    ),
    "not_added": (
        message("Sent, but unsubscribed"),
        message("Not added to the list: they have unsubscribed at Constant Contact, and nobody is subscribed again."),
    ),
    "duplicate": (message("Duplicates"), message("An earlier profile has the same address.")),
    "rejected_by_us": (
        message("Rejected before sending"),
        message("They cannot be a contact; the rejected rows say why."),
    ),
    "rejected_by_them": (
        message("Rejected by Constant Contact"),
        message("Constant Contact refused them one by one."),
    ),
    "not_sent": (message("Not sent"), message("Prepared, but not delivered when the run ended.")),
}
"""Where profiles go: a name and what it means."""

_STILL_TO_BE_SENT = (message("Still to be sent"), message("Prepared, and not yet taken by Constant Contact."))
_AT_CONSTANT_CONTACT = (message("Sent"), message("Constant Contact has taken them and works on them."))
_NOT_REPORTED = (message("Sent"), message("Constant Contact had taken them by then."))


def places(run: Run) -> Mapping[str, tuple[str, str]]:
    """`PLACES` as they are to be called for this run: before its end, and where not all of it went through."""
    if not run.ended:
        return {**PLACES, "sent": _AT_CONSTANT_CONTACT, "not_sent": _STILL_TO_BE_SENT}
    return PLACES if run.status in GOOD else {**PLACES, "sent": _NOT_REPORTED}


BATCH_STATES: Mapping[BatchState, str] = {
    "pending": message("Waiting"),
    "sending": message("Being sent"),
    "uploaded": message("At Constant Contact"),
    "completed": message("Completed"),
    "failed": message("Failed"),
    "split": message("Sent in parts"),
}

BATCH_KINDS: Mapping[BatchState, tuple[str, str]] = {
    "pending": ("quiet", "queued"),
    "sending": ("busy", "runs"),
    "uploaded": ("busy", "runs"),
    "completed": ("good", "ok"),
    "failed": ("bad", "error"),
    "split": ("quiet", "info"),
}

WAITS: Mapping[Status, str] = {
    "queued": message("The run waits for its turn."),
    "preparing": message("The run waits before it goes on preparing."),
    "uploading": message("The run waits before it sends the next batch."),
    "finishing": message("Constant Contact works on the contacts. The app looks again by itself."),
}

COLUMNS = (message("Segment"), message("Partition"), message("Line"), message("Code"), message("Reason"))
"""The header of the file of rejected rows."""

CANCELED_ALREADY = message("The run has ended meanwhile, so there was nothing left to cancel.")
CANCELED_TOO_LATE = message("Nothing more of this run will be sent, so there was nothing left to cancel.")

PROBLEMS: Mapping[ProblemCode, tuple[str, str]] = {
    "sign_in_again": (
        message("Constant Contact does not accept the connection any more"),
        message("Sign the connection in again, then run the export again."),
    ),
    "app_not_accepted": (
        message("Constant Contact does not accept the app itself"),
        message("An operator has to correct its client id or its client secret. To sign in again does not help."),
    ),
    "key_vault": (
        message("Key Vault did not let the app do what it had to"),
        message("An operator has to give the app the right that the details name. Then run the export again."),
    ),
    "no_consent": (
        message("Nobody has given consent for the connection"),
        message("An administrator has to agree to data privacy and compliance, then run the export again."),
    ),
    "no_connection": (
        message("The export has no connection that works"),
        message("Give the export a connection that is signed in, then run it again."),
    ),
    "no_snapshot": (
        message("There is no snapshot of a segment"),
        message("Refresh the segment, or check its name in the export."),
    ),
    "broken_snapshot": (
        message("A snapshot cannot be read"),
        message("Refresh the segment. If it happens again, look at the files that the details name."),
    ),
    "snapshots_refused": (
        message("The storage account does not show the app the snapshots"),
        message(
            "An operator has to check that the container exists and the app may read it. Then run the export again."
        ),
    ),
    "empty_segment": (
        message("A segment holds no profile"),
        message("Check the segment and refresh it, or take it out of the export."),
    ),
    "too_many": (
        message("The export has more contacts than Constant Contact takes at once"),
        message("Spread the segments over several exports."),
    ),
    "list_missing": (
        message("The list does not exist in the account"),
        message("Choose another list in the export, then run it again."),
    ),
    "column_missing": (
        message("A column that the export needs is not in the segment"),
        message("Correct the data matching of the export, then run it again."),
    ),
    "all_rejected": (
        message("No profile can be a contact"),
        message("Check that the right column is matched to the e-mail address. The rejected rows say what is wrong."),
    ),
    "refused": (
        message("Constant Contact refused what was sent"),
        message("Read what it answered, put right what it names, then run the export again."),
    ),
    "quota": (
        message("The calls to Constant Contact are used up"),
        message("They begin anew at 00:00 UTC. Run the export again then."),
    ),
    "time_limit": (
        message("The run took longer than its time limit"),
        message("What Constant Contact has taken stays there. Run the export again."),
    ),
    "storage": (
        message("The storage account does not answer"),
        message("Run the export again. If it happens again, an administrator should look at the storage account."),
    ),
    "constant_contact": (
        message("Constant Contact did not do what was asked"),
        message("Read what it answered. Run the export again; if it happens again, ask Constant Contact's support."),
    ),
    "unknown": (
        message("The run stopped for a reason that the app does not know"),
        message("Run the export again. If it happens again, the log of the app says what went wrong."),
    ),
}
"""Why a run failed: in a line, and what to do about it."""
