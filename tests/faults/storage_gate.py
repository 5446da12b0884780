"""A proxy in front of one service of the storage account: it passes everything on, late or not at all when told to.

The state of every run is in tables, so the write of a row is the boundary between two steps. A trap springs just
before such a write reaches the service, or just after the service has carried it out; whoever wrote gets no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from local.azurite import Azurite
from local.processes import free_ports

When = Literal["before", "after"]
_LARGEST_HEAD = 1 << 20


@dataclass(eq=False)
class Trap:
    """Springs once, at the first write that holds all of `texts`; `spring` is called while the write is held up."""

    texts: tuple[bytes, ...]
    when: When
    spring: Callable[[], object]
    sprung: threading.Event = field(default_factory=threading.Event)
    _taken: threading.Lock = field(default_factory=threading.Lock)

    def catches(self, request: bytes) -> bool:
        """Whether it springs at this request; True for one request alone."""
        return all(text in request for text in self.texts) and self._taken.acquire(blocking=False)

    def let_go(self) -> None:
        """The write was not carried out after all: wait for the next one."""
        self._taken.release()


class StorageGate:
    """Listens on `port` and passes everything on to `target`, both on the loopback interface."""

    def __init__(self, port: int, target: int) -> None:
        self._port = port
        self._target = target
        self._traps: list[Trap] = []
        self._closed = False
        self._delay = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[StorageGate]:
        """Pass on what comes until the block ends."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="storage gate", daemon=True)
        thread.start()
        self._loop = loop
        self._listen()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(self._server.close)
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @contextlib.contextmanager
    def trap(self, trap: Trap) -> Iterator[Trap]:
        """Set a trap for the block."""
        self._traps = [*self._traps, trap]
        try:
            yield trap
        finally:
            self._traps = [one for one in self._traps if one is not trap]

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """While the block lasts nobody can connect, and a request on an open connection is cut. One block at a time."""
        self._closed = True
        self._loop.call_soon_threadsafe(self._server.close)
        try:
            yield
        finally:
            self._closed = False
            self._listen()

    @contextlib.contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """While the block lasts each request is held up for so long before it is passed on. One block at a time."""
        self._delay = seconds
        try:
            yield
        finally:
            self._delay = 0.0

    def _listen(self) -> None:
        listening = asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=_LARGEST_HEAD)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: requests one after the other, each answered before the next comes."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            upstream, upstream_writer = await asyncio.open_connection("127.0.0.1", self._target)
            after: list[Trap] = []
            answers = asyncio.create_task(self._answer(upstream, writer, after))
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    request = head + await reader.readexactly(_content_length(head))
                    await asyncio.sleep(self._delay)
                    if self._closed:
                        break
                    caught = [] if head.startswith(b"GET ") else [one for one in self._traps if one.catches(request)]
                    if before := [one for one in caught if one.when == "before"]:
                        await _spring(before)
                        break
                    after += caught
                    upstream_writer.write(request)
                    await upstream_writer.drain()
            finally:
                answers.cancel()
                upstream_writer.close()
        writer.close()

    async def _answer(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, after: list[Trap]) -> None:
        """Pass answers back, but not the one to a write at which a trap springs."""
        with contextlib.suppress(OSError):
            while chunk := await upstream.read(65_536):
                if after and b"HTTP/1.1 4" not in chunk:
                    await _spring(after)
                    break
                while after:
                    after.pop().let_go()
                writer.write(chunk)
                await writer.drain()
        writer.close()


@dataclass(frozen=True)
class StorageGates:
    """A gate for each service of a storage account; `account` is the account as it is reached through them."""

    blobs: StorageGate
    queues: StorageGate
    tables: StorageGate
    account: Azurite

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """While the block lasts the account is away as a whole."""
        with self.blobs.closed(), self.queues.closed(), self.tables.closed():
            yield

    @contextlib.contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """While the block lasts every request to the account is held up for so long."""
        with self.blobs.slow(seconds), self.queues.slow(seconds), self.tables.slow(seconds):
            yield


@contextlib.contextmanager
def gates_before(azurite: Azurite) -> Iterator[StorageGates]:
    """Gates in front of the account, on free ports, until the block ends; the account may start later."""
    ports = free_ports(3, besides=[azurite.blob_port, azurite.queue_port, azurite.table_port])
    account = Azurite(*ports)
    with (
        StorageGate(account.blob_port, azurite.blob_port).running() as blobs,
        StorageGate(account.queue_port, azurite.queue_port).running() as queues,
        StorageGate(account.table_port, azurite.table_port).running() as tables,
    ):
        yield StorageGates(blobs, queues, tables, account)


async def _spring(traps: list[Trap]) -> None:
    for trap in traps:
        await asyncio.to_thread(trap.spring)
        trap.sprung.set()


async def _cancel_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
