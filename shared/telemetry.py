"""What can be seen of the app from outside: spans, metrics, events, and the fields of its log records.

Only OpenTelemetry's API is used. Whoever runs the app says where all of it goes: the platform, `local/`, a test. Where
nobody does, it goes nowhere and costs next to nothing.

Everything carries ids, codes and numbers: no name that people gave, no address with a query, no text of an exception.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

import azure.functions as func
from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.errors import Conflict, Wait

SCOPE = "segment-exports"

Value = str | int | float | bool
Event = Literal["export.failed", "export.recovered", "connection.sign_in_again"]
Returned = TypeVar("Returned")

_tracer = trace.get_tracer(SCOPE)
_meter = metrics.get_meter(SCOPE)
_w3c = TraceContextTextMapPropagator()
_fields: ContextVar[Mapping[str, str]] = ContextVar("fields of log records", default={})  # noqa: B039 - never changed
# Where the span is kept that a trace of its own was begun in.
_LEFT = contexts.create_key("left")


class Samples:
    """A gauge: each value that was set is told once, so that no instance repeats what is long over."""

    def __init__(self, name: str, unit: str, description: str) -> None:
        self._values: dict[tuple[tuple[str, str], ...], float] = {}
        self._lock = threading.Lock()
        _meter.create_observable_gauge(name, [self._told], unit, description)

    def set(self, value: float, **attributes: str) -> None:
        """The value is this now."""
        with self._lock:
            self._values[tuple(sorted(attributes.items()))] = value

    def _told(self, _: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        with self._lock:
            values, self._values = self._values, {}
        return [metrics.Observation(value, dict(attributes)) for attributes, value in values.items()]


# --- Metrics: docs/observe.md explains each, and the values of its attributes -----------------------------------------


def _counter(name: str, unit: str, description: str, *attributes: str) -> metrics.Counter:
    METRICS[name] = attributes
    return _meter.create_counter(name, unit, description)


def _histogram(name: str, description: str, *attributes: str) -> metrics.Histogram:
    METRICS[name] = attributes
    return _meter.create_histogram(name, "s", description)


def _samples(name: str, unit: str, description: str, *attributes: str) -> Samples:
    METRICS[name] = attributes
    return Samples(name, unit, description)


METRICS: dict[str, tuple[str, ...]] = {}
"""The attributes of every metric, by its name."""

PROFILES = _counter("exports.profiles", "{profile}", "Profiles of runs that have ended", "outcome")
RUNS = _counter("exports.runs", "{run}", "Runs that have ended", "status", "trigger")
RUN_DURATION = _histogram("exports.run_duration", "From the start of a run to its end", "status")
BATCHES = _counter("exports.batches", "{batch}", "Batches of runs that have ended", "state")
WAITS = _histogram("exports.waits", "How long steps put themselves off", "reason")
CALLS = _counter("constant_contact.calls", "{call}", "Requests to Constant Contact", "operation", "outcome")
CALLS_LEFT = _samples("constant_contact.calls_left_today", "{call}", "The calls that are left until 00:00 UTC")
TOKEN_AGE = _samples("connections.token_age", "s", "Since the tokens were last refreshed", "connection_id")
SNAPSHOT_AGE = _samples("exports.snapshot_age", "s", "How old the snapshot is that was sent last", "export_id")


# --- Spans ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def span(
    name: str, *, of: str | None = None, kind: SpanKind = SpanKind.INTERNAL, **attributes: Value | None
) -> Iterator[Span]:
    """A span for what is done in the block, with the fields that log records have there (`about`).

    Of an error it keeps the class alone. To come back later is none, and that somebody else was quicker is none.

    Args:
        name: what is done.
        of: the trace that it belongs to, as `traceparent` gave it; it is linked to the span that is current then.
        kind: for whom it is done.
        attributes: ids, codes and numbers; None is left out.
    """
    current = trace.get_current_span().get_span_context()
    parent: Context | None = _remote(of)
    if not trace.get_current_span(parent).get_span_context().is_valid:
        parent = None
    left = contexts.get_value(_LEFT)
    links = []
    if parent is not None and current.is_valid:
        links = [Link(current)]
    elif isinstance(left, trace.SpanContext) and not current.is_valid:
        links = [Link(left)]
    given = {name: value for name, value in attributes.items() if value is not None}
    known: dict[str, Value] = {**_fields.get(), **given}
    with _tracer.start_as_current_span(
        name, parent, kind, known, links, record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield made
        except Wait as wait:
            made.set_attribute("wait.reason", wait.code)
            raise
        except Conflict as conflict:
            made.set_attribute("conflict", type(conflict).__name__)
            raise
        except Exception as error:
            failed(made, type(error).__name__)
            raise


def failed(of: Span, kind: str) -> None:
    """The span ended badly; `kind` is the class of the error, or a code."""
    of.set_attribute("error.type", kind)
    of.set_status(StatusCode.ERROR, kind)


def traceparent() -> str | None:
    """The current span in the words of W3C Trace Context; None where nobody looks on."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get("traceparent")


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """What begins in the block is a trace of its own, linked to the span that it was begun in."""
    left = trace.get_current_span().get_span_context()
    token = contexts.attach(contexts.set_value(_LEFT, left if left.is_valid else None, Context()))
    try:
        yield
    finally:
        contexts.detach(token)


