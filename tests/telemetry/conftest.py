"""What the app tells of itself in this process, for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import DataPointT, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from local.azurite import Azurite
from tests.exporters.world import World
from tests.simulators import Simulators


class Watched(SpanExporter):
    """The spans that have ended, and the metrics since it was last asked; of a process there is one of it."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.is_on = False
        self.reader = InMemoryMetricReader()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.is_on:
            self.spans += spans
        return SpanExportResult.SUCCESS

    def begin(self) -> None:
        self.spans.clear()
        self.reader.get_metrics_data()
        self.is_on = True

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def points(self, name: str) -> list[tuple[Mapping[str, object], float]]:
        """Attributes and value, or the number of values of a histogram, of a metric as it is now."""
        points = self._points(name)
        return [(dict(point.attributes or {}), getattr(point, "count", getattr(point, "value", 0))) for point in points]

    def sums(self, name: str) -> list[tuple[Mapping[str, object], float]]:
        """Attributes and the sum of the values of a histogram as it is now."""
        return [(dict(point.attributes or {}), getattr(point, "sum", 0)) for point in self._points(name)]

    def _points(self, name: str) -> list[DataPointT]:
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return [point for metric in found for point in metric.data.data_points]


@pytest.fixture(scope="session")
def _providers() -> Watched:
    """A process has one provider of each kind, for good."""
    watched = Watched()
    spans = TracerProvider(shutdown_on_exit=False)
    spans.add_span_processor(SimpleSpanProcessor(watched))
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(MeterProvider([watched.reader], shutdown_on_exit=False))
    return watched


@pytest.fixture
def watched(_providers: Watched) -> Iterator[Watched]:
    """Nothing was told yet; counters go on from what they were."""
    _providers.begin()
    yield _providers
    _providers.is_on = False


@pytest.fixture
def world(azurite: Azurite, vault_url: str, simulators: Simulators) -> Iterator[World]:
    """Everything around the export, empty but for one connection that works."""
    with simulators.running() as simulator:
        yield World(azurite, vault_url, simulator)
