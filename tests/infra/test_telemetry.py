"""Alerts and the workbook ask for metrics, events and fields that the app really sends."""

from __future__ import annotations

import ast
import functools
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporters.measuring import profiles_by_outcome
from exporters.runs import Counts
from shared import telemetry
from tests.infra.bicep import INFRA, ROOT, declared, resource, resources, strings, text
from tests.infra.conftest import Breaking, Change

METRICS = telemetry.METRICS
EVENTS = set(typing.get_args(telemetry.Event))
RULES = "Microsoft.Insights/scheduledQueryRules"
# What a window of a log alert can be; anything else is refused when it is deployed.
WINDOWS = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H", "P1D", "P2D"}


@functools.cache
def fields() -> set[str]:
    """The names of fields that the app's code gives to log records."""
    names = {"event"}
    for folder in ("exporters", "shared", "admin"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and re.search(r"telemetry\.(tell|about|work)", ast.unparse(node.func)):
                    names |= {one.arg for one in node.keywords if one.arg}
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "facts":
                    names |= {str(key.value) for key in _keys(node.value)}
    return names


def _keys(node: ast.expr) -> list[ast.Constant]:
    return [one for one in node.keys if isinstance(one, ast.Constant)] if isinstance(node, ast.Dict) else []


def queries(folder: Path) -> Iterator[str]:
    """Every KQL query of the alerts and the workbook."""
    for one in declared(folder):
        if one.file == "modules/alerts.bicep":
            yield from (found for found in strings(one.value) if re.match(r"'?(traces|customMetrics)\b", found))
    workbook = json.loads((folder / "workbook.json").read_text(encoding="utf-8"))
    for item in workbook["items"]:
        if item["type"] == 3:
            yield item["content"]["query"]


def unknown_names(folder: Path) -> list[str]:
    """Names in the queries that the app does not send."""
    problems = set()
    for query in queries(folder):
        names = re.findall(r'\bname == "([^"]+)"', query)
        problems |= {f"no metric {one}" for one in names if one not in METRICS}
        known = {field for one in names for field in METRICS.get(one, ())} if names else fields()
        asked = set(re.findall(r"customDimensions\.(\w+)", query))
        if not names or names[0] in METRICS:
            problems |= {f"no field {one}" for one in asked - known}
        # Whatever comes after the dot is of any type until it is made a text.
        problems |= {f"no text: {one}" for one in re.findall(r"customDimensions\.(\w+) (?:in|has|contains|=~)", query)}
        # Where the logs are kept in a workspace, the column of that name is among those that were removed.
        problems |= {f"no column {one}" for one in re.findall(r"\bvalue\b", query)}
        for listed in re.findall(r"(?:customDimensions\.event\)?|\bwhat) (?:==|in) \(?([^)|]+)", query):
            problems |= {f"no event {one}" for one in re.findall(r'"([^"]+)"', listed) if one not in EVENTS}
        for outcome in re.findall(r'customDimensions\.outcome == "(\w+)"', query):
            if outcome not in profiles_by_outcome(Counts()):
                problems.add(f"no outcome {outcome}")
    return sorted(problems)


def wrong_alerts(folder: Path) -> list[str]:
    """Windows and queries that the platform refuses, and events that nobody hears of."""
    rules = next(one.value for one in declared(folder, "var") if one.name == "rules")
    quiet = [one for one in declared(folder, "resource") if one.name == "quiet"]
    windows = {rule["window"] for rule in rules} | {str(one.at("properties.windowSize")) for one in quiet}
    problems = [f"no window can be {one}" for one in windows - WINDOWS]
    told = " ".join(rule["query"] for rule in rules)
    # Before the first telemetry there are no tables to ask.
    unready = [one for one in resources(folder, RULES) if one.at("properties.skipQueryValidation") is not True]
    problems += [f"{one.name} cannot be made before the first telemetry" for one in unready]
    problems += [f"nobody hears of {one}" for one in EVENTS if f'"{one}"' not in told]
    return sorted(problems)


def items(folder: Path) -> list[dict[str, Any]]:
    """The parts of the workbook."""
    found: list[dict[str, Any]] = json.loads((folder / "workbook.json").read_text(encoding="utf-8"))["items"]
    return found


def test_the_app_has_metrics_events_and_fields() -> None:
    assert METRICS["exports.profiles"] == ("outcome",)
    assert {"export_id", "run_id", "connection_id", "problem"} <= fields()
    assert "export.failed" in EVENTS


def test_alerts_and_workbook_ask_for_what_the_app_sends() -> None:
    assert len(list(queries(INFRA))) > 15
    assert unknown_names(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("modules/alerts.bicep", '"export.failed"', '"export.failure"'), ["no event export.failure"]),
        (("modules/alerts.bicep", "calls_left_today", "calls_left"), ["no metric constant_contact.calls_left"]),
        (("modules/alerts.bicep", "exports.profiles", "export.profiles"), ["no metric export.profiles"]),
        (("modules/alerts.bicep", 'outcome == "sent"', 'outcome == "send"'), ["no outcome send"]),
        (("workbook.json", "customDimensions.reason", "customDimensions.why"), ["no field why"]),
        (
            ("workbook.json", 'name == \\"exports.runs\\"', 'name == \\"exports.waits\\"'),
            ["no field status", "no field trigger"],
        ),
        (("workbook.json", "connections.token_age", "connections.age"), ["no metric connections.age"]),
        (("workbook.json", "tostring(customDimensions.event) in", "customDimensions.event in"), ["no text: event"]),
        (("workbook.json", "min(valueSum)", "min(value)"), ["no column value"]),
        (("modules/alerts.bicep", "valueSum < 1000", "value < 1000"), ["no column value"]),
    ],
)
def test_a_name_that_the_app_does_not_send_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert unknown_names(broken(change)) == expected


