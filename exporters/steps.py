"""Runs a step for a queue message, and decides what an error asks for: come back later, or end the run."""

from __future__ import annotations

import contextlib
import logging
import random
import traceback
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError
from opentelemetry import trace
from opentelemetry.trace import Span
from pydantic import ValidationError

from exporters.afterwards import afterwards
from exporters.budget import delay
from exporters.constant_contact.errors import (
    QueueFull,
    QuotaExceeded,
    ServerError,
    Throttled,
    Unclear,
    Unreachable,
)
from exporters.constant_contact.limits import seconds_to_new_day
from exporters.ending import end_overdue, end_run, is_sending
from exporters.errors import StepFailed
from exporters.follow import follow
from exporters.prepare import prepare
from exporters.problem_codes import STORAGE_AWAY, problem_of
from exporters.runs import Run
from exporters.services import Services
from exporters.upload import upload
from shared import telemetry
from shared.errors import Conflict, ExportError, NotFound, Wait
from shared.queues import ACTIVITIES, BATCHES, RUNS, Message

log = logging.getLogger(__name__)

Step = Callable[[Services, Message], None]
STEPS: dict[str, Step] = {RUNS: prepare, BATCHES: upload, ACTIVITIES: follow}
_SPANS = {RUNS: "export.prepare", BATCHES: "export.upload", ACTIVITIES: "export.follow"}

_LONGEST_BACK_OFF_SECONDS = 300
_QUEUE_FULL_SECONDS = 60
_QUOTA_SECONDS = 1800
_SENDING_SECONDS = 10
# While Constant Contact is away its gate is closed, so that looks that fail cannot use the day's calls up.
_LOOK_AGAIN_SECONDS = 60
_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


def run_step(services: Services, queue: str, body: str | bytes) -> None:
    """Do the step of a message from `queue`.

    A step that has to wait puts its message back, hidden, and ends. An error that a person has to know ends the run.
    Any other error is logged under the run's id and left to the host, which delivers the message again and in the end
    to the poison queue.
    """
    message = Message.model_validate_json(body)
    with _observed(_SPANS[queue], message):
        try:
            _run_step(services, queue, message)
        except Exception as error:
            _log_unforeseen(message, error)
            raise


def _run_step(services: Services, queue: str, message: Message) -> None:
    try:
        STEPS[queue](services, message)
    except Wait as wait:
        _put_back(services, queue, message, wait)
    except Conflict as error:
        _put_back(services, queue, message, Wait(1, str(error), "other_worker"))
    except Throttled as error:
        pause = error.seconds + random.random()  # noqa: S311
        _put_back(services, queue, message, Wait(pause, str(error), "throttled"))
    except QuotaExceeded as error:
        pause = min(_QUOTA_SECONDS, seconds_to_new_day(services.now().timestamp()))
        _put_back(services, queue, message, Wait(pause, str(error), "quota"))
    except QueueFull as error:
        _put_back(services, queue, message, Wait(_QUEUE_FULL_SECONDS, str(error), "queue_full"))
    except (Unreachable, Unclear) as error:
        later = message.model_copy(update={"turn": message.turn + 1})
        asked_for = error.seconds if isinstance(error, ServerError) and error.seconds else 0
        # The turns of a message that follows count its looks, and not its failures: it does not wait for the next look.
        look_again = min(_LOOK_AGAIN_SECONDS, delay(message.turn)) + random.random()  # noqa: S311
        pause = look_again if queue == ACTIVITIES else back_off(message.turn)
        _put_back(services, queue, later, Wait(max(pause, asked_for), str(error), "constant_contact"))
    except AzureError as error:
        if not _is_outage(error):
            raise
        later = message.model_copy(update={"turn": message.turn + 1})
        _put_back(services, queue, later, Wait(back_off(message.turn), STORAGE_AWAY, "storage"))
    except ExportError as error:
        _fail(services, queue, message, error)


def _log_unforeseen(message: Message, error: Exception) -> None:
    # Which error, and where in the code; not what it says, which may repeat what is in a file.
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("run %s batch %s: %s\n%s", message.run_id, message.batch, type(error).__name__, frames)


def _is_outage(error: AzureError) -> bool:
    """Whether a service did not answer, or said that it cannot for now."""
    if isinstance(error, HttpResponseError):
        return error.status_code is not None and (error.status_code >= 500 or error.status_code in _BUSY)
    return isinstance(error, ServiceRequestError | ServiceResponseError)


def back_off(turn: int) -> float:
    """Seconds to wait for a service that is away: 2, 4, 8 … up to five minutes, spread by up to a second."""
    return min(_LONGEST_BACK_OFF_SECONDS, 2.0 ** min(turn + 1, 10)) + random.random()  # noqa: S311


def give_up(services: Services, queue: str, body: str | bytes) -> None:
    """A message has failed as often as the host tries: end its run, so that nobody waits for it."""
    try:
        message = Message.model_validate_json(body)
    except ValidationError:
        log.error("a message in %s-poison is not one of ours; it was dropped", queue)
        return
    error = StepFailed("A step of the run failed again and again. The app's log says why, under the id of the run.")
    with _observed("export.give_up", message):
        _fail(services, queue, message, error)


def _observed(name: str, message: Message) -> contextlib.AbstractContextManager[Span]:
    return telemetry.work(name, message.trace, run_id=message.run_id, export_id=message.export_id, batch=message.batch)


def _put_back(services: Services, queue: str, message: Message, wait: Wait) -> None:
    # The reason may repeat a name; its code does not.
    log.info("run %s batch %s waits %.0f s: %s", message.run_id, message.batch, wait.seconds, wait.code)
    trace.get_current_span().set_attributes({"wait.reason": wait.code, "wait.seconds": wait.seconds})
    run: Run | None = None
    try:
        run = services.runs.get(message.export_id, message.run_id)
        if ended := end_overdue(services, run):
            afterwards(services, ended)
            return
    except AzureError as error:
        # While the tables are away too, the message is all that there is to keep.
        if not _is_outage(error):
            raise
    services.queues.send(queue, message, after_seconds=wait.seconds)
    telemetry.WAITS.record(wait.seconds, {"reason": wait.code})
    if run is not None:
        until = services.now() + timedelta(seconds=wait.seconds)
        with contextlib.suppress(AzureError):
            services.runs.change(run, lambda r: r.model_copy(update={"waiting": wait.reason, "waiting_until": until}))


def _fail(services: Services, queue: str, message: Message, error: ExportError) -> None:
    # What it says is kept with the run: it names connections and exports as people called them.
    log.warning("run %s batch %s failed: %s", message.run_id, message.batch, type(error).__name__)
    telemetry.failed(trace.get_current_span(), type(error).__name__)
    try:
        run = services.runs.get(message.export_id, message.run_id)
    except NotFound:
        return
    if queue == RUNS:
        # Another worker may have prepared the run meanwhile: then it goes on, whatever this one stumbled over.
        ended = end_run(services, run, error=error, only_if=lambda r: not r.prepared)
        if ended.ended:
            afterwards(services, ended)
        return
    # Other batches may be under way: no more are sent, and the run ends when what became of those is known.
    run = services.runs.change(run, lambda r: _stopped(r, error))
    if queue == ACTIVITIES and is_sending(services, run):
        services.queues.send(queue, message, after_seconds=_SENDING_SECONDS)
    elif queue == ACTIVITIES:
        afterwards(services, end_run(services, run))


def _stopped(run: Run, error: ExportError) -> Run:
    stop = {"stop": str(error), "problem": problem_of(error), "waiting": None}
    return run if run.stop else run.model_copy(update=stop)
