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
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain; charset=utf-8")]}
    )
    await send({"type": "http.response.body", "body": body})


app = func.AsgiFunctionApp(app=site, http_auth_level=func.AuthLevel.ANONYMOUS, function_name=os.environ["NAME_OF_SITE"])


@app.function_name("machine")
@app.route(route="machine", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def machine(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("machine")
