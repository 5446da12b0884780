"""The surroundings of the export: a simulator and fresh tables for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.exporters.world import World
from tests.simulators import Simulators
from tests.storage_accounts import StorageAccounts


@pytest.fixture
def world(storage_accounts: StorageAccounts, vault_url: str, simulators: Simulators) -> Iterator[World]:
    """Everything around the export, empty but for one connection that works."""
    with simulators.running() as simulator:
        yield World(storage_accounts.one(), vault_url, simulator)
