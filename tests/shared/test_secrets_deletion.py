"""Deleted secrets: purged where the vault allows, though deleting takes it a moment, and never waited for long."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.keyvault.secrets import SecretClient

from shared.secrets import KeyVaultRefused, Secrets
from shared.storage import identity
from tests.shared.vaults import running_vault, secrets_of


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[str]:
    with running_vault(tmp_path, "--deleting-seconds=1") as url:
        yield url


@pytest.fixture
def protected(tmp_path: Path) -> Iterator[str]:
    with running_vault(tmp_path, "--purge-protection") as url:
        yield url


@pytest.fixture
def name() -> str:
    return f"secret-{uuid.uuid4().hex[:12]}"


def deleted_names(url: str) -> set[str | None]:
    with SecretClient(url, identity()) as client:
        return {one.name for one in client.list_deleted_secrets()}


def kept(url: str, name: str) -> Secrets:
    secrets = secrets_of(url)
    secrets.set(name, "one")
    return secrets


def test_a_secret_is_purged_when_the_vault_has_deleted_it(slow: str, name: str) -> None:
    secrets = kept(slow, name)
    secrets.delete(name)
    assert secrets.get(name) is None
    assert name not in deleted_names(slow)
    secrets.set(name, "its name can be used again")


def test_a_deletion_that_takes_too_long_is_not_waited_for_and_can_be_repeated(
    slow: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = kept(slow, name)
    with monkeypatch.context() as patch:
        patch.setattr("shared.secrets._PURGE_PAUSES_SECONDS", (0.001,))
        assert secrets.delete(name) is False
        assert secrets.delete(name) is False
    assert secrets.get(name) is None
    assert secrets.delete(name) is True
    assert name not in deleted_names(slow)


def test_a_vault_with_purge_protection_keeps_what_was_deleted(protected: str, name: str) -> None:
    secrets = kept(protected, name)
    secrets.delete(name)
    assert secrets.get(name) is None
    assert name in deleted_names(protected)
    with pytest.raises(KeyVaultRefused, match="nor deleted"):
        secrets.set(name, "two")


def test_what_is_deleted_or_was_never_there_is_deleted_without_an_error(protected: str, name: str) -> None:
    secrets = kept(protected, name)
    secrets.delete(name)
    began = time.monotonic()
    secrets.delete(name)
    secrets.delete(f"{name}-never")
    assert time.monotonic() - began < 5
