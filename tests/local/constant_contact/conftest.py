"""A simulator of its own for every test, behind one server, since stopping a server takes a while."""

from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from local.constant_contact.app import build_app
from local.constant_contact.server import Simulator, serving
from local.constant_contact.state import State
from tests.local.constant_contact.client import Client, client_of


class Switchboard:
    """An application that hands every request to the simulator of the test at hand."""

    url: str
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def switchboard() -> Iterator[Switchboard]:
    switchboard = Switchboard()
    with serving(switchboard) as switchboard.url:
        yield switchboard


@pytest.fixture
def simulator(switchboard: Switchboard) -> Iterator[Simulator]:
    state = State()
    switchboard.app = build_app(state)
    with state.queue.running():
        yield Simulator(switchboard.url, state)


@pytest.fixture
def client(simulator: Simulator) -> Client:
    return client_of(simulator)
