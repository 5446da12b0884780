"""Runs functions through the worker, and says in one line of the log how each run ended."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from local.host.functions import Function, HttpTrigger, TimerTrigger
from local.host.wire import InvocationRequest, InvocationResponse, ParameterBinding, RpcTraceContext, TypedData
from local.host.worker import Worker

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a run ended; `returned` is what the function returned, if anything."""

    succeeded: bool
    returned: TypedData | None


class Invoker:
    """Every listener runs functions here, and stopping waits here for what still runs.

    Each invocation is a span, and the start of a trace: the worker is told it, as the real host does.
    """

    def __init__(self, worker: Worker, tracer: Tracer | None = None) -> None:
        self._worker = worker
        self._tracer = tracer or trace.NoOpTracer()
        self._running = 0
        self._changed = threading.Condition()

    def start(
        self, function: Function, value: TypedData, metadata: Mapping[str, TypedData], cause: str
    ) -> Future[Outcome]:
        """Run `function` with the trigger's value; the future never holds an exception of the function.

        `cause` goes to the log: what made the function run, without bodies, keys or query strings.
        """
        invocation_id = str(uuid.uuid4())
        span = self._span(function, invocation_id)
        request = InvocationRequest(
            invocation_id=invocation_id,
            function_id=function.id,
            input_data=[ParameterBinding(function.parameter, value)],
            trigger_metadata=metadata,
            trace_context=RpcTraceContext(trace_parent=_trace_parent(span)),
        )
        outcome: Future[Outcome] = Future()
        started = time.monotonic()
        with self._changed:
            self._running += 1

        def end(answer: Future[InvocationResponse]) -> None:
            response = answer.result()
            exception = response.result.exception
            logger.log(
                logging.INFO if exception is None else logging.ERROR,
                "function=%s invocation=%s outcome=%s ms=%d cause=%s%s",
                function.name,
                request.invocation_id,
                "succeeded" if exception is None else "failed",
                (time.monotonic() - started) * 1000,
                cause,
                "" if exception is None else f" error={exception.message}\n{exception.stack_trace.rstrip()}",
            )
            if exception is not None:
                span.set_status(StatusCode.ERROR)
            span.end()
            outcome.set_result(Outcome(exception is None, response.return_value))
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

        self._worker.invoke(request).add_done_callback(end)
        return outcome

    def run(self, function: Function, value: TypedData, metadata: Mapping[str, TypedData], cause: str) -> bool:
        """Run `function` and wait for its end; True when it succeeded."""
        return self.start(function, value, metadata, cause).result().succeeded

    def _span(self, function: Function, invocation_id: str) -> Span:
        match function.trigger:
            case HttpTrigger():
                kind = SpanKind.SERVER
            case TimerTrigger():
                kind = SpanKind.INTERNAL
            case _:
                kind = SpanKind.CONSUMER
        facts = {"faas.name": function.name, "faas.invocation_id": invocation_id}
        return self._tracer.start_span(function.name, Context(), kind, facts)

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait for running functions; False when some still run after `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, timeout=seconds)


def _trace_parent(span: Span) -> str:
    """The span as W3C traceparent; one of nobody where nothing is recorded."""
    known = span.get_span_context()
    if not known.is_valid:
        return f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"
    return f"00-{trace.format_trace_id(known.trace_id)}-{trace.format_span_id(known.span_id)}-01"
