"""Runs one timer function on its schedule, on one instance at a time.

Sources: TimerListener.cs, ScheduleMonitor.cs and StorageScheduleMonitor.cs of Azure/azure-webjobs-sdk-extensions.
"""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from local.host.functions import Function, TimerTrigger
from local.host.invocations import Invoker, Outcome
from local.host.locks import HOSTS_CONTAINER, InstanceLock
from local.host.schedules import Schedule
from local.host.wire import TypedData

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_TRIES_FOR_THE_LOCK = 2.0
# Also how often the clock is read anew, for machines that sleep.
_SECONDS_BETWEEN_LOOKS_AT_THE_LOCK = 2.0
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ScheduleStatus:
    """What is remembered of a timer: when it last fired, when it is due, from which moment that was computed."""

    last: datetime
    next: datetime
    last_updated: datetime

    def to_json(self) -> dict[str, str]:
        """In the shape of the blob and of what the function receives."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


def recall(status: ScheduleStatus | None, schedule: Schedule, now: datetime) -> tuple[ScheduleStatus, bool]:
    """The status to go on with at the start of a listener, and whether a run is past due (ScheduleMonitor.cs).

    Runs missed while nobody listened are made up for by one. A changed schedule starts afresh, without a run.
    """
    if status is None:
        return ScheduleStatus(_NEVER, schedule.next_after(now), now), False
    basis = status.last if status.last != _NEVER else status.last_updated
    expected = schedule.next_after(basis)
    if status.next != expected:
        if now > expected:
            return ScheduleStatus(_NEVER, schedule.next_after(now), now), False
        status = replace(status, next=expected)
    return status, now > status.next


def timer_value(status: ScheduleStatus | None, past_due: bool) -> TypedData:
    """The value of a timer parameter (TimerInfo.cs)."""
    return TypedData(
        json=json.dumps(
            {
                "Schedule": {"AdjustForDST": True},
                "ScheduleStatus": status.to_json() if status else None,
                "IsPastDue": past_due,
            }
        )
    )


class TimerListener:
    """Waits for the lock, then for the schedule; never runs the function twice at once."""

    def __init__(
        self, function: Function, trigger: TimerTrigger, storage: BlobServiceClient, host_id: str, invoker: Invoker
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._invoker = invoker
        self._lock = InstanceLock(storage, host_id, f"{function.host_name}.Listener")
        self._blob = storage.get_blob_client(HOSTS_CONTAINER, f"timers/{host_id}/{function.host_name}/status")
        self._status: ScheduleStatus | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=f"{function.name}-timer", daemon=True)

    def start(self) -> None:
        """Begin to compete for the lock."""
        self._thread.start()

    def stop(self) -> None:
        """Fire no more; a run that goes on is not interrupted."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait until the last run is recorded and the lock is given back, at most `seconds`."""
        self._thread.join(seconds)

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._lock.try_acquire():
                    self._fire_while_locked()
            except AzureError as error:
                logger.warning("function=%s timer starts anew: %s", self._function.name, type(error).__name__)
            finally:
                self._lock.release()
            self._stopping.wait(_SECONDS_BETWEEN_TRIES_FOR_THE_LOCK)

    def _fire_while_locked(self) -> None:
        now = datetime.now(UTC)
        past_due = False
        if self._trigger.use_monitor:
            stored = self._read_status()
            self._status, past_due = recall(stored, self._trigger.schedule, now)
            if self._status != stored:
                self._write_status()
        if past_due:
            self._run("past due", past_due=True)
        elif self._trigger.run_on_startup:
            self._run("at start")
        due = self._trigger.schedule.next_after(datetime.now(UTC))
        while self._wait_until(due):
            self._run("schedule", due=due)
            due = self._trigger.schedule.next_after(max(due, datetime.now(UTC)))

    def _wait_until(self, due: datetime) -> bool:
        """True at the time; False when the host stops or another instance has the lock."""
        while not self._stopping.is_set():
            if not self._lock.keep():
                logger.info("function=%s timer has moved to another instance", self._function.name)
                return False
            remaining = (due - datetime.now(UTC)).total_seconds()
            if remaining <= 0:
                return True
            self._stopping.wait(min(remaining, _SECONDS_BETWEEN_LOOKS_AT_THE_LOCK))
        return False

    def _run(self, cause: str, past_due: bool = False, due: datetime | None = None) -> None:
        fired = datetime.now(UTC)
        self._wait_for(self._invoker.start(self._function, timer_value(self._status, past_due), {}, f"timer, {cause}"))
        if self._trigger.use_monitor:
            # A clock that runs ahead of the schedule must not make the same time due twice.
            basis = max(fired, due) if due else fired
            self._status = ScheduleStatus(basis, self._trigger.schedule.next_after(basis), basis)
            self._write_status()

    def _wait_for(self, run: Future[Outcome]) -> None:
        while True:
            try:
                run.result(timeout=_SECONDS_BETWEEN_LOOKS_AT_THE_LOCK)
            except FutureTimeoutError:
                self._lock.keep()
            else:
                return

    def _read_status(self) -> ScheduleStatus | None:
        try:
            document = json.loads(self._blob.download_blob().readall())
            return ScheduleStatus(*(_moment(document[name]) for name in ("Last", "Next", "LastUpdated")))
        except ResourceNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            logger.warning("function=%s timer status is unreadable and starts anew", self._function.name)
            return None

    def _write_status(self) -> None:
        if self._status is not None:
            self._blob.upload_blob(json.dumps(self._status.to_json()), overwrite=True)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
