"""Fixtures for the export: a vault for the session, a simulator and fresh tables for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.constant_contact.configuration import Configuration
from local.constant_contact.server import running_simulator
from tests.exporters.world import World
from tests.shared.vaults import running_vault


@pytest.fixture(scope="session")
def vault_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Key Vault that takes the tokens of the identity endpoint beside it."""
    with running_vault(tmp_path_factory.mktemp("vault")) as url:
        yield url


@pytest.fixture
def world(azurite: Azurite, vault_url: str) -> Iterator[World]:
    """Everything around the export, empty but for one connection that works."""
    with running_simulator(Configuration()) as simulator:
        yield World(azurite, vault_url, simulator)
