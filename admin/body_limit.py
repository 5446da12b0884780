"""Refuses a request whose body is larger than any form needs, before anything of it is parsed."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admin.problems import Answer

MAX_BODY_BYTES = 1024**2
"""The host itself lets 210 MB through; parsed, that would be gigabytes."""


class BodyLimit:
    """ASGI middleware: reads the body up to the limit and hands it on, or answers 413."""

    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "")
        too_large = stated.isascii() and stated.isdigit() and (len(stated) > 15 or int(stated) > MAX_BODY_BYTES)
        body = bytearray()
        more = not too_large
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # The caller has gone.
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY_BYTES:
                too_large, more = True, False
        if too_large:
            detail = f"The body of the request is larger than {MAX_BODY_BYTES // 1024**2} MiB."
            refusal = self._answer(Request(scope), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
            await refusal(scope, receive, send)
            return
        handed_on = False

        async def read() -> Message:
            nonlocal handed_on
            if handed_on:
                return await receive()
            handed_on = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, read, send)