def test_somebody_hears_of_every_event_in_windows_that_are_allowed() -> None:
    assert wrong_alerts(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("modules/alerts.bicep", "windowSize: 'P2D'", "windowSize: 'PT26H'"), ["no window can be PT26H"]),
        (
            ("modules/alerts.bicep", '"connection.sign_in_again"', '"export.failed"'),
            ["nobody hears of connection.sign_in_again"],
        ),
        (
            ("modules/alerts.bicep", "      skipQueryValidation: true\n", ""),
            ["alerts cannot be made before the first telemetry"],
        ),
        (
            ("modules/alerts.bicep", "\n    skipQueryValidation: true\n", "\n"),
            ["quiet cannot be made before the first telemetry"],
        ),
    ],
)
def test_an_alert_that_would_not_come_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert wrong_alerts(broken(change)) == expected


def test_the_longest_quiet_time_fits_into_its_window() -> None:
    hours = next(one for one in declared(INFRA, "param") if one.name == "quietHours" and one.file == "main.bicep")
    assert hours.decorators["maxValue"] < 48


def test_quiet_is_only_worth_an_alert_after_something_was_exported() -> None:
    (quiet,) = [one for one in declared(INFRA, "resource") if one.name == "quiet"]
    query = next(one for one in queries(INFRA) if "exports.profiles" in one)
    assert text(quiet.at("properties.criteria.allOf")[0]["query"]) == query
    asked = [part.strip() for part in query.strip("'").split(" | ")]
    # Both sums are of the whole window: what keeps to the hours is in the second one alone.
    assert asked[-2:] == [
        "summarize before = sum(valueSum), lately = sumif(valueSum, timestamp > ago(${quietHours}h))",
        "where before > 0 and coalesce(lately, 0.0) == 0",
    ]
    assert not [part for part in asked[:-2] if "timestamp" in part]


def test_the_workbook_shows_every_metric() -> None:
    shown = " ".join(one["content"]["query"] for one in items(INFRA) if one["type"] == 3)
    assert [name for name in METRICS if f'"{name}"' not in shown] == []


def test_the_workbook_has_the_form_that_azure_reads() -> None:
    workbook = json.loads((INFRA / "workbook.json").read_text(encoding="utf-8"))
    assert workbook["version"] == "Notebook/1.0"
    assert len({one["name"] for one in workbook["items"]}) == len(workbook["items"])
    versions = {3: "KqlItem/1.0", 9: "KqlParameterItem/1.0"}
    for item in workbook["items"]:
        assert item["type"] in (1, 3, 9)
        assert item["content"].get("version") == versions.get(item["type"])
        if item["type"] == 3:
            assert item["content"]["timeContextFromParameter"] == "TimeRange"
            assert item["content"]["resourceType"] == "microsoft.insights/components"
    data = text(resource(INFRA, "Microsoft.Insights/workbooks").at("properties.serializedData"))
    assert data == "replace(loadTextContent('../workbook.json'), '{insights}', insightsId)"
    assert workbook["fallbackResourceIds"] == ["{insights}"]
