"""Tells of an export that has failed, and of one that works again: in the log and, where wanted, to a web address.

Nothing is told of a run that was canceled, nor of a success that follows a success. A run that found nothing new shows
that an export works again only where a snapshot had made it fail: that one is not there any more.

What is posted is signed after the Standard Webhooks specification (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import binascii
import logging
from datetime import datetime
from http import HTTPStatus
from typing import Literal

import requests
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict, ValidationError
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from exporters.constant_contact.session import timed_session
from exporters.problem_codes import ProblemCode
from exporters.runs import GOOD, Counts, Run, Slot, Status, Trigger
from exporters.services import Services
from shared import telemetry
from shared.errors import ExportError, NotFound, Wait
from shared.queues import NOTIFICATIONS, Message

SECRET_NAME = "notification-secret"  # noqa: S105 - the name of a secret, not one

events = logging.getLogger("exporters.events")
log = logging.getLogger(__name__)

EndOfRun = Literal["export.failed", "export.recovered"]
_FAILED: frozenset[Status] = frozenset({"failed", "timed_out"})
# What lies in the snapshot.
_OF_SNAPSHOTS: frozenset[ProblemCode] = frozenset(
    {"no_snapshot", "broken_snapshot", "empty_segment", "column_missing", "all_rejected", "too_many"}
)

# Until a delivery is tried again; together a day.
_PAUSES = (5, 60, 300, 1_800, 7_200, 18_000, 25_200, 32_400)
_TIME_LIMITS_SECONDS = (5, 15)
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class NotificationData(BaseModel):
    """What happened to which export: ids, names and figures, and nothing of a person."""

    model_config = ConfigDict(frozen=True)

    export_id: str
    export_name: str
    run_id: str
    run_url: str
    status: Status
    trigger: Trigger
    problem: ProblemCode | None
    created_at: datetime
    ended_at: datetime | None
    connection_id: str
    connection_name: str | None
    list_id: str
    list_name: str | None
    segments: tuple[str, ...]
    counts: Counts


class Notification(BaseModel):
    """What is posted; `timestamp` is when it happened."""

    model_config = ConfigDict(frozen=True)

    type: EndOfRun
    timestamp: datetime
    data: NotificationData


class _Undelivered(Exception):
    """The receiver does not have it; the message says why. `for_good` if it never will."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


def ended(services: Services, run: Run) -> None:
    """Tell of the end of a run, if it is one to tell of; safe to repeat.

    A run is told of at least once, and none after a newer one; the slot remembers of which. When its worker dies before
    it does, the next one says and sends the same again, the message with the same id. Raises what a storage raises that
    is away: then it is to be called again.
    """

    def is_news(slot: Slot) -> bool:
        if slot.told_of is not None and run.run_id <= slot.told_of:
            return False
        return run.status in _FAILED or (slot.failing and _is_recovery(services, run, slot))

    if not is_news(services.runs.slot(run.export_id).value):
        return
    _log(services, run)
    if services.settings.notification_web_address:
        services.queues.send(NOTIFICATIONS, run.message())
    # Last: what the slot says was told is not told again.
    services.runs.change_slot(run.export_id, only_if=is_news, told_of=run.run_id, failing=run.status in _FAILED)


def _is_recovery(services: Services, run: Run, slot: Slot) -> bool:
    if run.status != "up_to_date":
        return run.status in GOOD
    try:
        failed = services.runs.get(run.export_id, slot.told_of or "")
    except NotFound:
        return False
    return failed.problem in _OF_SNAPSHOTS


def deliver(services: Services, body: str | bytes) -> None:
    """Post the notification of a message; if it cannot be delivered for now, put the message back.

    The receiver may get one twice, with the same id. Whatever goes wrong, the run has ended and stays as it is.
    """
    message = Message.model_validate_json(body)
    with telemetry.work("export.notify", message.trace, run_id=message.run_id, export_id=message.export_id):
        _deliver(services, message)


