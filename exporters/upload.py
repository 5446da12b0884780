"""The second step of a run: upload one batch, exactly once.

A batch is claimed in its row before it is sent, so that one worker alone sends it. Whoever finds a claim that has run
out, or gets no clear answer, looks for the batch's file name among Constant Contact's activities before sending again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from exporters.accounts import account_of
from exporters.budget import PARKED, are_used_up
from exporters.constant_contact.client import Account, Activity
from exporters.constant_contact.errors import Refused, Unclear, Unreadable
from exporters.files import RunFiles
from exporters.halving import halve_or_reject, is_about_contacts, send_parts
from exporters.runs import Batch, Run
from exporters.services import Services
from exporters.turns import hand_on
from shared.errors import Conflict, ExportError, Wait
from shared.queues import Message
from shared.tables import Stored

# A claim is made for the time that a request may take, and this much to get it on its way.
_CLAIM_MARGIN = timedelta(seconds=15)
# Sends of one batch whose fate was not clear: after so many (some eight hours) it is not an outage any more but the
# batch itself, and a person has to look.
MOST_UNCLEAR_SENDS = 100
# Hosts are ended now and then; so often in one batch it is the batch.
MOST_CRASHES = 10
_LOOK_AGAIN_SECONDS = 10


def upload(services: Services, message: Message) -> None:
    """Upload the batch that the message names. Repeating it sends nothing twice.

    Raises:
        Wait: another worker has the batch, an earlier attempt is not clear yet, or a limit is reached.
        ExportError: Constant Contact is away, or it or Key Vault refuses in a way that concerns the whole run.
    """
    run = services.runs.get(message.export_id, message.run_id)
    stored = services.runs.batch(message.run_id, message.batch or "")
    if not run.prepared or stored is None:
        return
    if stored.value.state == "split":
        # Whoever split it may have died before the messages for its parts were sent.
        send_parts(services, run, stored.value)
    elif stored.value.to_be_sent:
        with account_of(services, run) as account:
            if stored.value.state == "sending":
                stored = settle(services, stored, account)
            if stored.value.state == "pending" and not run.stop:
                _send(services, run, stored, account)
    if not run.stop:
        # Also when another worker had uploaded it: that one may have died before it came to this line.
        hand_on(services, run, stored.value)


def settle(services: Services, stored: Stored[Batch], account: Account) -> Stored[Batch]:
    """Find out what became of an earlier attempt: uploaded, or certainly not taken and so pending again.

    Raises:
        Wait: it is too early to be certain.
    """
    batch, now = stored.value, services.now()
    if batch.claimed_until and now < batch.claimed_until:
        seconds = (batch.claimed_until - now).total_seconds()
        why = f"batch {batch.label} is being sent by another worker"
        raise Wait(min(seconds, _LOOK_AGAIN_SECONDS), why, "other_worker")
    activity = account.find_import(batch.file_name)
    if activity:
        return _uploaded(services, stored, activity)
    if batch.unclear_until and now < batch.unclear_until:
        seconds = (batch.unclear_until - now).total_seconds()
        why = f"whether Constant Contact took batch {batch.label} is unclear"
        raise Wait(min(seconds, _LOOK_AGAIN_SECONDS), why, "unclear")
    if batch.unclear_sends >= MOST_UNCLEAR_SENDS:
        why = f"whether Constant Contact took batch {batch.label} is not clear, so it was not sent again"
        return _write(services, stored, state="failed", error=f"{why} ({batch.error})" if batch.error else why)
    # A worker that was alive would have said what came of its claim.
    crashes = batch.crashes + (batch.claimed_until is not None)
    if crashes >= MOST_CRASHES:
        why = f"The app stopped each of {crashes} times that it sent batch {batch.label}; its log says why"
        return _write(services, stored, state="failed", error=why)
    return _write(services, stored, state="pending", claimed_until=None, unclear_until=None, crashes=crashes)


def _send(services: Services, run: Run, stored: Stored[Batch], account: Account) -> None:
    content = RunFiles(services.files, run.run_id).batch(stored.value)
    # A worker that is held up must not send when its claim has nearly run out.
    send_by = services.now() + _CLAIM_MARGIN
    stored = _claim(services, stored)
    batch = stored.value
    now = services.runs.get(run.export_id, run.run_id)
    if now.stop or not now.prepared:
        # The run was stopped or ended before this worker had claimed the batch.
        _release(services, stored)
        return
    try:
        activity = account.import_file(run.list_id, batch.file_name, content, send_by=send_by)
    except Unclear as error:
        # A gateway's 504 may come long before the service has taken the file: every such answer is waited out alike.
        until = services.now() + _seconds(services.settings.unclear_upload_seconds)
        # Taken, but the answer could not be read: it is looked for, and never sent again.
        sends = MOST_UNCLEAR_SENDS if isinstance(error, Unreadable) else batch.unclear_sends + 1
        _write(services, stored, claimed_until=None, unclear_until=until, unclear_sends=sends, error=str(error))
        raise
    except Refused as error:
        if not is_about_contacts(error):
            _release(services, stored)
            raise
        halve_or_reject(services, run, stored, error)
    except (Wait, ExportError) as error:
        # Everything else is raised before the request leaves, or says that it was not processed.
        _release(services, stored)
        if are_used_up(error):
            services.runs.change(run, lambda r: None if r.notice else r.model_copy(update={"notice": PARKED}))
        raise
    else:
        _uploaded(services, stored, activity)


def _claim(services: Services, stored: Stored[Batch]) -> Stored[Batch]:
    """Write down that this worker, and no other, is about to send the batch."""
    settings = services.settings
    # Sending the file and waiting for the answer may each take the time-out.
    claimed_until: datetime = services.now() + _seconds(2 * settings.request_timeout_seconds) + _CLAIM_MARGIN
    claim = {
        "state": "sending",
        "claimed_until": claimed_until,
        # If this worker dies, nothing can arrive later than this.
        "unclear_until": claimed_until + _seconds(settings.unclear_upload_seconds),
    }
    try:
        return services.runs.write_batch(stored.value.model_copy(update=claim), stored.etag)
    except Conflict as error:
        raise Wait(1, f"batch {stored.value.label} was taken by another worker", "other_worker") from error


def _release(services: Services, stored: Stored[Batch]) -> Stored[Batch]:
    """Constant Contact certainly does not have the batch: whoever comes next may send it."""
    return _write(services, stored, state="pending", claimed_until=None, unclear_until=None)


def _uploaded(services: Services, stored: Stored[Batch], activity: Activity) -> Stored[Batch]:
    return _write(
        services,
        stored,
        state="uploaded",
        activity_id=activity.activity_id,
        claimed_until=None,
        unclear_until=None,
        error=None,
    )


def _write(services: Services, stored: Stored[Batch], **update: object) -> Stored[Batch]:
    return services.runs.write_batch(stored.value.model_copy(update=update), stored.etag)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
