"""The HTTP server: host routes first, then functions, behind the sign-in if there is one; in a thread of its own."""

from __future__ import annotations

import socket
import sys
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from local.host.errors import PortTaken
from local.host.host_routes import HostRoutes
from local.host.http_functions import HttpFunctions
from local.sign_in import SignIn


def bind(port: int) -> socket.socket:
    """Take a port of the loopback interface, 0 for any free one; raises PortTaken."""
    # Without the protocol's number asyncio leaves Nagle's algorithm on, which costs 40 ms an answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Elsewhere than on Windows this only lets a restarted host have its port back at once.
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise PortTaken(f"Port {port} cannot be used ({error.strerror}). Choose another with --port.") from None
    return listening


class WebServer:
    """Serves on a bound socket until told to stop; with a `sign_in_key` people can sign in, as under Easy Auth."""

    def __init__(
        self, listening: socket.socket, own: HostRoutes, functions: HttpFunctions, sign_in_key: str | None = None
    ) -> None:
        not_found = Response(status_code=404)
        app: ASGIApp = Starlette(
            routes=[
                *own.routes,
                Mount("/admin", app=not_found),
                Mount("/runtime", app=not_found),
                Mount("/", app=functions),
            ]
        )
        if sign_in_key is not None:
            app = SignIn(app, sign_in_key)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=5,
        )
        self._listening = listening
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="http", daemon=True)

    @property
    def url(self) -> str:
        """Address of the host, without a slash at the end."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def start(self) -> None:
        """Begin to serve; from here on connections are taken, if answered a moment later."""
        self._listening.listen()
        self._thread.start()

    def stop(self) -> None:
        """Accept no more connections; requests that are being answered go on for a few seconds."""
        self._server.should_exit = True

    def join(self, seconds: float) -> None:
        """Wait until every request is answered, at most `seconds`."""
        self._thread.join(seconds)