@contextlib.contextmanager
def work(name: str, of: str | None, *, run_id: str, export_id: str, batch: str | None = None) -> Iterator[Span]:
    """A span of a run's trace, and the run's ids on it and on every log record and span of the block."""
    with about(run_id=run_id, export_id=export_id, batch=batch), span(name, of=of) as made:
        yield made


def invocation(function: Callable[..., Returned]) -> Callable[..., Returned]:
    """A function that the worker runs in a thread, with the span of its invocation as the current one.

    The worker hands the trace of an invocation over with its context, and does not carry it into the thread.
    """

    @functools.wraps(function)
    def run(*, context: func.Context, **given: Any) -> Returned:
        token = contexts.attach(_remote(context.trace_context.trace_parent))
        try:
            return function(**given)
        finally:
            contexts.detach(token)

    parameters = inspect.signature(function).parameters.values()
    asked_for = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=func.Context)
    run.__signature__ = inspect.Signature([*parameters, asked_for])  # type: ignore[attr-defined]
    run.__annotations__ = {**function.__annotations__, "context": func.Context}
    return run


def _remote(traceparent: str | None) -> Context:
    """A context with this span as the current one; with none where it is no traceparent."""
    return _w3c.extract({"traceparent": traceparent or ""}, Context())


# --- Log records ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def about(**fields: str | None) -> Iterator[None]:
    """Every log record and span of the block has these fields, besides those of the block around it.

    None takes one of those away.
    """
    known = {**_fields.get(), **fields}
    token = _fields.set({name: value for name, value in known.items() if value is not None})
    try:
        yield
    finally:
        _fields.reset(token)


def tell(log: logging.Logger, event: Event, level: int, text: str, *values: object, **facts: object) -> None:
    """Log that something has happened that alerts are made from; `event` and the facts are fields of the record."""
    known = {**_fields.get(), "event": event, **facts}
    # A record that had a field already would refuse it.
    token = _fields.set({})
    try:
        log.log(level, text, *values, extra=known, stacklevel=2)
    finally:
        _fields.reset(token)


def put_fields_on_log_records() -> None:
    """From now on every log record of this process has the fields of the block that it is made in (`about`)."""
    make = logging.getLogRecordFactory()
    if getattr(make, "puts_fields", False):
        return

    def with_fields(*given: Any, **options: Any) -> logging.LogRecord:
        record = make(*given, **options)
        record.__dict__.update(_fields.get())
        return record

    with_fields.puts_fields = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(with_fields)
