"""Workers of the app in processes of their own, which share nothing but the storage, the vault and the service."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import requests
from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient

from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import Limiter
from exporters.constant_contact.tokens import Tokens
from shared.errors import Wait
from shared.models import Connection
from shared.secrets import Secrets
from shared.settings import Settings
from tests.exporters.world import World

# Long enough for the whole of a refresh, with the machine busy.
_GIVE_UP_SECONDS = 60.0


class Barrier(Protocol):
    """What several processes or threads wait at for each other."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all are there."""


@dataclass(frozen=True)
class Instance:
    """Where a worker finds what it shares with the others; it can be sent to another process."""

    settings: Settings
    connection: Connection
    limits: str
    locks: str
    ahead: timedelta

    @classmethod
    def of(cls, world: World) -> Instance:
        """A worker in a world, at its time."""
        locks = str(world.services.tokens._locks.container_name)
        return cls(world.settings, world.connection, world.limits.table_name, locks, world.clock.ahead)

    def tokens(self) -> Tokens:
        """The tokens as a process has them that has just started."""
        storage = self.settings.storage.connection_string or ""
        limits = TableClient.from_connection_string(storage, self.limits)
        client_id = self.settings.constant_contact_client_id
        return Tokens(
            self.settings,
            Secrets(self.settings),
            ContainerClient.from_connection_string(storage, self.locks),
            Limiter(limits, client_id, now=lambda: self._now().timestamp()),
            requests.Session(),
            gates=Gates(limits, client_id, now=self._now),
            now=self._now,
        )

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class _Start:
    """The barrier of this process: only a process that begins can be given one."""

    barrier: Barrier


def join(barrier: Barrier) -> None:
    """Begin with the others that join."""
    _Start.barrier = barrier


def ask_together(instance: Instance, calls: int) -> list[str]:
    """Ask for a token with so many threads at once, when all processes have joined; whoever is to wait asks again."""
    tokens, threads_ready = instance.tokens(), threading.Barrier(calls)

    def ask(_: int) -> str:
        threads_ready.wait()
        until = time.monotonic() + _GIVE_UP_SECONDS
        while True:
            try:
                return tokens.access_token(instance.connection)
            except Wait:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    _Start.barrier.wait(_GIVE_UP_SECONDS)
    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(ask, range(calls)))
