"""What is logged is kept as long as the document on privacy says, in every table that it can come into."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, ROOT, declared, resource, text
from tests.infra.conftest import Breaking, Change

MODULE = "modules/monitoring.bicep"
# Where Application Insights writes: each of these tables keeps 90 days unless it is told otherwise.
TABLES = {
    "AppAvailabilityResults",
    "AppBrowserTimings",
    "AppDependencies",
    "AppEvents",
    "AppExceptions",
    "AppMetrics",
    "AppPageViews",
    "AppPerformanceCounters",
    "AppRequests",
    "AppSystemEvents",
    "AppTraces",
}


def days_promised() -> int:
    """How long the document on privacy says that logs are kept."""
    row = re.search(
        r"^\| Logs, traces, metrics \|.*\| (\d+) days", (ROOT / "docs/privacy.md").read_text(), re.MULTILINE
    )
    assert row
    return int(row.group(1))


def kept_otherwise(folder: Path) -> list[str]:
    """What does not end when the document on privacy says."""
    said = {one.name: one.value for one in declared(folder, "var") if one.file == MODULE}
    promised = days_promised()
    workspace = resource(folder, "Microsoft.OperationalInsights/workspaces")
    tables = resource(folder, "Microsoft.OperationalInsights/workspaces/tables")
    problems = [f"{one} has no time of its own" for one in TABLES - set(said[tables.looped])]
    for where, path in ((workspace, "retentionInDays"), (tables, "retentionInDays"), (tables, "totalRetentionInDays")):
        value = where.at(f"properties.{path}")
        days = said.get(text(value), value)
        problems += [f"{where.name}.{path} is {text(days)}"] if days != promised else []
    if workspace.at("properties.features.immediatePurgeDataOn30Days") is not True:
        problems.append("what is over 30 days old is not deleted at once")
    return sorted(problems)


def test_logs_are_kept_as_long_as_the_document_on_privacy_says() -> None:
    assert kept_otherwise(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((MODULE, "  'AppTraces'\n", ""), ["AppTraces has no time of its own"]),
        (
            (MODULE, "var retentionInDays = 30", "var retentionInDays = 90"),
            [
                "tables.retentionInDays is 90",
                "tables.totalRetentionInDays is 90",
                "workspace.retentionInDays is 90",
            ],
        ),
        (
            (MODULE, "totalRetentionInDays: retentionInDays", "totalRetentionInDays: 60"),
            ["tables.totalRetentionInDays is 60"],
        ),
        (
            (MODULE, "immediatePurgeDataOn30Days: true", "immediatePurgeDataOn30Days: false"),
            ["what is over 30 days old is not deleted at once"],
        ),
    ],
)
def test_a_table_that_keeps_longer_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert kept_otherwise(broken(change)) == expected
