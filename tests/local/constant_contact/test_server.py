import threading
import time

import pytest
import requests

from local.constant_contact.server import running_simulator
from tests.local.constant_contact.client import Client, client_of


def test_simulators_run_side_by_side_and_share_nothing() -> None:
    with running_simulator() as one, running_simulator() as other:
        assert one.url != other.url
        client_of(one).import_rows("ada@example.com,,")
        assert client_of(other).members() == []


def test_a_stopped_simulator_no_longer_answers_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with running_simulator() as simulator:
        requests.get(f"{simulator.url}/_simulator/", timeout=10)
    assert set(threading.enumerate()) <= before
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{simulator.url}/_simulator/", timeout=10)


def test_a_full_import_is_processed_within_seconds(client: Client) -> None:
    rows = "".join(f"p{number}@example.com,First,Last\n" for number in range(39_999))
    started = time.monotonic()
    activity = client.import_csv("email,first_name,last_name\n" + rows)
    assert activity["status"]["person_count"] == 39_999
    assert time.monotonic() - started < 40
