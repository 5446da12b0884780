"""Secrets in a Key Vault: what is there, what is not, and what its refusals mean."""

from __future__ import annotations

import time
import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from azure.keyvault.secrets import SecretClient

from shared.errors import Wait
from shared.secrets import KeyVaultRefused, Secrets
from shared.storage import identity
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


def vault(world: World) -> SecretClient:
    return SecretClient(world.settings.key_vault_url, identity())


def arrived(client: SecretClient, name: str) -> str:
    """The name of a secret that is on its way to the deleted ones, once it is there."""
    until = time.monotonic() + 10
    while True:
        try:
            return str(client.get_deleted_secret(name).name)
        except ResourceNotFoundError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_secret_is_deleted_with_all_its_versions_and_purged(world: World, name: str) -> None:
    world.secrets.set(name, "first")
    world.secrets.set(name, "second")
    world.secrets.delete(name)
    assert world.secrets.get(name) is None
    with vault(world) as client:
        assert name not in {one.name for one in client.list_deleted_secrets()}
    world.secrets.set(name, "the name can be used again")


def test_a_secret_that_is_gone_is_deleted_all_the_same(world: World, name: str) -> None:
    world.secrets.delete(name)
    world.secrets.set(name, "value")
    with vault(world) as client:
        client.begin_delete_secret(name).wait()
        world.secrets.delete(name)
        assert name not in {one.name for one in client.list_deleted_secrets()}


@pytest.mark.parametrize("status", [403, 409])
def test_a_vault_that_does_not_purge_keeps_the_secret_among_the_deleted_ones(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("shared.secrets._PURGE_PAUSES_SECONDS", (0, 0))
    world.secrets.set(name, "value")

    def refuses(*_: object, **__: object) -> None:
        raise refusal(status)

    monkeypatch.setattr(SecretClient, "purge_deleted_secret", refuses)
    # What may not be purged is done with; what is on its way there is to be deleted again.
    assert world.secrets.delete(name) is (status == 403)
    assert world.secrets.get(name) is None
    with vault(world) as client:
        client.begin_recover_deleted_secret(arrived(client, name)).wait()
    assert world.secrets.get(name) == "value"


def test_a_secret_that_is_on_its_way_to_the_deleted_ones_is_purged_when_it_is_there(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.secrets.set(name, "value")
    purge, early = SecretClient.purge_deleted_secret, [ResourceNotFoundError("not yet"), refusal(409)]

    def late(client: SecretClient, name: str, **options: object) -> None:
        if early:
            not_found = early.pop(0)
            not_found.status_code = not_found.status_code or 404
            raise not_found
        purge(client, name, **options)

    monkeypatch.setattr(SecretClient, "purge_deleted_secret", late)
    world.secrets.delete(name)
    with vault(world) as client:
        assert name not in {one.name for one in client.list_deleted_secrets()}


@pytest.mark.parametrize("call", ["begin_delete_secret", "purge_deleted_secret"])
def test_a_vault_that_does_not_answer_a_deletion_is_waited_for(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def away(*_: object, **__: object) -> None:
        raise refusal(500)

    monkeypatch.setattr(SecretClient, call, away)
    with pytest.raises(Wait, match="Key Vault does not answer"):
        world.secrets.delete(name)


def test_an_app_that_may_not_delete_is_told_so(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise refusal(403)

    monkeypatch.setattr(SecretClient, "begin_delete_secret", refuses)
    with pytest.raises(KeyVaultRefused, match=f"refused to delete the secret “{name}”"):
        world.secrets.delete(name)
