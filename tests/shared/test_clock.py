"""Every instance reads the same clock, whatever its own says."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.data.tables import TableClient, TableServiceClient

from local.azurite import Azurite
from local.processes import free_ports
from shared.clock import TableClock

# Less than any clock in here is wrong by; a busy machine is not exact.
RIGHT_WITHIN_SECONDS = 3


@pytest.fixture
def table(azurite: Azurite) -> Iterator[TableClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service.create_table(f"Limits{uuid.uuid4().hex[:10]}")


def test_it_tells_the_time_of_the_table_service(table: TableClient) -> None:
    assert abs(TableClock(table).time() - time.time()) < RIGHT_WITHIN_SECONDS


def test_instances_with_wrong_clocks_agree(table: TableClient) -> None:
    def wrong_by(seconds: float) -> TableClock:
        return TableClock(table, elapsed=lambda: time.monotonic() + seconds)

    # Each is compared with what it is then: to measure takes a while.
    wrong = [wrong_by(seconds).time() - time.time() for seconds in (-3600, 0, 5)]
    assert max(map(abs, wrong)) < RIGHT_WITHIN_SECONDS


def test_a_clock_that_has_drifted_is_measured_again(table: TableClient) -> None:
    drift = [0.0]
    clock = TableClock(table, elapsed=lambda: time.monotonic() + drift[0])
    clock.time()
    drift[0] = 60
    assert clock.time() > time.time() + 50
    drift[0] = 400
    assert abs(clock.time() - time.time()) < RIGHT_WITHIN_SECONDS


def test_what_was_measured_on_a_busy_machine_is_measured_again_soon(table: TableClient) -> None:
    passed, a_call_takes = [0.0], [0.2]

    def elapsed() -> float:
        passed[0] += a_call_takes[0]
        return time.monotonic() + passed[0]

    clock = TableClock(table, elapsed=elapsed)
    clock.time()
    a_call_takes[0] = 0
    passed[0] += 60
    assert abs(clock.time() - time.time()) < RIGHT_WITHIN_SECONDS


def test_between_measurements_nothing_is_asked(table: TableClient, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = TableClock(table)
    clock.time()
    asked: list[object] = []
    monkeypatch.setattr(table, "get_entity", lambda *given, **_: asked.append(given))
    clock.time()
    assert asked == []


def test_instances_that_measure_at_once_all_find_the_time(table: TableClient) -> None:
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(TableClock(table).time() - time.time())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert all(abs(difference) < RIGHT_WITHIN_SECONDS for difference in found)


def test_a_service_that_cannot_be_reached_is_an_error_and_no_wrong_time() -> None:
    (port,) = free_ports(1)
    account = f"AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:{port}/a"
    nobody = TableClient.from_connection_string(account, "Limits", retry_total=0)
    with pytest.raises(ServiceRequestError):
        TableClock(nobody).time()
