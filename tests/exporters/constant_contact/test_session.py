"""Time limits of requests and answers as a whole, and connections that are made before they are needed."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3.exceptions import HTTPError

from exporters.constant_contact.session import _TimedStream, connect, timed_session
from local.certificates import make_certificates
from local.processes import free_ports


@pytest.fixture
def url() -> Iterator[str]:
    """A server that keeps connections open; each has a number, which it answers with."""
    numbers: list[object] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.connection not in numbers:
                numbers.append(self.connection)
            body = str(numbers.index(self.connection)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "account=one; Path=/")
            self.send_header("X-Cookies", self.headers.get("Cookie", "none"))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """The time-outs of the sockets at the moments at which something was sent."""
    found: list[float | None] = []
    send = http.client.HTTPConnection.send

    def looked_at(connection: http.client.HTTPConnection, data: object) -> None:
        found.append(connection.sock.gettimeout() if connection.sock else None)
        send(connection, data)  # type: ignore[arg-type]

    monkeypatch.setattr(http.client.HTTPConnection, "send", looked_at)
    return found


def connected(session: requests.Session, url: str, seconds: float = 5) -> requests.PreparedRequest:
    """A request whose connection is open."""
    request = session.prepare_request(requests.Request("GET", url))
    connect(session, request, seconds, options(session))
    return request


def options(session: requests.Session) -> Any:
    return session.merge_environment_settings("http://127.0.0.1", {}, True, None, None)


def test_nothing_of_one_account_goes_with_the_requests_of_another(url: str) -> None:
    with timed_session() as session:
        assert session.get(url, timeout=5).cookies.get("account") == "one"
        assert session.get(url, timeout=5).headers["X-Cookies"] == "none"


def test_a_request_has_its_own_time_to_be_sent_however_little_the_last_answer_left(
    url: str, sending: list[float | None]
) -> None:
    with timed_session() as session:
        session.get(url, timeout=(7, 3))
        session.get(url, timeout=(7, 3))
    assert sending == [None, 7]


def test_a_request_on_a_connection_that_was_made_before_has_its_own_time_to_be_sent(
    url: str, sending: list[float | None]
) -> None:
    with timed_session() as session:
        session.send(connected(session, url, seconds=1), timeout=60, **options(session))
    assert sending == [60]


def test_a_connection_that_was_made_before_is_the_one_that_is_used(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with timed_session() as session:
        request = connected(session, url)
        monkeypatch.setattr("urllib3.util.connection.create_connection", None)
        assert session.send(request, timeout=5, **options(session)).text == "0"
        connected(session, url)
        assert session.send(request, timeout=5, **options(session)).text == "0", "it is kept"


def test_a_connection_that_the_service_has_closed_meanwhile_is_made_anew() -> None:
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server, timed_session() as session:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        connected(session, address)
        taken.append(server.accept()[0])
        taken[0].close()
        connected(session, address)
        server.settimeout(5)
        taken.append(server.accept()[0])
        taken[1].close()


def test_where_nobody_listens_there_is_no_connection() -> None:
    (port,) = free_ports(1)
    with timed_session() as session, pytest.raises((HTTPError, OSError)):
        connected(session, f"http://127.0.0.1:{port}/")


def test_each_piece_of_an_answer_has_what_is_left_of_the_time_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("exporters.constant_contact.session.time.monotonic", lambda: now[0])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10)
        stream = _TimedStream(ours)
        theirs.sendall(b"abc")
        now[0] += 9.75
        assert stream.read(1) == b"a"
        assert ours.gettimeout() == 0.25
        now[0] += 0.25
        with pytest.raises(TimeoutError):
            stream.read(1)


def test_a_connection_has_its_own_time_to_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []

    def refused(address: object, timeout: object, **_: object) -> None:
        given.append(timeout)
        raise OSError("refused")

    monkeypatch.setattr("urllib3.util.connection.create_connection", refused)
    with timed_session() as session, pytest.raises(HTTPError):
        connected(session, "http://127.0.0.1:9/", seconds=4)
    assert given == [4]


class Secured:
    """A server on https, with an authority that nobody trusts by default."""

    def __init__(self, folder: Path) -> None:
        made = make_certificates(folder)
        self.authorities = str(made.authorities)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made.certificate, made.key)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}/"


def test_a_connection_is_made_to_nobody_whose_certificate_is_not_trusted(tmp_path: Path) -> None:
    secured = Secured(tmp_path)
    with timed_session() as session:
        request = session.prepare_request(requests.Request("GET", secured.url))
        chosen = options(session) | {"cert": None}
        connect(session, request, 5, chosen | {"verify": secured.authorities})
    with timed_session() as session, pytest.raises((HTTPError, OSError), match="certificate verify failed"):
        connect(session, request, 5, chosen | {"verify": True})
    secured.server.shutdown()
    secured.server.server_close()
