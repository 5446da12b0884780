"""Closes the way to a service that keeps failing, for all instances together.

An outage of hours must not use up the day's calls: while a gate is closed nobody tries, and each time it opens one
worker alone does. A success opens it for all. Where the service says how long it wants to be left alone, so it is.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from azure.data.tables import TableClient
from pydantic import BaseModel, ConfigDict

from exporters.constant_contact.errors import (
    ConstantContactError,
    QueueFull,
    QuotaExceeded,
    ServerError,
    SignInAway,
    Unclear,
    Unreachable,
)
from shared.errors import Conflict, Wait, WaitCode
from shared.models import Connection
from shared.tables import DocumentTable, Key, Stored

# Until the one who tries comes back with an answer, the others wait; if he dies, the next one tries after this time.
_TRIAL_SECONDS = 60.0


class GateState(BaseModel):
    """The row of one gate; `closed_until` is in seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    failures: int = 0
    closed_until: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class GateKind:
    """When a gate closes, and for how long: `first_pause` seconds, then twice as long each time."""

    name: str
    code: WaitCode
    failures: tuple[type[ConstantContactError], ...]
    closes_after: int
    first_pause: float
    longest_pause: float = 300.0

    def pause(self, failures: int) -> float:
        """Seconds to stay closed after so many failures in a row."""
        times_closed = failures - self.closes_after
        if times_closed < 0:
            return 0.0
        return min(self.longest_pause, self.first_pause * 2.0 ** min(times_closed, 10))


# A single 503 is no outage.
SERVICE = GateKind("service", "constant_contact", (Unreachable, Unclear), closes_after=3, first_pause=4)
# Somebody else uses the same client id, or its day begins at another time than ours: seen within half an hour.
QUOTA = GateKind("quota", "quota", (QuotaExceeded,), closes_after=1, first_pause=300, longest_pause=1800)
# An account's queue of activities empties in minutes.
QUEUE = GateKind("queue", "queue_full", (QueueFull,), closes_after=1, first_pause=60)
# Tokens are asked for long before the old ones end: there is time, and each try writes a version of a secret.
SIGN_IN = GateKind("sign-in", "sign_in", (SignInAway,), closes_after=1, first_pause=15)


class Gate:
    """One gate of one client id."""

    def __init__(self, table: DocumentTable[GateState], key: Key, kind: GateKind, now: Callable[[], datetime]) -> None:
        self._table = table
        self._key = key
        self._kind = kind
        self._now = now

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Try once: a failure of the gate's kind counts towards closing it, a success opens it.

        Raises:
            Wait: the gate is closed, so nothing was tried.
        """
        found = self._enter()
        try:
            yield
        except self._kind.failures as error:
            self._failed(found, error)
            raise
        except (Wait, ConstantContactError):
            if found.failures >= self._kind.closes_after:
                # It was not found out whether the service works: the next one may try at once.
                self._change(lambda state: state.model_copy(update={"closed_until": 0.0}))
            raise
        else:
            if found.failures:
                self._change(lambda _: GateState())

    def _enter(self) -> GateState:
        """The state that was found; a gate that closed and whose time has come lets one through."""
        while True:
            stored = self._read()
            state, now = stored.value, self._now().timestamp()
            if now < state.closed_until:
                later = state.closed_until - now + random.random()  # noqa: S311
                raise Wait(later, state.why, self._kind.code)
            if state.failures < self._kind.closes_after:
                return state
            if self._write(state.model_copy(update={"closed_until": now + _TRIAL_SECONDS}), stored):
                return state

    def _failed(self, found: GateState, error: ConstantContactError) -> None:
        asked_for = error.seconds if isinstance(error, ServerError | SignInAway) and error.seconds else 0.0

        def failed(state: GateState) -> GateState:
            if state.failures != found.failures:
                return state  # Somebody else's failure at the same time: an outage is counted once.
            failures = state.failures + 1
            pause = max(self._kind.pause(failures), asked_for)
            return GateState(failures=failures, closed_until=self._now().timestamp() + pause, why=str(error))

        self._change(failed)

    def _change(self, change: Callable[[GateState], GateState]) -> None:
        while True:
            stored = self._read()
            changed = change(stored.value)
            if changed == stored.value or self._write(changed, stored):
                return

    def _read(self) -> Stored[GateState]:
        return self._table.get_or_insert(self._key, GateState())

    def _write(self, state: GateState, stored: Stored[GateState]) -> bool:
        try:
            self._table.replace(self._key, state, stored.etag)
        except Conflict:
            return False
        return True


class Gates:
    """The gates of one client id, in the table of its limits."""

    def __init__(self, client: TableClient, client_id: str, *, now: Callable[[], datetime]) -> None:
        self._table = DocumentTable(client, GateState)
        self._client_id = client_id
        self._now = now

    def service(self) -> Gate:
        """The gate to the service, which is one for all accounts."""
        return self._gate(SERVICE, SERVICE.name)

    def quota(self) -> Gate:
        """The gate that closes when Constant Contact says that the day's calls are used up, whatever our count."""
        return self._gate(QUOTA, QUOTA.name)

    def queue(self, connection: Connection) -> Gate:
        """The gate to the queue of activities of a connection's account."""
        return self._gate(QUEUE, f"{QUEUE.name}-{connection.id}")

    def sign_in(self, connection: Connection) -> Gate:
        """The gate to the sign-in service; a connection has its own, since a grant may be what is refused there."""
        return self._gate(SIGN_IN, f"{SIGN_IN.name}-{connection.id}")

    def _gate(self, kind: GateKind, row: str) -> Gate:
        return Gate(self._table, Key(self._client_id, row), kind, self._now)
