"""Requests to HTTP functions: route, key, what the worker receives, what the caller gets back.

Sources: WebScriptHostHttpRoutesManager.cs, AuthenticationLevelHandler.cs, FunctionInvocationMiddleware.cs and
GrpcMessageConversionExtensions.cs of Azure/azure-functions-host.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.host.functions import AuthLevel, Function, HttpTrigger
from local.host.invocations import Invoker
from local.host.keys import Keyring
from local.host.wire import RpcHttp, RpcHttpCookie, TypedData

logger = logging.getLogger(__name__)

# What the server itself decides for the answer it sends.
_OWN_HEADERS = {"content-length", "transfer-encoding", "connection"}


def key_of(request: Request) -> str | None:
    """The key a caller shows: the header, and only without it `?code=`."""
    return request.headers.get("x-functions-key") or request.query_params.get("code") or None


class HttpFunctions:
    """An ASGI app that serves every HTTP function, tried in the order given."""

    def __init__(self, functions: Sequence[Function], route_prefix: str, keys: Keyring, invoker: Invoker) -> None:
        self._routes = [(function, function.trigger) for function in functions]
        self._prefix = "/" + route_prefix.strip("/").lower() if route_prefix.strip("/") else ""
        self._keys = keys
        self._invoker = invoker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        raw_path = request.scope["raw_path"].decode("latin-1")
        found = self._find(request.method, raw_path)
        if found is None:
            return Response(status_code=404)
        function, trigger, route_values = found
        key = key_of(request)
        if function.disabled and not self._keys.is_master(key):
            return Response(status_code=404)
        if not self._is_open(function, trigger.level, key):
            logger.warning("function=%s refused: no key that opens it (%s)", function.name, trigger.level.value)
            return Response(status_code=401)
        value = TypedData(http=await _to_worker(request, raw_path, route_values))
        outcome = await asyncio.wrap_future(self._invoker.start(function, value, {}, f"{request.method} {raw_path}"))
        if not outcome.succeeded:
            return Response(status_code=500)
        return _to_caller(outcome.returned)

    def _find(self, method: str, raw_path: str) -> tuple[Function, HttpTrigger, dict[str, str]] | None:
        if not f"{raw_path.lower()}/".startswith(f"{self._prefix}/"):
            return None
        path = raw_path[len(self._prefix) :]
        for function, trigger in self._routes:
            # The method is one more constraint of the route: with another one, later routes get their chance.
            if not isinstance(trigger, HttpTrigger) or (trigger.methods and method not in trigger.methods):
                continue
            values = trigger.route.match(path)
            if values is not None:
                return function, trigger, values
        return None

    def _is_open(self, function: Function, level: AuthLevel, key: str | None) -> bool:
        match level:
            case AuthLevel.ANONYMOUS:
                return True
            case AuthLevel.FUNCTION:
                return self._keys.opens_function(key, function.name)
            case AuthLevel.ADMIN:
                return self._keys.is_master(key)


async def _to_worker(request: Request, raw_path: str, route_values: Mapping[str, str]) -> RpcHttp:
    query = request.url.query
    host = request.headers.get("host") or request.url.netloc
    # A body without a length (chunked) does not reach functions unless an app asks for it.
    has_body = int(request.headers.get("content-length") or 0) > 0
    return RpcHttp(
        method=request.method,
        url=f"{request.url.scheme}://{host}{raw_path}" + (f"?{query}" if query else ""),
        query={name: value for name, value in _joined(QueryParams(query).multi_items()).items() if value},
        params=route_values,
        headers=_joined(request.headers.items()),
        body=TypedData(bytes=await request.body()) if has_body else TypedData(),
    )


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Several values of one name become one, with commas."""
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _to_caller(returned: TypedData | None) -> Response:
    if returned is None:
        return Response(status_code=204)
    if returned.http is None:
        return Response(_bytes(returned), media_type="text/plain; charset=utf-8")
    answer = returned.http
    response = Response(_bytes(answer.body), status_code=int(answer.status_code))
    for name, value in answer.headers.items():
        if name.lower() not in _OWN_HEADERS:
            response.headers[name] = value
    for cookie in answer.cookies or ():
        response.headers.append("set-cookie", _set_cookie(cookie))
    return response


def _bytes(data: TypedData) -> bytes:
    if data.bytes is not None:
        return data.bytes
    return (data.string or data.json or "").encode()


def _set_cookie(cookie: RpcHttpCookie) -> str:
    """The cookie as ASP.NET Core writes it, with the value percent-encoded (ResponseCookies.Append)."""

    def given(attribute: Any) -> Any:
        return attribute.value if attribute is not None else None

    parts = [f"{cookie.name}={quote(cookie.value, safe='')}"]
    expires = given(cookie.expires)
    if expires is not None:
        parts.append(f"expires={formatdate(expires.seconds, usegmt=True)}")
    if given(cookie.max_age) is not None:
        parts.append(f"max-age={int(given(cookie.max_age))}")
    if given(cookie.domain):
        parts.append(f"domain={given(cookie.domain)}")
    if given(cookie.path):
        parts.append(f"path={given(cookie.path)}")
    if given(cookie.secure):
        parts.append("secure")
    if cookie.same_site:
        parts.append(f"samesite={cookie.same_site}")
    if given(cookie.http_only):
        parts.append("httponly")
    return "; ".join(parts)
