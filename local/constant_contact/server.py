"""The simulator as a server on the loopback interface: in the foreground, or in a thread for tests."""

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.constant_contact.app import build_app
from local.constant_contact.configuration import Configuration
from local.constant_contact.state import State

HOST = "127.0.0.1"


class _OpenProtocol(H11Protocol):
    """HTTP whose requests carry their transport, so that an application can close the connection without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator: `url` without a final slash, and the state for a look inside."""

    url: str
    state: State


@contextmanager
def running_simulator(configuration: Configuration | None = None, *, port: int = 0) -> Iterator[Simulator]:
    """A simulator in a thread of this process, on a free port of 127.0.0.1 unless one is given (OSError: in use)."""
    state = State(configuration)
    with serving(build_app(state), port) as url, state.queue.running():
        yield Simulator(url, state)


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve an application in a thread of this process and tell its URL."""
    with socket.create_server((HOST, port)) as listener:
        server = _server(app)
        # The listener queues connections from here on: nobody has to wait until the server is up.
        thread = threading.Thread(target=server.run, args=([listener],), name="constant-contact", daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def serve(state: State, port: int) -> None:
    """Serve until the process is asked to stop. Raises OSError when the port is in use."""
    # A call must not wait long for the thread that processes imports, or it would seem to arrive later than it did.
    sys.setswitchinterval(0.000_5)
    with socket.create_server((HOST, port)) as listener, state.queue.running():
        _server(build_app(state)).run([listener])


def _server(app: ASGIApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=_OpenProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )
