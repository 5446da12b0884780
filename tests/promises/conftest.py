"""Worlds for the promises: as many as a property wants, each with a simulator of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.exporters.world import World
from tests.promises.promise import Worlds
from tests.simulators import Simulators
from tests.storage_accounts import StorageAccounts


@pytest.fixture
def worlds(storage_accounts: StorageAccounts, vault_url: str, simulators: Simulators) -> Worlds:
    """Makes a world, for as long as the block lasts."""

    @contextmanager
    def world() -> Iterator[World]:
        with simulators.running() as simulator:
            yield World(storage_accounts.one(), vault_url, simulator)

    return world
