"""A simulator of its own for every test."""

from collections.abc import Iterator

import pytest

from local.constant_contact.server import Simulator
from tests.local.constant_contact.client import Client, client_of
from tests.simulators import Simulators


@pytest.fixture
def simulator(simulators: Simulators) -> Iterator[Simulator]:
    with simulators.running() as simulator:
        yield simulator


@pytest.fixture
def client(simulator: Simulator) -> Client:
    return client_of(simulator)
