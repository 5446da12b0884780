"""Worlds for the promises: as many as a property wants, each with a simulator of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.azurite import Azurite
from local.constant_contact.configuration import Configuration
from local.constant_contact.server import running_simulator
from tests.exporters.conftest import vault_url
from tests.exporters.world import World
from tests.promises.promise import Worlds

__all__ = ["vault_url"]


@pytest.fixture
def worlds(azurite: Azurite, vault_url: str) -> Worlds:
    """Makes a world, for as long as the block lasts."""

    @contextmanager
    def world() -> Iterator[World]:
        with running_simulator(Configuration()) as simulator:
            yield World(azurite, vault_url, simulator)

    return world
