"""Activities, the asynchronous jobs of an account, and the thread that carries them out in simulated time."""

import heapq
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from local.constant_contact.clock import Clock, iso
from local.constant_contact.configuration import Configuration

End = Literal["completed", "cancelled", "failed", "timed_out"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: the state, the counters of `status` and the lines of `activity_errors`."""

    state: End
    counts: dict[str, int] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    exported_file: bytes | None = None


class Job(Protocol):
    """The work of an activity, in two steps so that the slow one can be done ahead of time."""

    items: int

    def prepare(self) -> None:
        """Do what needs no access to the account; nothing is visible yet."""

    def carry_out(self) -> Outcome:
        """Do the rest, visibly."""


@dataclass(slots=True, eq=False)
class Activity:
    """One job: when it was created, and when it starts and ends in simulated time (seconds since 1970)."""

    kind: str
    source_file_name: str | None
    created_at: float
    starts_at: float
    ends_at: float
    counters: tuple[str, ...]
    activity_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    outcome: Outcome | None = None
    completed_at: float | None = None
    file_export_id: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.outcome is not None

    def state(self, now: float) -> str:
        """The state as of now."""
        if self.outcome is not None:
            return self.outcome.state
        return "processing" if now >= self.starts_at else "initialized"

    def percent_done(self, now: float) -> int:
        """1 for an activity just created (as seen in the wild), 100 for one that completed."""
        if self.outcome is not None:
            return 100
        done = (now - self.starts_at) / max(self.ends_at - self.starts_at, 0.001)
        return max(1, min(99, int(100 * done)))

    def as_json(self, now: float) -> dict[str, Any]:
        """The activity as the API shows it; links are paths without a host."""
        counts = self.outcome.counts if self.outcome else {}
        links = {"self": {"href": f"/v3/activities/{self.activity_id}"}}
        if self.file_export_id:
            links["results"] = {"href": f"/v3/contact_exports/{self.file_export_id}"}
        body: dict[str, Any] = {
            "activity_id": self.activity_id,
            "state": self.state(now),
            "created_at": iso(self.created_at),
            "updated_at": iso(self.completed_at or min(now, max(self.starts_at, self.created_at))),
            "percent_done": self.percent_done(now),
            "activity_errors": list(self.outcome.errors) if self.outcome else [],
            "status": {counter: counts.get(counter, 0) for counter in self.counters},
            "_links": links,
        }
        if self.source_file_name is not None:
            body["source_file_name"] = self.source_file_name
        if now >= self.starts_at:
            body["started_at"] = iso(self.starts_at)
        if self.completed_at is not None:
            body["completed_at"] = iso(self.completed_at)
        return body


@dataclass(order=True, slots=True)
class _Queued:
    ends_at: float
    number: int
    activity: Activity = field(compare=False)
    job: Job = field(compare=False)
    ended: Callable[[Activity, Outcome], None] = field(compare=False)
    prepared: bool = field(default=False, compare=False)


class ActivityQueue:
    """Carries out jobs at the configured pace, one after the other within an account unless told otherwise.

    A job takes effect when its simulated time is over. The work itself is done on a thread of the queue's own, so
    that the API keeps answering; an activity whose work takes longer than its simulated time ends when it is done.
    """

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        self._configuration = configuration
        self._clock = clock
        self._changed = threading.Condition()
        self._queued: list[_Queued] = []
        self._submitted = 0
        self._busy_until: dict[str, float] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="activities", daemon=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Carry out jobs meanwhile. At the end the job at hand is finished and the queued ones are dropped."""
        self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._stopping = True
                self._changed.notify()
            self._thread.join()

    def submit(
        self,
        account_id: str,
        kind: str,
        job: Job,
        ended: Callable[[Activity, Outcome], None],
        *,
        counters: tuple[str, ...],
        source_file_name: str | None = None,
    ) -> Activity:
        """Queue a job and return its activity; `ended` is called with the outcome from the queue's thread."""
        now = self._clock.now()
        duration = max(self._configuration.minimum_activity_seconds, job.items / self._configuration.rows_per_second)
        with self._changed:
            starts_at = now
            if not self._configuration.activities_in_parallel:
                starts_at = max(now, self._busy_until.get(account_id, now))
                self._busy_until[account_id] = starts_at + duration
            activity = Activity(kind, source_file_name, now, starts_at, starts_at + duration, counters)
            heapq.heappush(self._queued, _Queued(activity.ends_at, self._submitted, activity, job, ended))
            self._submitted += 1
            self._changed.notify()
        return activity

    def clock_advanced(self) -> None:
        """Look again at what is due."""
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while (queued := self._next()) is not None:
            if not queued.prepared:
                queued.job.prepare()
                queued.prepared = True
            else:
                with self._changed:
                    self._queued.remove(queued)
                    heapq.heapify(self._queued)
                queued.ended(queued.activity, queued.job.carry_out())

    def _next(self) -> _Queued | None:
        """The job that ends first, once there is something to do about it; None when stopping."""
        with self._changed:
            while not self._stopping:
                if not self._queued:
                    self._changed.wait()
                    continue
                first = self._queued[0]
                remaining = first.ends_at - self._clock.now()
                if not first.prepared or remaining <= 0:
                    return first
                self._changed.wait(remaining)
            return None
