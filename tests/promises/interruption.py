"""Lets something happen at any request of the app: the worker dies, or another one comes in between.

Everything that a step does to the world outside is a request (to storage, Key Vault, Constant Contact) or a message, so
between two of them nothing is seen from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from shared.queues import Message
from tests.exporters.world import QueueInHand


class Killed(BaseException):
    """The process is gone: whatever its handlers would still ask for never leaves."""


@contextmanager
def watching(happens: Callable[[int], None], *, after: bool = False) -> Iterator[None]:
    """Call `happens` with the number of each request and message, from 1, before it leaves or after it was answered.

    What `happens` asks for itself is not counted.
    """
    send_request, send_message = requests.Session.send, QueueInHand.send
    count, inside = 0, False

    def one_more() -> None:
        nonlocal count, inside
        if inside:
            return
        count, inside = count + 1, True
        try:
            happens(count)
        finally:
            inside = False

    def request(session: requests.Session, *given: object, **options: object) -> requests.Response:
        if not after:
            one_more()
        answer = send_request(session, *given, **options)  # type: ignore[arg-type]
        if after:
            one_more()
        return answer

    def message(queue: QueueInHand, name: str, content: Message, *, after_seconds: float = 0) -> None:
        one_more()
        send_message(queue, name, content, after_seconds=after_seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", request)
        patch.setattr(QueueInHand, "send", message)
        yield


def requests_of(work: Callable[[], object]) -> int:
    """How many requests and messages a piece of work makes when nothing disturbs it."""
    numbers = [0]
    with watching(numbers.append):
        work()
    return numbers[-1]


def death(at: int) -> Callable[[int], None]:
    """For `watching`: from request number `at` on nothing leaves any more."""

    def dead(number: int) -> None:
        if number >= at:
            raise Killed

    return dead
