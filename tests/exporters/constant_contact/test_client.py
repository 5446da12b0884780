"""Answers that no simulator gives: the client is not fooled, and its token goes nowhere else."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import NoAnswer, Refused, ServerError, Unclear, Unreachable, Unreadable
from exporters.constant_contact.gates import Gates
from exporters.constant_contact.limits import Limiter
from tests.exporters.world import World


@dataclass
class Script:
    """What the server answers, in order; the last answer again and again. `paths` are those that were asked for."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    pause: float = 0.0

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.answers.append((status, headers, body))


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.paths.append(self.path)
            status, headers, body = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            with contextlib.suppress(OSError):  # Nobody reads on.
                for byte in [body] if not script.pause else [body[at : at + 1] for at in range(len(body))]:
                    ended.wait(script.pause)
                    self.wfile.write(byte)
                    self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v3"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield script
    ended.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def account(world: World, script: Script) -> Account:
    settings = world.settings.model_copy(update={"constant_contact_api_url": script.url, "request_timeout_seconds": 60})
    tokens = world.services.account(world.connection)._tokens
    limiter = Limiter(world.limits, "client", now=lambda: world.clock.now().timestamp(), pause=world.clock.advance)
    gates = Gates(world.limits, "client", now=world.clock.now)
    return Account(world.connection, settings, tokens, limiter, gates, requests.Session(), now=world.clock.now)


ACTIVITY = b'{"activity_id": "7", "state": "completed", "source_file_name": "a.csv", "percent_done": 33.3}'


def test_a_redirect_is_refused_and_the_token_stays_here(account: Account, script: Script) -> None:
    script.answer(b"", 302, Location=script.url.replace("/v3", "/elsewhere"))
    with pytest.raises(Refused, match="CONSTANT_CONTACT_API_URL"):
        account.contact_list("x")
    assert script.paths == ["/v3/contact_lists/x"]


@pytest.mark.parametrize("body", [b'{"message": "temporarily unavailable"}', b"<html>", b"", b"[]", b'"text"'])
def test_a_page_that_lists_no_activities_is_not_taken_for_an_empty_one(
    account: Account, script: Script, body: bytes
) -> None:
    script.answer(body)
    with pytest.raises(Unreadable):
        account.find_import("a.csv")


def test_an_empty_page_is_an_empty_page(account: Account, script: Script) -> None:
    script.answer(b'{"activities": []}')
    assert account.find_import("a.csv") is None


def test_an_activity_of_an_unknown_kind_does_not_hide_the_others(account: Account, script: Script) -> None:
    script.answer(b'{"activities": [{"percent_done": "half"}, 7, ' + ACTIVITY + b"]}")
    found = account.find_import("a.csv")
    assert found is not None
    assert found.activity_id == "7"


def test_the_pages_are_followed_by_the_path_of_their_links_alone(account: Account, script: Script) -> None:
    link = b'"_links": {"next": {"href": "https://elsewhere.example/v3/activities?cursor=2"}}'
    script.answer(b'{"activities": [], ' + link + b"}")
    script.answer(b'{"activities": [' + ACTIVITY + b"]}")
    assert account.find_import("a.csv") is not None
    assert script.paths == ["/v3/activities?limit=500", "/v3/activities?cursor=2"]


def test_a_link_that_leads_in_a_circle_ends(account: Account, script: Script) -> None:
    script.answer(b'{"activities": [], "_links": {"next": {"href": "/v3/activities?limit=500"}}}')
    assert account.find_import("a.csv") is None
    assert len(script.paths) == 1


def test_an_answer_that_trickles_in_is_given_up_after_the_time_out(account: Account, script: Script) -> None:
    account._settings = account._settings.model_copy(update={"request_timeout_seconds": 1})
    script.pause = 0.3
    script.answer(b'{"activities": []}')
    with pytest.raises(NoAnswer):
        account.find_import("a.csv")


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_what_may_have_been_processed_is_unclear(account: Account, script: Script, status: int) -> None:
    script.answer(b"", status)
    with pytest.raises(Unclear):
        account.contact_list("x")


def test_a_wait_that_a_server_error_asks_for_is_known(account: Account, script: Script) -> None:
    script.answer(b"", 503, Retry_After="120")
    with pytest.raises(ServerError) as error:
        account.contact_list("x")
    assert error.value.seconds == 120


def test_a_service_that_nobody_runs_was_certainly_not_reached(world: World, account: Account) -> None:
    account._settings = account._settings.model_copy(update={"constant_contact_api_url": "http://127.0.0.1:9/v3"})
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        account.contact_list("x")
