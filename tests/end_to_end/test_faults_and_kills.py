"""Hosts that are killed and a destination that fails: the run still ends, and the list is exact."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import requests

from admin.records import RunRecord
from exporters.runs import ENDED
from local.azurite import Azurite
from local.processes import free_ports
from local.samples import Samples, write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Schedule
from tests.faults.boundaries import BOUNDARIES
from tests.faults.storage_gate import StorageGate, Trap

PROFILES = 100_000
SEGMENTS = ["LoyaltyMembers", "NewsletterSubscribers"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return write_samples(tmp_path_factory.mktemp("samples"), PROFILES)


@pytest.fixture
def stand(samples: Samples) -> Iterator[Stand]:
    with Stand(instances=2) as stand:
        upload(samples.folder, stand.snapshots)
        yield stand


@pytest.fixture
def gated(samples: Samples) -> Iterator[tuple[Stand, StorageGate]]:
    """A stand whose hosts reach the tables through a gate, and the gate."""
    blobs, queues, tables, gate_port = free_ports(4)
    account = {"AzureWebJobsStorage": Azurite(blobs, queues, gate_port).connection_string}
    with (
        StorageGate(gate_port, tables).running() as gate,
        Stand(instances=2, azurite=Azurite(blobs, queues, tables), settings=account) as stand,
    ):
        upload(samples.folder, stand.snapshots)
        yield stand, gate


def start(stand: Stand) -> RunRecord:
    export = stand.app.add_export(
        "Newsletter",
        stand.connect("Local Company"),
        list_id=stand.account.list_id,
        segments=SEGMENTS,
        mapping={"email": "EMail", "first_name": "FirstName", "last_name": "LastName"},
        schedule=Schedule(active=False),
    )
    return stand.app.run(export.id, stand.app.start_run(export.id))


def wait_until(stand: Stand, run: RunRecord, holds: Callable[[RunRecord], bool], seconds: float = 240) -> RunRecord:
    deadline = time.monotonic() + seconds
    while True:
        now = stand.app.run(run.export_id, run.run_id)
        if holds(now):
            return now
        assert time.monotonic() < deadline, f"still {now.status} after {seconds:.0f} s, waiting: {now.waiting}"
        stand.check()
        time.sleep(0.05)


def assert_exact(stand: Stand, samples: Samples, run: RunRecord) -> None:
    ended = wait_until(stand, run, lambda now: now.status in ENDED)
    expected = samples.expected()
    assert ended.status == "completed_with_warnings", ended.error
    counts = ended.counts
    assert (counts.read, counts.sent, counts.duplicates, counts.rejected) == (
        expected.read,
        expected.sent,
        expected.duplicates,
        expected.rejected,
    )
    assert len(stand.members_csv().splitlines()) == 1 + expected.sent
    seen = statistics(stand)
    assert seen["source_file_names_taken_more_than_once"] == []
    assert seen["contacts_imported_more_than_once"] == 0


def statistics(stand: Stand) -> dict[str, object]:
    found: dict[str, object] = requests.get(f"{stand.simulator_url}/_simulator/statistics", timeout=10).json()
    return found


def arm(stand: Stand, name: str, times: int = 1) -> None:
    fault = {"name": name, "times": times}
    requests.post(f"{stand.simulator_url}/_simulator/faults", json=fault, timeout=10).raise_for_status()


@pytest.mark.parametrize("boundary", ["before preparing → uploading", "after a batch is about to be sent"])
def test_every_host_killed_while_it_prepares_or_uploads(
    gated: tuple[Stand, StorageGate], samples: Samples, boundary: str
) -> None:
    stand, gate = gated
    (at,) = [one for one in BOUNDARIES if one.title == boundary]

    def kill_both() -> None:
        for host in stand.hosts:
            psutil.Process(host.pid).kill()

    # There is one run: its rows need no other mark.
    with gate.trap(Trap(at.marks(""), at.when, kill_both)) as trap:
        assert_exact(stand, samples, start(stand))

    assert trap.sprung.is_set()
    assert stand.restarts >= 2


def test_a_destination_that_answers_503_and_429_and_drops_connections(stand: Stand, samples: Samples) -> None:
    for fault in ("unavailable", "throttled", "cut-after", "cut-before", "answer-lost"):
        arm(stand, fault)
    assert_exact(stand, samples, start(stand))
