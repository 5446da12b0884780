"""One export of 50,000 profiles on two hosts, with a wait, a retry and a halved batch: all that is told of it."""

from __future__ import annotations

import csv
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import requests

from admin.records import RunRecord
from exporters.measuring import profiles_by_outcome
from exporters.runs import ENDED
from local.samples import Samples, write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared import telemetry
from shared.models import Schedule
from tests.telemetry.seen import Seen, SpanSeen, read, why_not_connected

PROFILES = 50_000
SEGMENTS = ["LoyaltyMembers", "NewsletterSubscribers"]
STEPS = {"export.start", "export.prepare", "export.upload", "export.follow", "export.end"}

CODE = "a-one-time-code-that-nobody-may-read"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Told:
    """A run, and all that was told while it was under way."""

    run: RunRecord
    seen: Seen
    samples: Samples
    secrets: frozenset[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    samples = write_samples(tmp_path_factory.mktemp("samples"), PROFILES)
    with pytest.MonkeyPatch.context() as patch, Stand(instances=2, faults=["cut-after:1", "throttled:1"]) as stand:
        # What a host is killed for not having told in time would be missing.
        patch.setattr("local.processes.END_SECONDS", 60)
        fault = {"name": "poison-contact", "match": _somebody(samples)}
        requests.post(f"{stand.simulator_url}/_simulator/faults", json=fault, timeout=10).raise_for_status()
        stand.deliver_events()
        export = stand.app.add_export(
            "Newsletter",
            stand.connect("Local Company"),
            list_id=stand.account.list_id,
            segments=SEGMENTS,
            mapping={"email": "EMail", "first_name": "FirstName", "last_name": "LastName"},
            schedule=Schedule(active=True),
        )
        # As at the end of a sign-in: its address holds a one-time code.
        requests.get(f"{stand.site_url}/connections/callback", params={"code": CODE, "state": CODE}, timeout=60)
        upload(samples.folder, stand.snapshots)
        run = _ended(stand, export.id)
        secrets = {CODE, *stand.issued(), stand.account.client_secret, stand.keys.default, stand.keys.master}
        stand.end_processes()
        yield Told(run, read(sorted(stand.telemetry.glob("*.jsonl"))), samples, frozenset(secrets))


def _ended(stand: Stand, export_id: str) -> RunRecord:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        stand.check()
        runs = stand.app.runs(export_id)
        if runs and runs[-1].status in ENDED:
            return runs[-1]
        time.sleep(0.5)
    raise AssertionError(f"no run has ended: {stand.app.runs(export_id)}")


def test_the_run_had_a_wait_a_retry_and_a_halved_batch(told: Told) -> None:
    reasons = told.seen.sums("exports.waits", "reason")
    assert reasons["throttled"]
    assert reasons["constant_contact"], "the answer that was cut off"
    assert told.seen.sums("exports.batches", "state")["split"] > 10
    assert told.run.counts.rejected_by_constant_contact == 1


def test_every_span_of_the_run_is_in_one_trace_from_the_trigger_on(told: Told) -> None:
    spans = told.seen.of_run(told.run.run_id)
    assert why_not_connected(spans) is None
    (root,) = (span for span in spans if not span.parent)
    assert (root.name, root.service) == ("snapshot_arrived", "functions-host")
    assert {span.name for span in spans} >= STEPS
    assert {span.instance for span in spans} == {"host-1", "host-2"}


def test_a_step_leads_to_the_invocation_that_it_was_done_in(told: Told) -> None:
    names = {"export.prepare": "prepare_run", "export.upload": "upload_batch", "export.follow": "follow_activities"}
    invocations = {span.id: span for span in told.seen.spans if span.service == "functions-host"}
    steps = [span for span in told.seen.of_run(told.run.run_id) if span.name in names]
    assert steps
    for step in steps:
        (link,) = step.links
        assert (invocations[link].name, invocations[link].instance) == (names[step.name], step.instance)


def test_a_trace_that_lacks_a_span_is_not_taken_for_a_whole_one(told: Told) -> None:
    spans = told.seen.of_run(told.run.run_id)
    start = next(span for span in spans if span.name == "export.start")
    assert why_not_connected([span for span in spans if span is not start])
    assert why_not_connected([replace(span, parent="") if span is start else span for span in spans])
    assert why_not_connected([*spans, replace(start, trace="another")])


def test_the_metrics_equal_the_record_of_the_run(told: Told) -> None:
    seen, run = told.seen, told.run
    profiles = {outcome: number for outcome, number in profiles_by_outcome(run.counts).items() if number}
    assert seen.sums("exports.profiles", "outcome") == profiles
    assert sum(profiles.values()) == run.counts.read
    assert {name for name, _, _ in seen.points} <= telemetry.METRICS.keys(), "no library tells metrics of its own"
    assert seen.sums("exports.runs", "status") == {run.status: 1}
    assert seen.sums("exports.run_duration", "status") == {run.status: 1}
    assert seen.sums("exports.batches", "state") == Counter(batch.state for batch in run.batches)
    calls = seen.sums("constant_contact.calls", "operation")
    assert sum(calls.values()) - calls["refresh_token"] == run.requests


def test_each_call_and_each_wait_is_a_span_as_well(told: Told) -> None:
    spans = told.seen.of_run(told.run.run_id)
    calls = Counter(span.attributes["operation"] for span in spans if span.name.startswith("constant_contact."))
    assert calls == told.seen.sums("constant_contact.calls", "operation")
    waits = Counter(span.attributes["wait.reason"] for span in spans if _waited(span))
    assert waits == told.seen.sums("exports.waits", "reason")


def _waited(span: SpanSeen) -> bool:
    return "wait.seconds" in span.attributes


def test_log_records_of_a_step_have_the_ids_and_the_trace_of_the_run(told: Told) -> None:
    waits = [one for one in told.seen.records if one.logger == "exporters.steps"]
    assert waits
    trace = told.seen.of_run(told.run.run_id)[0].trace
    assert {(one.attributes["run_id"], one.attributes["export_id"], one.trace) for one in waits} == {
        (told.run.run_id, told.run.export_id, trace)
    }
    assert any("batch" in one.attributes for one in waits)


def test_nothing_of_a_person_and_no_secret_is_told(told: Told) -> None:
    everything = "\n".join(told.seen.strings)
    assert "@" not in everything
    assert [secret for secret in told.secrets if secret in everything] == []
    words = {word.casefold() for word in re.findall(r"\w+", everything)}
    assert words & _names(told.samples) == set()


def _rows(samples: Samples) -> Iterator[list[str]]:
    for file in sorted(samples.folder.rglob("*.csv")):
        with file.open(encoding="utf-8-sig", newline="") as rows:
            yield from csv.reader(rows)


def _somebody(samples: Samples) -> str:
    """An address that is in no other one."""
    plain = re.compile(r"[a-z0-9.]+@example\.com")
    return max((row[3] for row in _rows(samples) if len(row) > 3 and plain.fullmatch(row[3])), key=len)


def _names(samples: Samples) -> set[str]:
    """Every word of a first or last name of the samples."""
    cells = (cell for row in _rows(samples) for cell in row[1:3])
    return {word.casefold() for cell in cells for word in re.findall(r"\w+", cell) if len(word) > 2}
