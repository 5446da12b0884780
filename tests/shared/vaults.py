"""Key Vaults of a test's own: with purge protection, or slow to delete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from azure.keyvault.secrets import SecretClient

from local.certificates import make_certificates
from local.processes import Child, end, free_ports, module_command
from shared.secrets import Secrets
from shared.settings import load_settings
from shared.storage import identity


@contextmanager
def running_vault(folder: Path, *options: str) -> Iterator[str]:
    """The address of a vault, with an identity that the SDK finds; both end with the block."""
    # Nobody else is called with https; to read the usual authorities takes a client 20 ms for each connection.
    nobody = folder / "nobody.pem"
    nobody.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(nobody))
        certificates = make_certificates(folder)
    identity_port, port = free_ports(2)
    files = ["--certificate", str(certificates.certificate), "--key", str(certificates.key)]
    children = [
        Child(
            "identity",
            module_command("local.identity", "--port", str(identity_port)),
            log=folder / "identity.log",
            port=identity_port,
            environment={"IDENTITY_HEADER": "test"},
        ),
        Child(
            "vault",
            module_command("local.key_vault", "--port", str(port), *files, *options),
            log=folder / "vault.log",
            port=port,
        ),
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
            yield f"https://127.0.0.1:{port}"
        finally:
            end(children)
            identity.cache_clear()


def secrets_of(url: str) -> Secrets:
    """The app's secrets in the vault at this address, as a process has them that has just started."""
    storage = "UseDevelopmentStorage=true"
    return Secrets(
        load_settings(
            {
                "AzureWebJobsStorage": storage,
                "SNAPSHOT_STORAGE": storage,
                "SNAPSHOT_CONTAINER": "segments",
                "REFRESH_SCHEDULE": "0 0 3 * * *",
                "CONSTANT_CONTACT_CLIENT_ID": "client",
                "KEY_VAULT_URL": url,
            }
        )
    )


def enabled_versions(client: SecretClient, name: str) -> list[str]:
    """The ids of the versions that can be read."""
    return [str(one.version) for one in client.list_properties_of_secret_versions(name) if one.enabled]
