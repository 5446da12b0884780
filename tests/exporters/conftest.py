"""Fixtures for the export: a vault for the session, a simulator and fresh tables for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Azurite
from local.certificates import make_certificates
from local.constant_contact.configuration import Configuration
from local.constant_contact.server import running_simulator
from local.processes import Child, end, free_ports, module_command
from shared.storage import identity
from tests.exporters.world import World


@pytest.fixture(scope="session")
def vault_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Key Vault that takes the tokens of the identity endpoint beside it."""
    folder: Path = tmp_path_factory.mktemp("vault")
    certificates = make_certificates(folder)
    identity_port, vault_port = free_ports(2)
    vault = module_command(
        "local.key_vault",
        *("--port", str(vault_port), "--certificate", str(certificates.certificate), "--key", str(certificates.key)),
    )
    children = [
        Child(
            "identity",
            module_command("local.identity", "--port", str(identity_port)),
            log=folder / "identity.log",
            port=identity_port,
            environment={"IDENTITY_HEADER": "test"},
        ),
        Child("vault", vault, log=folder / "vault.log", port=vault_port),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{identity_port}/msi/token")
        patch.setenv("IDENTITY_HEADER", "test")
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authorities))
        identity.cache_clear()
        try:
            for child in children:
                child.start()
            for child in children:
                child.wait_until_listening()
            yield f"https://127.0.0.1:{vault_port}"
        finally:
            end(children)
            identity.cache_clear()


@pytest.fixture
def world(azurite: Azurite, vault_url: str) -> Iterator[World]:
    """Everything around the export, empty but for one connection that works."""
    with running_simulator(Configuration()) as simulator:
        yield World(azurite, vault_url, simulator)
