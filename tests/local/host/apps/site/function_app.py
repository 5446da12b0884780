"""An ASGI site on every path beside a function with a route of its own; the site's function name is a setting."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func


async def site(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Awaitable[None]]) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = f"site {scope['method']} {scope['path']}".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if scope["path"] == "/cookies":
        headers += [
            (b"set-cookie", b"__Host-state=a.b-c_d; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=lax"),
            (b"set-cookie", b"language=it; Path=/; SameSite=strict"),
            (b"set-cookie", b'gone=""; expires=Thu, 01 Jan 2026 00:00:00 GMT; Max-Age=0; Path=/'),
        ]
        body = str(dict(scope["headers"]).get(b"cookie", b"none")).encode()
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app = func.AsgiFunctionApp(app=site, http_auth_level=func.AuthLevel.ANONYMOUS, function_name=os.environ["NAME_OF_SITE"])


@app.function_name("machine")
@app.route(route="machine", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def machine(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("machine")
