"""Fixtures for every specification: a real storage account and a fresh container in it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.azurite import Azurite, running_azurite
from tests.scanning import Scanner, scan


@pytest.fixture(scope="session", autouse=True)
def scanner() -> Iterator[Scanner]:
    """Reads every log line of the session."""
    found = Scanner()
    with pytest.MonkeyPatch.context() as patch:
        scan(found, patch)
        yield found
    logging.getLogger().removeHandler(found)
    # What was logged after the last test, by threads and by stands of the session.
    assert found.found == []


@pytest.fixture(autouse=True)
def _no_secret_is_logged(scanner: Scanner) -> Iterator[None]:
    """Fails the test during which something was logged that must be in no log."""
    yield
    found, scanner.found = scanner.found, []
    assert found == []


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """A storage account served by Azurite for the whole session; take fresh names in it, others use it too."""
    with running_azurite() as running:
        yield running


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    """An empty blob container with a name of its own."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service.create_container(f"test-{uuid.uuid4().hex[:12]}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast specifications first: a broken rule shows within seconds, not after the long trials."""
    items.sort(key=lambda item: (item.get_closest_marker("slow") is not None, "end_to_end" in item.nodeid))