def _deliver(services: Services, message: Message) -> None:
    run = services.runs.get(message.export_id, message.run_id)
    try:
        _post(services, run)
    except _Undelivered as error:
        telemetry.failed(trace.get_current_span(), "undelivered")
        # Its address is in no log: those of some services are secrets.
        if error.for_good or message.turn >= len(_PAUSES):
            log.error("run %s: its notification was given up: %s", run.run_id, error)
            return
        pause = _PAUSES[message.turn]
        log.warning("run %s: its notification is tried again in %d s: %s", run.run_id, pause, error)
        later = message.model_copy(update={"turn": message.turn + 1})
        services.queues.send(NOTIFICATIONS, later, after_seconds=pause)


def give_up(body: str | bytes) -> None:
    """A message failed as often as the host tries: say so."""
    try:
        message = Message.model_validate_json(body)
    except ValidationError:
        log.error("a message in %s-poison is not one of ours; it was dropped", NOTIFICATIONS)
        return
    with telemetry.work("export.give_up", message.trace, run_id=message.run_id, export_id=message.export_id) as span:
        telemetry.failed(span, "undelivered")
        log.error("run %s: its notification was given up: it failed again and again", message.run_id)


def event_of(run: Run) -> EndOfRun:
    """What the end of a run that is told of means for its export."""
    return "export.failed" if run.status in _FAILED else "export.recovered"


def notification(services: Services, run: Run) -> Notification:
    """What is told of a run that has ended; the same whenever it is asked for."""
    named = set(NotificationData.model_fields) - {"run_url"}
    data = NotificationData(**run.model_dump(include=named), run_url=_address_of(services, run))
    return Notification(type=event_of(run), timestamp=run.ended_at or run.created_at, data=data)


def _address_of(services: Services, run: Run) -> str:
    return f"{services.settings.site_address}/exports/{run.export_id}/runs/{run.run_id}"


def _log(services: Services, run: Run) -> None:
    """One line, and its facts as fields: what an alert is made from. Names that people gave stay out of the log."""
    event = event_of(run)
    telemetry.tell(
        events,
        event,
        logging.ERROR if run.status in _FAILED else logging.INFO,
        "%s: export %s, run %s, %s",
        event,
        run.export_id,
        run.run_id,
        run.status,
        export_id=run.export_id,
        run_id=run.run_id,
        connection_id=run.connection_id,
        status=run.status,
        problem=run.problem,
        trigger=run.trigger,
        run_url=_address_of(services, run),
        **{f"profiles_{name}": getattr(run.counts, name) for name in ("read", "sent", "rejected", "not_sent")},
    )


def _post(services: Services, run: Run) -> None:
    address = services.settings.notification_web_address
    if not address:
        raise _Undelivered("the setting NOTIFICATION_WEB_ADDRESS is empty", for_good=True)
    content = notification(services, run).model_dump_json()
    # The same for every try, so that the receiver can tell; a full stop in it would spoil what is signed.
    event_id = f"{run.run_id}-{event_of(run).partition('.')[2]}"
    at = services.now().replace(microsecond=0)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "segment-exports",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": _key(services).sign(event_id, at, content),
    }
    try:
        with (
            timed_session() as session,
            session.post(
                address,
                data=content.encode(),
                headers=headers,
                timeout=_TIME_LIMITS_SECONDS,
                allow_redirects=False,
                stream=True,  # What it says is not read: the status is the answer.
            ) as answer,
        ):
            status = answer.status_code
    except requests.RequestException as error:
        raise _Undelivered(f"no answer ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise _Undelivered(f"HTTP {status}", for_good=status < 500 and status not in _LATER)


def _key(services: Services) -> Webhook:
    try:
        secret = services.secrets.get(SECRET_NAME)
        if secret:
            return Webhook(secret)
    except (ExportError, Wait) as error:
        raise _Undelivered(str(error)) from error
    except (binascii.Error, ValueError, EmptyWebhookSecretError):
        raise _Undelivered(f"the Key Vault secret {SECRET_NAME} is not base64 (whsec_…)") from None
    raise _Undelivered(f"there is no Key Vault secret {SECRET_NAME}")
