"""What can be seen of the requests to Constant Contact: each is a span and is counted, by operation and outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import requests
from opentelemetry.trace import SpanKind

from exporters.constant_contact.errors import (
    ConstantContactError,
    NoAnswer,
    QueueFull,
    QuotaExceeded,
    ServerError,
    Throttled,
    Unreachable,
    answer_error,
)
from shared import telemetry

_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (Throttled, "throttled"),
    (QuotaExceeded, "quota"),
    (QueueFull, "queue_full"),
    (ServerError, "server_error"),
    (Unreachable, "unreachable"),
    (NoAnswer, "no_answer"),
    (requests.ConnectTimeout, "unreachable"),
    (requests.RequestException, "no_answer"),
)
OUTCOMES = frozenset({"ok", "unauthorized", "refused", *(code for _, code in _ERRORS)})
"""What can become of a request."""


def outcome_of(answer: requests.Response, *, queues_work: bool = False) -> str:
    """`ok`, or a code for what the answer says; `queues_work` as in `answer_error`."""
    if answer.status_code // 100 == 2:
        return "ok"
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return "unauthorized"
    return _code(answer_error(answer.status_code, answer.content, retry_after=None, queues_work=queues_work))


@contextmanager
def one_call(operation: str, *, queues_work: bool = False) -> Iterator[Callable[[requests.Response], None]]:
    """One request, sent in the block, which hands over the answer that it has read.

    Nothing of the address, the headers or the body is kept.
    """
    outcome = "no_answer"
    with telemetry.span(f"constant_contact.{operation}", kind=SpanKind.CLIENT, operation=operation) as span:

        def answered(answer: requests.Response) -> None:
            nonlocal outcome
            outcome = outcome_of(answer, queues_work=queues_work)
            span.set_attribute("http.response.status_code", answer.status_code)

        try:
            yield answered
        except (ConstantContactError, requests.RequestException) as error:
            outcome = _code(error) if outcome == "no_answer" else outcome
            raise
        finally:
            span.set_attribute("outcome", outcome)
            if outcome != "ok":
                telemetry.failed(span, outcome)
            telemetry.CALLS.add(1, {"operation": operation, "outcome": outcome})


def _code(error: Exception) -> str:
    return next((code for kind, code in _ERRORS if isinstance(error, kind)), "refused")
