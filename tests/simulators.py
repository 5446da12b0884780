"""Simulators of Constant Contact that come and go behind servers that stay: to start one and stop it takes a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from local.constant_contact.app import build_app
from local.constant_contact.configuration import Configuration
from local.constant_contact.server import Simulator, serving
from local.constant_contact.state import State


class _Switchboard:
    """An application that hands every request to the simulator of the test at hand."""

    url: str
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Simulators:
    """As many as are wanted at once, each with nothing of the one that was there before it."""

    def __init__(self) -> None:
        self._free: list[_Switchboard] = []
        self._servers = ExitStack()

    @contextmanager
    def running(self, configuration: Configuration | None = None) -> Iterator[Simulator]:
        """A simulator of its own, for as long as the block lasts; its address may be that of one that has ended."""
        switchboard = self._free.pop() if self._free else self._another()
        state = State(configuration)
        switchboard.app = build_app(state)
        try:
            with state.queue.running():
                yield Simulator(switchboard.url, state)
        finally:
            self._free.append(switchboard)

    def close(self) -> None:
        """Stop the servers."""
        self._servers.close()

    def _another(self) -> _Switchboard:
        switchboard = _Switchboard()
        switchboard.url = self._servers.enter_context(serving(switchboard))
        return switchboard
