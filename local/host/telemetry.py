"""What the platform does with telemetry, on one machine: spans, metrics and log records become lines of a file.

Each line is OTLP in JSON, as every collector and viewer of OpenTelemetry reads it. In Azure host and worker are two
processes with an exporter each, so there are two providers of spans here too: the host's own, which starts every trace,
and the one that the app gets.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from pathlib import Path

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.json.file import FileMetricExporter, FileSpanExporter
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# The worker library sets its providers up itself where this setting says so, as in Azure.
AZURE_MONITOR = "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"
# It then takes every invocation for a part of the host's trace; else this one has to say so.
_OTHERS = "PYTHON_ENABLE_OPENTELEMETRY"
# What a killed host has not written by then is lost.
_SPANS_EVERY_MILLISECONDS = 500
_METRICS_EVERY_MILLISECONDS = 2_000
# What has happened since the last line, so that sums over lines and hosts are right.
_DELTA: dict[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
}


class Telemetry:
    """Writes to `file` from now on, for the whole process; `instance` is the name of the host."""

    def __init__(self, file: Path, instance: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Appended to: a host that is started again goes on.
        self._lines = _Lines(file)
        host = TracerProvider(resource=_resource("functions-host", instance), shutdown_on_exit=False)
        host.add_span_processor(self._spans())
        self.tracer = host.get_tracer("local.host")
        self._providers: list[TracerProvider | MeterProvider | LoggerProvider] = [host]
        if os.environ.get(AZURE_MONITOR, "").lower() not in ("true", "1"):
            self._provide(_resource("segment-exports", instance))

    def close(self) -> None:
        """Write what has not been written yet."""
        for provider in self._providers:
            provider.shutdown()
        self._lines.close()

    def _provide(self, resource: Resource) -> None:
        """Be what azure-monitor-opentelemetry is in Azure."""
        os.environ[_OTHERS] = "true"
        spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        spans.add_span_processor(self._spans())
        trace.set_tracer_provider(spans)
        exporter = FileMetricExporter(stream=self._lines, preferred_temporality=_DELTA)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=_METRICS_EVERY_MILLISECONDS)
        measures = MeterProvider([reader], resource, shutdown_on_exit=False)
        metrics.set_meter_provider(measures)
        records = LoggerProvider(resource, shutdown_on_exit=False)
        log_exporter = FileLogExporter(stream=self._lines)
        records.add_log_record_processor(
            BatchLogRecordProcessor(log_exporter, schedule_delay_millis=_SPANS_EVERY_MILLISECONDS)
        )
        set_logger_provider(records)
        handler = LoggingHandler(logger_provider=records)
        handler.addFilter(lambda record: not record.name.startswith("local."))
        logging.getLogger().addHandler(handler)
        self._providers += [spans, measures, records]

    def _spans(self) -> BatchSpanProcessor:
        return BatchSpanProcessor(FileSpanExporter(stream=self._lines), schedule_delay_millis=_SPANS_EVERY_MILLISECONDS)


def _resource(service: str, instance: str) -> Resource:
    return Resource({"service.name": service, "service.instance.id": instance})


class _Lines(io.StringIO):
    """Several exporters write lines to one file, each in a thread of its own: no line is cut by another."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file.open("ab", buffering=0)
        self._lock = threading.Lock()

    def write(self, text: str, /) -> int:
        with self._lock:
            self._file.write(text.encode())
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self._file.close()
        super().close()
