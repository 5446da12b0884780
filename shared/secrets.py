"""Secrets in Key Vault: read, written and deleted, never logged."""

from __future__ import annotations

import time
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import RetryPolicy
from azure.identity import CredentialUnavailableError
from azure.keyvault.secrets import SecretClient, SecretProperties

from shared.errors import ExportError, Wait
from shared.settings import Settings
from shared.storage import identity

# Key Vault away is an outage: the step comes back after this many seconds, or when the vault says, within limits.
_AWAY_SECONDS = 15.0
_LONGEST_AWAY_SECONDS = 600.0
# A worker is not to be held up by a vault that does not answer; by default each of four tries lasts up to 5 minutes.
_PATIENCE = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 2}
# The SDK sleeps for as long as the vault asks for, inside one call; longer than this the caller is asked to wait.
_LONGEST_PAUSE_SECONDS = 5.0
# The tag with which a version names the one before it, until that one and all before it are disabled. So what could not
# be disabled is found from the newest version, without a list of the thousands that a year of refreshes makes. They
# are disabled the oldest first, so that nothing enabled lies behind what is disabled; so many at a time, should it have
# failed for weeks.
_BEFORE = "before"
_MOST_AT_ONCE = 20
# A vault moves a secret to the deleted ones within seconds; only from there it can be purged. Somebody may be waiting.
_PURGE_PAUSES_SECONDS = (0.25, 0.5, 1.0)
_GONE, _ON_ITS_WAY, _NOT_ALLOWED = 404, 409, 403


class KeyVaultRefused(ExportError):
    """Key Vault answered that the app may not do this."""


class _ShortPauses(RetryPolicy[Any, Any]):
    """Tries again at once or soon; a vault that asks for a long pause, or for one nobody understands, has answered."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        try:
            pause = self.get_retry_after(response) or 0.0
        except ValueError:
            return False
        return pause <= _LONGEST_PAUSE_SECONDS and super().is_retry(settings, response)


class Secrets:
    """The vault of the setting `KEY_VAULT_URL`."""

    def __init__(self, settings: Settings) -> None:
        self._client = SecretClient(
            settings.key_vault_url, identity(), retry_policy=_ShortPauses(**_PATIENCE), **_PATIENCE
        )
        self._newest: dict[str, SecretProperties] = {}

    def get(self, name: str) -> str | None:
        """The newest value of a secret, or None when there is none.

        Raises:
            KeyVaultRefused: the app has no right to read secrets, or this one is disabled.
            Wait: the vault did not answer.
        """
        try:
            secret = self._client.get_secret(name)
        except ResourceNotFoundError:
            self._newest.pop(name, None)
            return None
        except AzureError as error:
            raise _for_people(error, "read", name) from error
        self._newest[name] = secret.properties
        return secret.value

    def set(self, name: str, value: str) -> None:
        """Keep a new version of a secret, and disable the one that was read or written here last with those before it.

        Whoever may not be the only writer reads before he writes, under a lock. A version that cannot be disabled is
        no error: the next `set` tries again.

        Raises:
            KeyVaultRefused: the app has no right to write secrets (role Key Vault Secrets Officer), or the name is
                that of a deleted secret.
            Wait: the vault did not answer.
        """
        before = self._newest.get(name)
        try:
            tags = {_BEFORE: str(before.version)} if before else None
            written = self._client.set_secret(name, value, tags=tags).properties
        except AzureError as error:
            raise _for_people(error, "write", name) from error
        self._newest[name] = written
        if before:
            self._disable(name, before, written)

    def delete(self, name: str) -> bool:
        """Delete a secret with all its versions, and purge it where the vault allows; one that is gone is no error.

        A vault with purge protection, or one that the app may not purge from, keeps it recoverable for its retention
        time, and its name cannot be used again until then.

        Returns:
            Whether it is purged, or never will be by the app; False when the vault takes longer than two seconds to
            delete it: then it is deleted, and to delete it again purges it.

        Raises:
            KeyVaultRefused: the app has no right to delete secrets (role Key Vault Secrets Officer).
            Wait: the vault did not answer.
        """
        self._newest.pop(name, None)
        try:
            self._client.begin_delete_secret(name)
        except ResourceNotFoundError:
            # It may have been deleted before, and not purged.
            return self._purge(name) != _ON_ITS_WAY
        except AzureError as error:
            if _status(error) != _ON_ITS_WAY:  # Somebody else is deleting it.
                raise _for_people(error, "delete", name) from error
        for pause in (0.0, *_PURGE_PAUSES_SECONDS):
            time.sleep(pause)
            if self._purge(name) in (None, _NOT_ALLOWED):
                return True
        return False

    def _purge(self, name: str) -> int | None:
        """None when it is purged, else why not: it is not among the deleted ones, is on its way there, or may not."""
        try:
            self._client.purge_deleted_secret(name)
        except AzureError as error:
            if _status(error) not in (_GONE, _ON_ITS_WAY, _NOT_ALLOWED):
                raise _for_people(error, "purge", name) from error
            return _status(error)
        return None

    def _disable(self, name: str, before: SecretProperties, newest: SecretProperties) -> None:
        """Disable the version before the newest, and those before it that are still enabled; one try each."""
        try:
            for version in reversed(self._enabled(name, before)):
                self._client.update_secret_properties(name, version, enabled=False, retry_total=0)
            tidy = self._client.update_secret_properties(name, newest.version, tags={}, retry_total=0)
        except AzureError:
            return  # They hold what was valid before: to leave them enabled for longer is no reason to fail.
        self._newest[name] = tidy

    def _enabled(self, name: str, newest: SecretProperties) -> list[str]:
        """This version and those before it, back to the first one that is disabled or gone."""
        versions = [str(newest.version)]
        tags = newest.tags or {}
        while _BEFORE in tags and len(versions) < _MOST_AT_ONCE:
            try:
                found = self._client.get_secret(name, tags[_BEFORE], retry_total=0)
            except HttpResponseError as error:
                if _status(error) in (403, 404):
                    break
                raise
            versions.append(str(found.properties.version))
            tags = found.properties.tags or {}
        return versions


def _for_people(error: AzureError, doing: str, name: str) -> Exception:
    if isinstance(error, CredentialUnavailableError):
        return KeyVaultRefused("The app has no identity to open Key Vault with. Give it a managed identity.")
    status = _status(error)
    if status in (401, 403, 409):
        return KeyVaultRefused(
            f"Key Vault refused to {doing} the secret “{name}” (HTTP {status}). Check that the app has the role "
            "Key Vault Secrets Officer on the vault, and that the secret is neither disabled nor deleted."
        )
    return Wait(_away_seconds(error), "Key Vault does not answer (setting KEY_VAULT_URL)", "key_vault")


def _away_seconds(error: AzureError) -> float:
    headers = getattr(error.response, "headers", {}) if isinstance(error, HttpResponseError) else {}
    try:
        asked_for = float(headers.get("Retry-After", 0))
    except ValueError:
        asked_for = 0.0
    return max(_AWAY_SECONDS, min(asked_for, _LONGEST_AWAY_SECONDS))


def _status(error: AzureError) -> int | None:
    return error.status_code if isinstance(error, HttpResponseError) else None
