"""Old versions of a secret are disabled: the newest one is the only one that can be read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.keyvault.secrets import SecretClient, SecretProperties

from shared.secrets import Secrets
from shared.storage import identity
from tests.shared.vaults import enabled_versions, running_vault, secrets_of


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_vault(tmp_path_factory.mktemp("vault")) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[SecretClient]:
    with SecretClient(url, identity()) as client:
        yield client


@pytest.fixture
def secrets(url: str) -> Secrets:
    return secrets_of(url)


@pytest.fixture
def name() -> str:
    return f"secret-{uuid.uuid4().hex[:12]}"


def newest(client: SecretClient, name: str) -> str:
    return str(client.get_secret(name).properties.version)


def nothing_is_disabled(patch: pytest.MonkeyPatch, error: Exception, *, but: int = 0) -> None:
    """Refuse to change versions once `but` of them were changed."""
    change, left = SecretClient.update_secret_properties, [None] * but

    def refuse(client: SecretClient, *given: str, **options: object) -> SecretProperties:
        if not left:
            raise error
        left.pop()
        return change(client, *given, **options)  # type: ignore[arg-type]

    patch.setattr(SecretClient, "update_secret_properties", refuse)


def test_a_write_disables_the_version_that_was_read_before(secrets: Secrets, client: SecretClient, name: str) -> None:
    client.set_secret(name, "one")
    assert secrets.get(name) == "one"
    secrets.set(name, "two")
    assert enabled_versions(client, name) == [newest(client, name)]
    assert secrets.get(name) == "two"


def test_a_write_disables_the_version_that_was_written_before(
    secrets: Secrets, client: SecretClient, name: str
) -> None:
    for value in ("one", "two", "three"):
        secrets.set(name, value)
    assert enabled_versions(client, name) == [newest(client, name)]


def test_the_newest_stays_enabled_though_another_has_written_meanwhile(
    secrets: Secrets, client: SecretClient, name: str
) -> None:
    secrets.set(name, "one")
    client.set_secret(name, "of another")
    secrets.set(name, "three")
    assert secrets.get(name) == "three"


@pytest.mark.parametrize("status", [403, 429, 500])
def test_what_cannot_be_disabled_fails_nothing_and_is_disabled_with_the_next_write(
    url: str, secrets: Secrets, client: SecretClient, name: str, status: int
) -> None:
    secrets.set(name, "one")
    requests.post(f"{url}/_faults", json={"status": status, "method": "PATCH"}, timeout=10).raise_for_status()
    secrets.set(name, "two")
    assert secrets.get(name) == "two"
    assert len(enabled_versions(client, name)) == 2
    secrets.set(name, "three")
    assert enabled_versions(client, name) == [newest(client, name)]


@pytest.mark.parametrize("error", [HttpResponseError("no"), ServiceRequestError("no connection")])
def test_what_could_not_be_disabled_for_long_is_found_by_another_process(
    url: str, secrets: Secrets, client: SecretClient, name: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as patch:
        nothing_is_disabled(patch, error)
        for number in range(6):
            secrets.set(name, str(number))
    assert len(enabled_versions(client, name)) == 6
    another = secrets_of(url)
    another.get(name)
    another.set(name, "last")
    assert enabled_versions(client, name) == [newest(client, name)]


@pytest.mark.parametrize("disabled", range(5))
def test_what_was_disabled_in_part_is_disabled_in_whole_with_the_next_write(
    secrets: Secrets, client: SecretClient, name: str, monkeypatch: pytest.MonkeyPatch, disabled: int
) -> None:
    with monkeypatch.context() as patch:
        nothing_is_disabled(patch, HttpResponseError("no"))
        for number in range(3):
            secrets.set(name, str(number))
    with monkeypatch.context() as patch:
        nothing_is_disabled(patch, HttpResponseError("no"), but=disabled)
        secrets.set(name, "next")
    assert len(enabled_versions(client, name)) == max(1, 4 - disabled)
    secrets.set(name, "last")
    assert enabled_versions(client, name) == [newest(client, name)]


def test_a_write_costs_as_many_calls_after_a_hundred_versions_as_after_one(
    url: str, client: SecretClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    send = requests.Session.send

    def count(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        asked.append(str(request.method))
        return send(session, request, **options)  # type: ignore[arg-type]

    secrets = secrets_of(url)
    for number in range(100):
        secrets.set(name, str(number))
    another = secrets_of(url)
    another.get(name)
    monkeypatch.setattr(requests.Session, "send", count)
    another.set(name, "one more")
    assert asked == ["PUT", "PATCH", "PATCH"]


def test_a_secret_that_was_purged_and_made_anew_is_written_as_any_other(
    secrets: Secrets, client: SecretClient, name: str
) -> None:
    secrets.set(name, "one")
    client.begin_delete_secret(name).wait()
    client.purge_deleted_secret(name)
    secrets.set(name, "two")
    secrets.set(name, "three")
    assert enabled_versions(client, name) == [newest(client, name)]
