"""The last step of a run: follow its activities until all have ended, then end the run.

One message a run, hidden for a growing delay; one page of Constant Contact's activities tells the state of many.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from exporters.accounts import account_of
from exporters.afterwards import afterwards
from exporters.batches import Place, place_of_line
from exporters.budget import FIRST_LOOKS, LONGEST_PAUSE_SECONDS, delay, delay_when_short, runs_under_way
from exporters.constant_contact.client import Account, Activity
from exporters.constant_contact.errors import Refused
from exporters.constant_contact.limits import seconds_to_new_day
from exporters.constant_contact.their_words import NO_LONGER_KNOWN, line_of, without_line
from exporters.ending import end_overdue, end_run, is_at_rest, is_overdue
from exporters.files import RejectedRow, RunFiles
from exporters.runs import Batch, Run
from exporters.services import Services
from exporters.turns import show_whether_all_sent
from exporters.upload import settle
from shared.queues import ACTIVITIES, Message
from shared.tables import Stored

_ERRORS_SHOWN = 5


def follow(services: Services, message: Message) -> None:
    """Look at the run's activities once; end the run, or come back later.

    Raises:
        Wait: a service is away or a limit is reached.
        ConstantContactError: the grant is broken or the service refuses.
    """
    run = services.runs.get(message.export_id, message.run_id)
    if not run.ended:
        if not run.prepared:
            return  # A message from before its time; when the batches are there, the run gets one of its own.
        batches, short = services.runs.batches(run.run_id), False
        if run.stop or is_overdue(services, run):
            batches = _clear_up(services, run, batches)
        if any(stored.value.state == "uploaded" for stored in batches):
            batches, short = _look(services, run, batches)
        if is_at_rest(run, [stored.value for stored in batches]):
            run = end_run(services, run)
        elif ended := end_overdue(services, run):
            run = ended
        else:
            show_whether_all_sent(services, run, batches)
            again = message.model_copy(update={"turn": message.turn + 1})
            pause = _pause(services, run, batches, message.turn, short=short)
            _say_when(services, run, batches, pause)
            services.queues.send(ACTIVITIES, again, after_seconds=pause)
            return
    afterwards(services, run)


def _pause(services: Services, run: Run, batches: list[Stored[Batch]], turn: int, *, short: bool) -> float:
    """Seconds until the next look; `short`: only the calls that are kept for following are left today.

    While nothing is under way, nothing is to be seen before the run's wait is over.
    """
    if run.waiting_until and not _is_under_way(batches):
        rest = (run.waiting_until - services.now()).total_seconds()
        return max(delay(turn), min(rest, LONGEST_PAUSE_SECONDS))
    if turn < FIRST_LOOKS and not short:
        return delay(turn)
    runs = len(runs_under_way(services))
    pause = delay(turn, runs)
    if short:
        pause = min(delay_when_short(runs), seconds_to_new_day(services.now().timestamp()))
    return pause


def _is_under_way(batches: list[Stored[Batch]]) -> bool:
    """Whether Constant Contact has a batch, or may have one."""
    return any(stored.value.state in ("sending", "uploaded") for stored in batches)


def _say_when(services: Services, run: Run, batches: list[Stored[Batch]], pause: float) -> None:
    """The run says when it is looked at next; one that is silent for long says why, and is not taken for lost."""
    at = services.now() + timedelta(seconds=pause)
    said: dict[str, object] = {"next_look_at": at}
    if pause >= LONGEST_PAUSE_SECONDS and _is_under_way(batches):
        why = f"to save the day's calls, Constant Contact's answer is looked for every {round(pause / 60)} minutes"
        said |= {"waiting": why, "waiting_until": at}
    services.runs.change(run, lambda r: r.model_copy(update=said))


def _clear_up(services: Services, run: Run, batches: list[Stored[Batch]]) -> list[Stored[Batch]]:
    """In a run that is to end, nobody else may be left to find out what became of a batch that was being sent."""
    if not any(_is_left_unclear(stored.value, services.now()) for stored in batches):
        return batches
    with account_of(services, run) as account:
        return [
            settle(services, stored, account) if _is_left_unclear(stored.value, services.now()) else stored
            for stored in batches
        ]


def _is_left_unclear(batch: Batch, now: datetime) -> bool:
    return batch.state == "sending" and (batch.unclear_until is None or now >= batch.unclear_until)


def _look(services: Services, run: Run, batches: list[Stored[Batch]]) -> tuple[list[Stored[Batch]], bool]:
    """The batches, with what Constant Contact says of them now, and whether calls are left for following alone."""
    wanted = {stored.value.activity_id for stored in batches if stored.value.state == "uploaded"}
    found: dict[str, Activity] = {}
    with account_of(services, run) as account:
        for activity in account.activities():
            if activity.activity_id in wanted:
                found[activity.activity_id] = activity
            if len(found) == len(wanted):
                break
        updated = [_update(services, run, stored, found, account) for stored in batches]
        return updated, account.imports_left_today() == 0


def _update(
    services: Services, run: Run, stored: Stored[Batch], found: dict[str, Activity], account: Account
) -> Stored[Batch]:
    batch = stored.value
    if batch.state != "uploaded" or batch.activity_id is None:
        return stored
    activity = found.get(batch.activity_id) or _one_by_one(account, batch.activity_id)
    changed = _result(batch, activity)
    if changed.rejected:
        _write_refused(services, run, changed, activity)
    return stored if changed == batch else services.runs.write_batch(changed, stored.etag)


def _one_by_one(account: Account, activity_id: str) -> Activity:
    """An activity that the listing does not have."""
    try:
        return account.activity(activity_id)
    except Refused as error:
        if error.status == 404:
            return Activity(activity_id=activity_id, state="failed", activity_errors=(NO_LONGER_KNOWN,))
        raise


def _result(batch: Batch, activity: Activity) -> Batch:
    """What the activity says of the batch."""
    if not activity.ended:
        return batch.model_copy(update={"percent_done": round(activity.percent_done or 0)})
    if activity.state != "completed":
        reasons = "; ".join(list(dict.fromkeys(activity.activity_errors))[:_ERRORS_SHOWN])
        text = f"Constant Contact ended the import of batch {batch.label} as “{activity.state}”"
        return batch.model_copy(update={"state": "failed", "error": f"{text}: {reasons}" if reasons else text})
    status = activity.status
    # The total counts the header row; rows beyond it were dropped without a word.
    counted = status.items_total_count - 1 if status.items_total_count else batch.contacts
    dropped = max(0, batch.contacts - counted)
    # A row that could be corrected in the web site was not imported either.
    rejected = min(status.error_count + status.correctable_count, batch.contacts - dropped)
    return batch.model_copy(
        update={
            "state": "completed",
            "percent_done": 100,
            "rejected": rejected,
            "not_added": min(status.cannot_add_to_list_count, batch.contacts - dropped - rejected),
            "dropped": dropped,
        }
    )


def _place(error: str, batch: Batch, places: bytes) -> Place | None:
    """The place of the row that an error names, if it is one of the batch's; the header is line 1."""
    number = line_of(error) or 0
    return place_of_line(places, number + batch.first) if 1 < number <= batch.contacts + 1 else None


def _write_refused(services: Services, run: Run, batch: Batch, activity: Activity) -> None:
    """Name the rows that Constant Contact refused, as far as it does: its list of errors may be cut short."""
    files = RunFiles(services.files, run.run_id)
    plan, places = files.plan(), files.places(batch.number)
    if plan is None:
        return
    unnamed = batch.rejected
    with files.rejected_by_constant_contact(batch.name) as rejected:
        for text in activity.activity_errors:
            place = _place(text, batch, places)
            if place is None or unnamed == 0:
                continue
            reason = f"Constant Contact: {without_line(text)}"
            rejected.add(plan.rejected(place, "constant_contact", reason))
            unnamed -= 1
        for _ in range(unnamed):
            reason = f"Constant Contact refused a contact of batch {batch.label} and did not say which"
            rejected.add(RejectedRow("", "", None, "constant_contact", reason))
