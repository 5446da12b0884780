"""Reads what was written of spans, metrics and log records: OTLP, a JSON object a line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SpanSeen:
    """A span that has ended; `service` is who made it (functions-host or segment-exports), `instance` where."""

    trace: str
    id: str
    parent: str
    name: str
    service: str
    instance: str
    links: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    failed: bool = False


@dataclass(frozen=True)
class RecordSeen:
    """A log record."""

    logger: str
    text: str
    trace: str
    attributes: dict[str, Any]


@dataclass
class Seen:
    """Everything of some files."""

    spans: list[SpanSeen] = field(default_factory=list)
    records: list[RecordSeen] = field(default_factory=list)
    points: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)
    strings: set[str] = field(default_factory=set)

    def of_run(self, run_id: str) -> list[SpanSeen]:
        """Every span of the trace, or traces, that the run has a span in."""
        traces = {span.trace for span in self.spans if span.attributes.get("run_id") == run_id}
        return [span for span in self.spans if span.trace in traces]

    def sums(self, name: str, attribute: str) -> Counter[str]:
        """The total of a counter, or how many values a histogram has, by an attribute."""
        totals: Counter[str] = Counter()
        for metric, attributes, value in self.points:
            if metric == name:
                totals[str(attributes[attribute])] += round(value)
        return totals


def read(files: Iterable[Path]) -> Seen:
    """What these files hold; a line that a killed process has not finished is left out."""
    seen = Seen()
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.endswith("}"):
                continue
            content = json.loads(line)
            seen.strings.update(_strings(content))
            _add(seen, content)
    return seen


def why_not_connected(spans: list[SpanSeen]) -> str | None:
    """What keeps the spans from being one trace with one root, or None."""
    if len({span.trace for span in spans}) != 1:
        return f"{len({span.trace for span in spans})} traces"
    ids = {span.id for span in spans}
    if lost := [span.name for span in spans if span.parent and span.parent not in ids]:
        return f"without their parents: {', '.join(lost)}"
    if len(roots := [span.name for span in spans if not span.parent]) != 1:
        return f"roots: {', '.join(roots) or 'none'}"
    return None


def _add(seen: Seen, content: dict[str, Any]) -> None:
    for resource in content.get("resourceSpans", ()):
        made_by = _attributes(resource["resource"])
        for scope in resource["scopeSpans"]:
            seen.spans += [_span(one, made_by) for one in scope["spans"]]
    for resource in content.get("resourceLogs", ()):
        for scope in resource["scopeLogs"]:
            for one in scope["logRecords"]:
                text = str(one["body"].get("stringValue"))
                seen.records.append(RecordSeen(scope["scope"]["name"], text, one.get("traceId", ""), _attributes(one)))
    for resource in content.get("resourceMetrics", ()):
        for scope in resource["scopeMetrics"]:
            for metric in scope["metrics"]:
                seen.points += [(metric["name"], *point) for point in _points(metric)]


def _span(one: dict[str, Any], made_by: dict[str, Any]) -> SpanSeen:
    return SpanSeen(
        trace=one["traceId"],
        id=one["spanId"],
        parent=one.get("parentSpanId", ""),
        name=one["name"],
        service=made_by["service.name"],
        instance=made_by["service.instance.id"],
        links=tuple(link["spanId"] for link in one.get("links", ())),
        attributes=_attributes(one),
        failed=one.get("status", {}).get("code") == 2,
    )


def _points(metric: dict[str, Any]) -> Iterator[tuple[dict[str, Any], float]]:
    for kind in ("sum", "gauge", "histogram"):
        for point in metric.get(kind, {}).get("dataPoints", ()):
            value = point.get("count", point.get("asInt", point.get("asDouble")))
            yield _attributes(point), float(value)


def _attributes(of: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values()), None) for one in of.get("attributes", ())}


def _strings(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from _strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from _strings(value)
