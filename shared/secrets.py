"""Secrets in Key Vault: read and written, never logged."""

from __future__ import annotations

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.identity import CredentialUnavailableError
from azure.keyvault.secrets import SecretClient

from shared.errors import ExportError, Wait
from shared.settings import Settings
from shared.storage import identity

# Key Vault away is an outage: the step comes back after this many seconds.
_AWAY_SECONDS = 15
# A worker is not to be held up by a vault that does not answer; by default each of four tries lasts up to 5 minutes.
_PATIENCE = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 2}


class KeyVaultRefused(ExportError):
    """Key Vault answered that the app may not do this."""


class Secrets:
    """The vault of the setting `KEY_VAULT_URL`."""

    def __init__(self, settings: Settings) -> None:
        self._client = SecretClient(settings.key_vault_url, identity(), **_PATIENCE)

    def get(self, name: str) -> str | None:
        """The newest value of a secret, or None when there is none.

        Raises:
            KeyVaultRefused: the app has no right to read secrets, or this one is disabled.
            Wait: the vault did not answer.
        """
        try:
            return self._client.get_secret(name).value
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise _for_people(error, "read", name) from error

    def set(self, name: str, value: str) -> None:
        """Keep a new version of a secret.

        Raises:
            KeyVaultRefused: the app has no right to write secrets (role Key Vault Secrets Officer), or the name is
                that of a deleted secret.
            Wait: the vault did not answer.
        """
        try:
            self._client.set_secret(name, value)
        except AzureError as error:
            raise _for_people(error, "write", name) from error


def _for_people(error: AzureError, doing: str, name: str) -> Exception:
    if isinstance(error, CredentialUnavailableError):
        return KeyVaultRefused("The app has no identity to open Key Vault with. Give it a managed identity.")
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status in (401, 403, 409):
        return KeyVaultRefused(
            f"Key Vault refused to {doing} the secret “{name}” (HTTP {status}). Check that the app has the role "
            "Key Vault Secrets Officer on the vault, and that the secret is neither disabled nor deleted."
        )
    return Wait(_AWAY_SECONDS, "Key Vault does not answer (setting KEY_VAULT_URL)")
