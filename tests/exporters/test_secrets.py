"""Secrets in a Key Vault: what is there, what is not, and what its refusals mean."""

from __future__ import annotations

import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from azure.keyvault.secrets import SecretClient

from shared.errors import Wait
from shared.secrets import KeyVaultRefused, Secrets
from tests.exporters.world import World


@pytest.fixture
def name() -> str:
    return f"secret-{uuid.uuid4().hex[:12]}"


def answering(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def raises(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(SecretClient, "get_secret", raises)
    monkeypatch.setattr(SecretClient, "set_secret", raises)


def refusal(status: int) -> HttpResponseError:
    error = HttpResponseError(message="no")
    error.status_code = status
    return error


def test_the_newest_value_of_a_secret_is_read(world: World, name: str) -> None:
    assert world.secrets.get(name) is None
    world.secrets.set(name, "first")
    world.secrets.set(name, "second")
    assert world.secrets.get(name) == "second"


@pytest.mark.parametrize("status", [401, 403, 409])
def test_a_refusal_names_the_secret_the_role_and_what_was_tried(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    answering(monkeypatch, refusal(status))
    with pytest.raises(KeyVaultRefused, match=rf"refused to read the secret “{name}” \(HTTP {status}\)") as error:
        world.secrets.get(name)
    assert "Key Vault Secrets Officer" in str(error.value)
    with pytest.raises(KeyVaultRefused, match=f"refused to write the secret “{name}”"):
        world.secrets.set(name, "value")


@pytest.mark.parametrize("error", [refusal(400), refusal(429), refusal(500), ServiceRequestError("no connection")])
def test_a_vault_that_does_not_answer_is_waited_for(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    answering(monkeypatch, error)
    with pytest.raises(Wait, match="Key Vault does not answer") as wait:
        world.secrets.get(name)
    assert wait.value.seconds == 15
    with pytest.raises(Wait, match="Key Vault does not answer"):
        world.secrets.set(name, "value")


def test_an_app_without_an_identity_is_told_so(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, CredentialUnavailableError("no identity"))
    with pytest.raises(KeyVaultRefused, match="has no identity"):
        world.secrets.get(name)


def test_the_vault_is_the_one_of_the_setting(world: World) -> None:
    assert Secrets(world.settings)._client.vault_url == world.settings.key_vault_url
