"""A server on a bare socket that answers with whatever bytes it is given, at whatever speed, and a client to ask it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from exporters.constant_contact.client import Account
from exporters.constant_contact.session import timed_session
from shared.models import Connection

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONNECTION = Connection(id="shop", display_name="Shop", secret_name="s", created_at=NOW, created_by="test")


@contextlib.contextmanager
def speaking(answer: Callable[[], Iterable[bytes]], pause: float = 0.0) -> Iterator[str]:
    """The address of a server that sends these pieces to everyone who asks, with a pause before each."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            for piece in answer():
                if ended.wait(pause) if pause else ended.is_set():
                    return
                connection.sendall(piece)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.close()


def account(url: str, *, seconds: float = 1.0) -> Account:
    """The account of a connection at that address; only its answers are real."""
    settings: Any = SimpleNamespace(constant_contact_api_url=f"{url}/v3", request_timeout_seconds=seconds)
    tokens: Any = SimpleNamespace(access_token=lambda _: "token", another_access_token=lambda *_, **__: "token")
    limiter: Any = SimpleNamespace(take=lambda *_, **__: None)
    gate = SimpleNamespace(attempt=contextlib.nullcontext)
    gates: Any = SimpleNamespace(service=lambda: gate, quota=lambda: gate, queue=lambda _: gate)
    return Account(CONNECTION, settings, tokens, limiter, gates, timed_session(), now=lambda: NOW)


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def wide_list() -> str:
    """Ask for activities; what comes is the widest list of nothing that an answer can hold."""
    body = b'{"activities": [' + b"[]," * (5 * 1024**2) + b"1]}"
    with speaking(lambda: [http(body)]) as url:
        return f"{sum(1 for _ in account(url, seconds=30).activities())} activities"


def gzip_bomb() -> str:
    """Ask for activities; what comes unpacks to 10 GB."""
    from tests.hostile.bombs import MIB, repeated

    body = repeated(b'{"activities": [', b" " * MIB, 10 * 1024)
    with speaking(lambda: [http(body, "Content-Encoding: gzip")]) as url:
        return f"{sum(1 for _ in account(url, seconds=30).activities())} activities"


def endless_chunks() -> str:
    """Ask for activities; what comes has no end."""

    def answer() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + b" " * 65_536 + b"\r\n"

    with speaking(answer) as url:
        return f"{sum(1 for _ in account(url, seconds=30).activities())} activities"


def large_error() -> str:
    """Ask for activities; what comes is an error of 15 MB with as many messages as it can hold."""
    body = b"[" + b'{"error":"a@example.com"},' * 600_000 + b"{}]"
    with speaking(lambda: [http(body, status="400 Bad Request")]) as url:
        return f"{sum(1 for _ in account(url, seconds=30).activities())} activities"
