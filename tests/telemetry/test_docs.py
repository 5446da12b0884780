"""docs/observe.md says what there is, no more and no less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from exporters.constant_contact.calls import OUTCOMES
from exporters.measuring import profiles_by_outcome
from exporters.runs import ENDED, BatchState, Counts, Trigger
from shared import telemetry
from shared.errors import WaitCode
from tests.telemetry.test_azure_monitor import AS_IN_AZURE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "observe.md").read_text(encoding="utf-8")
SOURCE = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "exporters").rglob("*.py")))


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table under a heading row that begins so."""
    lines = PAGE.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def codes(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", text))


def test_every_metric_is_in_the_table_with_its_attributes() -> None:
    said = {codes(name)[0]: codes(attributes) for name, _, attributes, _ in rows("metric")}
    assert said == telemetry.METRICS


def test_every_event_is_in_the_table() -> None:
    assert {codes(row[0])[0] for row in rows("event")} == set(get_args(telemetry.Event))


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        ("`outcome` of profiles", profiles_by_outcome(Counts()).keys()),
        ("`status`", ENDED),
        ("`trigger`", get_args(Trigger)),
        ("`state`", get_args(BatchState)),
        ("`reason`", get_args(WaitCode)),
        ("`outcome` of calls", OUTCOMES),
    ],
)
def test_every_value_of_an_attribute_is_in_the_table(attribute: str, values: frozenset[str]) -> None:
    said = {row[0]: set(codes(row[1])) for row in rows("attribute")}
    assert said[attribute] == set(values)


def test_every_operation_is_in_the_table() -> None:
    said = {row[0]: set(codes(row[1])) for row in rows("attribute")}
    named = re.findall(r'(?:_request|one_call|_read)\(\s*"(\w+)"', SOURCE)
    pages = re.findall(r'path, operation, things = "[^"]+", "(\w+)"', SOURCE)
    assert said["`operation`"] == {*named, *pages}


def test_every_span_is_in_the_table() -> None:
    said = {name for row in rows("span") for name in codes(row[0])}
    made = set(re.findall(r'"((?:export|connection)\.(?!failed|recovered|sign_in_again)\w+)"', SOURCE))
    assert said == {*made, "constant_contact.…"}


def test_the_app_settings_are_said_as_they_are_tested() -> None:
    said = dict(found for row in rows("setting") for found in re.findall(r"`(\w+)` = `([^`]+)`", row[0]))
    assert said == AS_IN_AZURE


def test_the_app_settings_are_deployed_as_they_are_tested() -> None:
    deployed = (ROOT / "infra" / "modules" / "site.bicep").read_text(encoding="utf-8")
    assert [name for name, value in AS_IN_AZURE.items() if f"{name}: '{value}'" not in deployed] == []
