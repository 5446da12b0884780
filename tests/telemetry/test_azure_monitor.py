"""The way to Application Insights: the worker library sets it up from app settings, as in Azure."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from admin.records import RunRecord
from exporters.measuring import profiles_by_outcome
from exporters.runs import ENDED
from local.samples import write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Schedule
from tests.telemetry.ingestion import Ingestion, listening

# As infra/ sets them.
AS_IN_AZURE = {
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": (
        "azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3"
    ),
    "OTEL_TRACES_SAMPLER": "always_on",
}
# Sooner than there, and nothing to anybody else.
FOR_THE_TEST = {
    "OTEL_BSP_SCHEDULE_DELAY": "300",
    "OTEL_BLRP_SCHEDULE_DELAY": "300",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunRecord, Ingestion]]:
    samples = write_samples(tmp_path_factory.mktemp("samples"), 1_000)
    with pytest.MonkeyPatch.context() as patch, listening() as ingestion:
        # What a host is killed for not having told in time would be missing.
        patch.setattr("local.processes.END_SECONDS", 60)
        settings = AS_IN_AZURE | FOR_THE_TEST | {"APPLICATIONINSIGHTS_CONNECTION_STRING": ingestion.connection_string}
        with Stand(settings=settings, faults=["throttled:1"]) as stand:
            upload(samples.folder, stand.snapshots)
            export = stand.app.add_export(
                "Newsletter",
                stand.connect("Local Company"),
                list_id=stand.account.list_id,
                segments=["LoyaltyMembers"],
                mapping={"email": "EMail"},
                schedule=Schedule(active=False),
            )
            run_id = stand.app.start_run(export.id)
            deadline = time.monotonic() + 150
            while (run := stand.app.run(export.id, run_id)).status not in ENDED or not _has_come(ingestion):
                assert time.monotonic() < deadline, f"{run.status}, {len(ingestion.envelopes)} envelopes"
                time.sleep(0.2)
        yield run, ingestion


def _has_come(ingestion: Ingestion) -> bool:
    return any(metric["name"] == "exports.runs" for one in ingestion.of("MetricData") for metric in one["metrics"])


def test_the_spans_of_a_run_come_in_one_operation(received: tuple[RunRecord, Ingestion]) -> None:
    run, ingestion = received
    spans = [one for one in ingestion.envelopes if one["data"]["baseType"] == "RemoteDependencyData"]
    steps = [one for one in spans if one["data"]["baseData"]["properties"].get("run_id") == run.run_id]
    names = {one["data"]["baseData"]["name"] for one in steps}
    assert names >= {"export.start", "export.prepare", "export.upload", "export.follow"}
    assert len({one["tags"]["ai.operation.id"] for one in steps}) == 1


def test_no_library_tells_spans_of_its_own(received: tuple[RunRecord, Ingestion]) -> None:
    _, ingestion = received
    assert ingestion.of("RequestData") == []
    names = {one["name"].partition(".")[0] for one in ingestion.of("RemoteDependencyData")}
    assert names <= {"export", "connection", "constant_contact"}


def test_the_metrics_come_with_their_names_and_equal_the_record(received: tuple[RunRecord, Ingestion]) -> None:
    run, ingestion = received
    profiles: dict[str, float] = {}
    for one in ingestion.of("MetricData"):
        for metric in one["metrics"]:
            if metric["name"] == "exports.profiles":
                outcome = one["properties"]["outcome"]
                profiles[outcome] = profiles.get(outcome, 0) + metric["value"]
    assert profiles == {outcome: number for outcome, number in profiles_by_outcome(run.counts).items() if number}


def test_log_records_come_with_the_fields_of_their_run(received: tuple[RunRecord, Ingestion]) -> None:
    run, ingestion = received
    waits = [one for one in ingestion.of("MessageData") if one["properties"]["logger_name"] == "exporters.steps"]
    assert {one["properties"]["run_id"] for one in waits} == {run.run_id}


def test_no_address_of_a_person_is_sent(received: tuple[RunRecord, Ingestion]) -> None:
    _, ingestion = received
    assert "@" not in json.dumps(ingestion.envelopes)
