"""Whatever goes wrong in a request that nobody foresaw is logged, and answered like any other error."""

from __future__ import annotations

import logging
from http import HTTPStatus

from azure.core.exceptions import AzureError
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admin.problems import Answer

log = logging.getLogger(__name__)


class UnexpectedErrors:
    """ASGI middleware: 503 when a service of Azure's does not answer, else 500; the log says what it was."""

    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            log.exception("%s %s failed", scope.get("method"), scope.get("path"))
            if begun or scope["type"] != "http":
                raise
            if isinstance(error, AzureError):
                status, detail = HTTPStatus.SERVICE_UNAVAILABLE, "The storage does not answer. Try again in a moment."
            else:
                status, detail = HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong. The app's log says what."
            await self._answer(Request(scope), status, detail)(scope, receive, send)
