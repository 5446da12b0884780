"""A session whose answers have a time limit as a whole: a header that trickles in byte by byte ends with it too.

The read time-out of `requests` and `urllib3` is that of one read from the socket; it begins anew with every byte.
Their connect time-out is that of sending the whole request too. Where a connection has been made beforehand, it is
that of sending alone.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

Session = TypeVar("Session", bound=requests.Session)


def timed_session() -> requests.Session:
    """A session in which the read time-out of a request is that of its whole answer, from status line to last byte.

    It keeps no cookies: one session serves the connections of all accounts.
    """
    return timed(requests.Session())


def timed(session: Session) -> Session:
    """The session, from now on with time limits as those of `timed_session`, and without cookies."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _TimedAdapter())
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def connect(session: requests.Session, request: requests.PreparedRequest, seconds: float, options: Any) -> None:
    """Open the connection that the request will be sent on, unless one is open.

    Args:
        session: the session that will send it.
        request: what will be sent; of it only the address counts here.
        seconds: the time-out.
        options: proxies, verify and cert, as for `session.send`.

    Raises:
        OSError, urllib3.exceptions.HTTPError: there is no connection.
    """
    adapter: Any = session.get_adapter(request.url or "")
    verify, cert = options["verify"], options["cert"]
    pool: HTTPConnectionPool = adapter.get_connection_with_tls_context(request, verify, options["proxies"], cert)
    # As the adapter itself does when it sends.
    adapter.cert_verify(pool, request.url, verify, cert)
    if pool.proxy is not None:
        return  # The way through a proxy is part of the request.
    connection = pool._get_conn()
    try:
        if connection.is_closed:
            connection.timeout = seconds
            connection.connect()
    finally:
        pool._put_conn(connection)


class _TimedStream(io.RawIOBase):
    """What comes out of a socket until its time-out, counted from now, has passed."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._stream = sock.makefile("rb", buffering=0)
        seconds = sock.gettimeout()
        self._until = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *given: Any, **options: Any) -> None:
        super().__init__(sock, *given, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedStream(sock))


class _TimedConnection(HTTPConnection):
    response_class = _TimedResponse


class _TimedTlsConnection(HTTPSConnection):
    response_class = _TimedResponse


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTlsConnection


class _TimedAdapter(HTTPAdapter):
    def init_poolmanager(self, *given: Any, **options: Any) -> None:
        super().init_poolmanager(*given, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _TimedPool, "https": _TimedTlsPool}

    def proxy_manager_for(self, *given: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*given, **options)
        manager.pool_classes_by_scheme = {"http": _TimedPool, "https": _TimedTlsPool}
        return manager
