"""What a span holds and where it belongs, and which fields log records have."""

from __future__ import annotations

import inspect
import logging
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import azure.functions as func
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from exporters.runs import Run
from shared import telemetry
from shared.errors import Changed, ExportError, Wait
from shared.queues import Message
from tests.telemetry.conftest import Watched


def trace_of(span: ReadableSpan) -> int:
    return span.context.trace_id if span.context else 0


def id_of(span: ReadableSpan) -> int:
    return span.context.span_id if span.context else 0


def test_of_an_error_a_span_keeps_the_class_and_not_what_it_says(watched: Watched) -> None:
    with pytest.raises(ExportError), telemetry.span("work"):
        raise ExportError("ana@example.com cannot be read")
    (span,) = watched.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ExportError")
    assert dict(span.attributes or {}) == {"error.type": "ExportError"}
    assert not span.events


def test_to_come_back_later_is_no_error_and_has_its_reason_as_a_code(watched: Watched) -> None:
    with pytest.raises(Wait), telemetry.span("work"):
        raise Wait(5, "no snapshot of segment “Loyal” yet", "snapshot")
    (span,) = watched.spans
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {"wait.reason": "snapshot"}


def test_that_somebody_else_was_quicker_is_no_error(watched: Watched) -> None:
    with pytest.raises(Changed), telemetry.span("work"):
        raise Changed("the slot was taken in between")
    (span,) = watched.spans
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {"conflict": "Changed"}


def test_a_span_has_the_ids_of_the_block_that_it_is_made_in(watched: Watched) -> None:
    with (
        telemetry.work("step", None, run_id="r", export_id="e", batch="0001"),
        telemetry.span("call", operation="import_file"),
    ):
        pass
    call, step = watched.spans
    ids = {"run_id": "r", "export_id": "e", "batch": "0001"}
    assert dict(call.attributes or {}) == ids | {"operation": "import_file"}
    assert dict(step.attributes or {}) == ids


def test_work_within_a_batch_that_is_about_a_whole_run_has_no_batch(watched: Watched) -> None:
    with (
        telemetry.work("step", None, run_id="r", export_id="e", batch="0001"),
        telemetry.work("start", None, run_id="next", export_id="e"),
    ):
        pass
    start, _ = watched.spans
    assert dict(start.attributes or {}) == {"run_id": "next", "export_id": "e"}


def test_a_span_of_another_trace_is_linked_to_the_one_that_it_was_made_in(watched: Watched) -> None:
    with telemetry.span("started"):
        started = telemetry.traceparent()
    with telemetry.span("invocation"), telemetry.span("step", of=started):
        pass
    first, step, invocation = watched.spans
    assert trace_of(step) == trace_of(first) != trace_of(invocation)
    assert step.parent is not None
    assert step.parent.span_id == id_of(first)
    assert [link.context.span_id for link in step.links] == [id_of(invocation)]


@pytest.mark.parametrize("of", [None, "", "not a traceparent", "00-zz-zz-01"])
def test_without_a_trace_a_span_belongs_to_the_one_that_it_is_made_in(watched: Watched, of: str | None) -> None:
    with telemetry.span("invocation"), telemetry.span("step", of=of):
        pass
    step, invocation = watched.spans
    assert trace_of(step) == trace_of(invocation)


def test_what_begins_apart_is_a_trace_of_its_own_with_a_link_back(watched: Watched) -> None:
    with telemetry.span("ending"), telemetry.apart(), telemetry.span("start"), telemetry.span("within"):
        pass
    within, start, ending = watched.spans
    assert trace_of(within) == trace_of(start) != trace_of(ending)
    assert start.parent is None
    assert [link.context.span_id for link in start.links] == [id_of(ending)]
    assert not within.links


def test_a_function_is_part_of_the_trace_of_its_invocation_though_the_worker_runs_it_in_a_thread() -> None:
    def prepare(msg: func.QueueMessage) -> str | None:
        return f"{msg.get_body().decode()} {telemetry.traceparent()}"

    context = Mock(spec=func.Context)
    context.trace_context.trace_parent = f"00-{'1' * 32}-{'2' * 16}-01"
    seen_by_the_worker = telemetry.invocation(prepare)
    assert list(inspect.signature(seen_by_the_worker).parameters) == ["msg", "context"]
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(seen_by_the_worker, msg=func.QueueMessage(body="hello"), context=context).result()
        assert said == f"hello {context.trace_context.trace_parent}"
        assert pool.submit(telemetry.traceparent).result() is None


def test_a_gauge_tells_a_value_once_so_that_no_instance_repeats_what_is_over(watched: Watched) -> None:
    telemetry.TOKEN_AGE.set(60, connection_id="one")
    telemetry.TOKEN_AGE.set(90, connection_id="one")
    assert watched.points("connections.token_age") == [({"connection_id": "one"}, 90)]
    assert watched.points("connections.token_age") == []


def test_log_records_have_the_fields_of_the_blocks_that_they_are_made_in(caplog: pytest.LogCaptureFixture) -> None:
    telemetry.put_fields_on_log_records()
    log = logging.getLogger("exporters.anything")
    with telemetry.about(run_id="r", export_id="e", batch=None):
        with telemetry.about(batch="0001"):
            log.warning("within")
        log.warning("after")
    log.warning("outside")
    names = ("run_id", "export_id", "batch")
    assert [{name: vars(one)[name] for name in names if name in vars(one)} for one in caplog.records] == [
        {"run_id": "r", "export_id": "e", "batch": "0001"},
        {"run_id": "r", "export_id": "e"},
        {},
    ]


def test_an_event_may_name_fields_that_its_block_has_too(caplog: pytest.LogCaptureFixture) -> None:
    telemetry.put_fields_on_log_records()
    log = logging.getLogger("exporters.events")
    with telemetry.about(run_id="older", batch="0001"):
        telemetry.tell(log, "export.failed", logging.ERROR, "failed: %s", "r", run_id="r")
    fields = vars(caplog.records[0])
    assert (fields["event"], fields["run_id"], fields["batch"]) == ("export.failed", "r", "0001")


def test_fields_are_put_on_log_records_once_however_often_it_is_asked_for() -> None:
    telemetry.put_fields_on_log_records()
    before = logging.getLogRecordFactory()
    telemetry.put_fields_on_log_records()
    assert logging.getLogRecordFactory() is before


def test_messages_and_runs_of_before_have_no_trace() -> None:
    assert Message.model_validate_json('{"export_id": "e", "run_id": "r"}').trace is None
    assert "trace" in Run.model_fields
    assert not Run.model_fields["trace"].is_required()
