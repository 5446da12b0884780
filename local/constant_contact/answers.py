"""Answers that are no ordinary HTTP responses: a cut connection, and the bodies of an outage."""

import asyncio

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send


class CutConnection(Response):
    """No answer: the TCP connection is closed. Needs the transport that server.py puts into the scope's state."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Close the connection and wait until the server has noticed."""
        transport: asyncio.Transport = scope["state"]["transport"]
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


def server_error() -> Response:
    """500 with an HTML body; the real one is not documented."""
    return HTMLResponse("<html><body><h1>500 Internal Server Error</h1></body></html>", 500)


def unavailable(retry_after_seconds: int | None) -> Response:
    """503 with an empty body; the real one is not documented."""
    return Response(status_code=503, headers=retry_after(503, retry_after_seconds))


def retry_after(status: int, seconds: int | None) -> dict[str, str]:
    """The header Retry-After, if the simulator is told to send it; the real service documents none."""
    return {"Retry-After": str(seconds)} if seconds is not None and status in (429, 503) else {}
