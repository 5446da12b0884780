"""Services for every specification: a real storage account, a vault, as many simulators as it wants."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.azurite import Azurite, running_azurite
from tests.scanning import Scanner, scan
from tests.shared.vaults import running_vault
from tests.simulators import Simulators
from tests.storage_accounts import StorageAccounts


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


@pytest.fixture(scope="session")
def vault_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Key Vault that takes the tokens of the identity endpoint beside it."""
    with running_vault(tmp_path_factory.mktemp("vault")) as url:
        yield url


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    """Simulators of Constant Contact, as many as a test wants."""
    simulators = Simulators()
    yield simulators
    simulators.close()


@pytest.fixture(scope="session")
def storage_accounts() -> Iterator[StorageAccounts]:
    """Storage accounts for tests that make many tables."""
    accounts = StorageAccounts()
    yield accounts
    accounts.close()


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    """An empty blob container with a name of its own."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service.create_container(f"test-{uuid.uuid4().hex[:12]}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast specifications first: a broken rule shows within seconds, not after the long trials."""
    items.sort(key=lambda item: (item.get_closest_marker("slow") is not None, "end_to_end" in item.nodeid))
