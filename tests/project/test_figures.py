"""Figures that documents tell are those that the code keeps: days, hours, limits, sizes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

import dev
from admin import connecting
from exporters import preview, sweeping
from exporters.batches import MAX_BYTES, MAX_CONTACTS
from exporters.constant_contact import limits
from exporters.profiles import MOST_CONTACTS
from shared.settings import Settings
from tests.infra.bicep import INFRA, declared, resource

NUMBERS = {1: "one", 2: "two", 5: "five", 7: "seven", 10: "ten", 20: "twenty"}
HOST: dict[str, Any] = json.loads((dev.ROOT / "host.json").read_text(encoding="utf-8"))


def by_default(name: str) -> str:
    """The default of a setting, as a document writes it."""
    return f"{Settings.model_fields[name].default:g}"


def parameter(name: str) -> Any:
    """The default of a parameter of the deployment."""
    (found,) = [one for one in declared(INFRA, "param") if one.file == "main.bicep" and one.name == name]
    return found.value


def in_words(time: timedelta) -> str:
    """Such as "five minutes", "an hour", "a week"."""
    for unit, length in (("week", timedelta(weeks=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if time >= length and time % length == timedelta(0):
            number = time // length
            article = "an" if unit == "hour" else "a"
            return f"{article} {unit}" if number == 1 else f"{NUMBERS.get(number, number)} {unit}s"
    return f"{time.total_seconds():g} seconds"


def minutes(clock: str) -> int:
    """Of a time as host.json writes it: hours, minutes, seconds."""
    hours, rest, _ = clock.split(":")
    return int(hours) * 60 + int(rest)


SCALE = resource(INFRA, "Microsoft.Web/sites", "modules/site.bicep").at(
    "properties.functionAppConfig.scaleAndConcurrency"
)
QUIET = timedelta(seconds=Settings.model_fields["snapshot_quiet_seconds"].default)
PREVIEWED = NUMBERS[preview._EXAMPLES]
DRAFT = in_words(connecting._LIFE)
UP_TO_DATE = in_words(sweeping._UP_TO_DATE_KEPT)
INSTANCES, MEMORY = SCALE["maximumInstanceCount"], SCALE["instanceMemoryMB"] // 1024
TOLD = (
    ("docs/privacy.md", f"`FILE_RETENTION_DAYS` after the start of the run, {by_default('file_retention_days')} by"),
    ("docs/install.md", f"batch files and rejected rows are kept, {parameter('fileRetentionDays')} by default"),
    ("docs/privacy.md", f"`RECORD_RETENTION_DAYS`, {by_default('record_retention_days')} by default"),
    ("docs/install.md", f"runs and the audit are kept, {parameter('recordRetentionDays')} by default"),
    ("docs/errors.md", f"`EMAIL_MAX_LENGTH`, {by_default('email_max_length')} by default"),
    ("docs/operate.md", f"`RUN_TIME_LIMIT_HOURS`, {by_default('run_time_limit_hours')} |"),
    ("docs/privacy.md", f"sees {PREVIEWED} example contacts in the preview"),
    ("docs/threat-model.md", f"can preview {PREVIEWED} profiles of any segment"),
    ("docs/privacy.md", f"vault | {DRAFT}; deleted within two"),
    ("docs/threat-model.md", f"works once, ends after {DRAFT}"),
    ("docs/privacy.md", f"runs that found nothing new for {UP_TO_DATE}"),
    ("docs/install.md", f"complete when nothing in it has changed for {in_words(QUIET)}."),
    ("docs/operate.md", f"| {minutes(HOST['functionTimeout'])} minutes for one step | `host.json`"),
    ("docs/operate.md", f"| {INSTANCES} instances of {MEMORY} GB | `infra/modules/site.bicep`"),
    ("docs/threat-model.md", f"scales up to {INSTANCES} instances"),
    ("docs/operate.md", f"{limits.API.a_day:,} are used, the last {limits.KEPT_FOR_FOLLOWING} for following"),
    ("docs/operate.md", f"| {MOST_CONTACTS:,} contacts an export |"),
    ("docs/operate.md", f"| {MAX_CONTACTS:,} contacts and {MAX_BYTES:,} bytes a batch |"),
    ("docs/install.md", f"after which there is an alert, {parameter('quietHours')} by default"),
    ("docs/install.md", f"`{parameter('storageRedundancy')}`, three copies in three zones, by default"),
    ("docs/install.md", f"`snapshotContainer` | the container in it, `{parameter('snapshotContainer')}` by default"),
)


@pytest.mark.parametrize(("document", "said"), TOLD)
def test_a_figure_that_a_document_tells_is_the_one_that_is_kept(document: str, said: str) -> None:
    """However its lines are broken."""
    assert said in " ".join((dev.ROOT / document).read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(minutes=5), "five minutes"),
        (timedelta(hours=1), "an hour"),
        (timedelta(days=7), "a week"),
        (timedelta(hours=3), "3 hours"),
        (timedelta(seconds=90), "90 seconds"),
    ],
)
def test_a_time_is_said_as_documents_say_it(time: timedelta, words: str) -> None:
    assert in_words(time) == words
