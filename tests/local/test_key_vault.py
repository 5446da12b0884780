"""The Key Vault server as the app meets it: the real `SecretClient`, its checks on, with a managed identity's token."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from local.certificates import make_certificates
from local.key_vault import Attributes, Change, Vault, VaultError
from local.processes import Child, end, free_ports, module_command

# The vault does not ask whose it is.
SOME_TOKEN = {"Authorization": "Bearer token"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vault")


@pytest.fixture(scope="module")
def vault_process(folder: Path) -> Iterator[Child]:
    certificates = make_certificates(folder)
    (port,) = free_ports(1)
    options = ["--certificate", str(certificates.certificate), "--key", str(certificates.key)]
    command = module_command("local.key_vault", "--port", str(port), *options, "--state", str(folder / "state.json"))
    child = Child("Key Vault", command, log=folder / "vault.log", port=port)
    try:
        child.start()
        child.wait_until_listening()
        yield child
    finally:
        end([child])


@pytest.fixture(scope="module")
def url(vault_process: Child) -> str:
    return f"https://127.0.0.1:{vault_process.port}"


@pytest.fixture(scope="module")
def client(url: str, folder: Path) -> Iterator[SecretClient]:
    (port,) = free_ports(1)
    identity = Child(
        "managed identity",
        module_command("local.identity", "--port", str(port)),
        log=folder / "identity.log",
        port=port,
        environment={"IDENTITY_HEADER": "the-header"},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
        patch.setenv("IDENTITY_HEADER", "the-header")
        patch.setenv("REQUESTS_CA_BUNDLE", str(folder / "authorities.pem"))
        try:
            identity.start()
            identity.wait_until_listening()
            with DefaultAzureCredential() as credential, SecretClient(url, credential) as client:
                yield client
        finally:
            end([identity])


@pytest.fixture
def name() -> str:
    return f"secret-{uuid.uuid4().hex[:8]}"


def test_a_secret_is_read_back_as_it_was_set(client: SecretClient, name: str) -> None:
    client.set_secret(name, "parolă", content_type="text/plain", tags={"for": "tests"})

    read = client.get_secret(name)

    assert read.value == "parolă"
    assert (read.properties.content_type, read.properties.tags) == ("text/plain", {"for": "tests"})


def test_every_set_adds_a_version_and_the_newest_is_the_secret(client: SecretClient, name: str) -> None:
    first = client.set_secret(name, "one")
    client.set_secret(name, "two")

    assert client.get_secret(name).value == "two"
    assert client.get_secret(name, first.properties.version).value == "one"
    assert len(list(client.list_properties_of_secret_versions(name))) == 2


def test_a_missing_secret_is_not_found(client: SecretClient, name: str) -> None:
    with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
        client.get_secret(name)


def test_a_disabled_version_is_forbidden_and_the_others_are_not(client: SecretClient, name: str) -> None:
    first = client.set_secret(name, "one")
    second = client.set_secret(name, "two")
    client.update_secret_properties(name, second.properties.version, enabled=False)

    with pytest.raises(HttpResponseError) as refused:
        client.get_secret(name)

    assert refused.value.status_code == 403
    assert client.get_secret(name, first.properties.version).value == "one"


def test_the_name_of_a_deleted_secret_cannot_be_set_until_it_is_purged(client: SecretClient, name: str) -> None:
    client.set_secret(name, "one")
    client.begin_delete_secret(name).wait()

    with pytest.raises(ResourceExistsError):
        client.set_secret(name, "two")
    with pytest.raises(ResourceNotFoundError):
        client.get_secret(name)
    client.purge_deleted_secret(name)

    assert client.set_secret(name, "three").value == "three"


def test_a_deleted_secret_is_not_purged_before_its_deletion_has_ended(client: SecretClient, name: str) -> None:
    client.set_secret(name, "one")
    deletion = client.begin_delete_secret(name)

    with pytest.raises(ResourceExistsError, match="ObjectIsBeingDeleted"):
        client.purge_deleted_secret(name)
    deletion.wait()
    client.purge_deleted_secret(name)

    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_secret(name)


def test_while_a_secret_is_being_deleted_it_is_neither_live_nor_deleted_and_its_name_is_taken() -> None:
    vault = Vault(deleting_seconds=60)
    vault.set("name", Change(value="one"))
    vault.delete("name")

    assert vault.secrets(deleted=False) == vault.secrets(deleted=True) == []
    assert refusal(lambda: vault.secret("name")) == (404, "SecretNotFound", None)
    assert refusal(lambda: vault.secret("name", deleted=True)) == (404, "SecretNotFound", None)
    for change in (
        lambda: vault.set("name", Change(value="two")),
        lambda: vault.delete("name"),
        lambda: vault.purge("name"),
    ):
        assert refusal(change) == (409, "Conflict", "ObjectIsBeingDeleted")


def test_with_purge_protection_nothing_is_purged_and_all_can_be_recovered() -> None:
    vault = Vault(purge_protection=True)
    vault.set("name", Change(value="one"))
    vault.delete("name")

    assert refusal(lambda: vault.purge("name")) == (403, "Forbidden", None)
    assert refusal(lambda: vault.purge("another")) == (404, "SecretNotFound", None)
    assert vault.recover("name").versions[-1].value == "one"


def test_a_disabled_version_can_be_enabled_again_and_keeps_its_tags() -> None:
    vault = Vault()
    version = vault.set("name", Change(value="one", tags={"for": "tests"})).version

    for enabled in (False, True):
        vault.update("name", version, Change(attributes=Attributes(enabled=enabled)))
        assert vault.version("name", version).attributes.enabled is enabled
    assert vault.version("name", version).tags == {"for": "tests"}
    assert vault.update("name", version, Change(tags={})).tags == {}


@pytest.mark.parametrize("tags", [{"t": "x" * 257}, {"x" * 257: "t"}, {str(number): "t" for number in range(16)}])
def test_tags_are_at_most_fifteen_of_at_most_256_characters(tags: dict[str, str]) -> None:
    vault = Vault()
    version = vault.set("name", Change(value="one", tags={"x" * 256: "x" * 256})).version

    assert refusal(lambda: vault.set("name", Change(value="two", tags=tags))) == (400, "BadParameter", None)
    assert refusal(lambda: vault.update("name", version, Change(tags=tags))) == (400, "BadParameter", None)


def refusal(call: Callable[[], object]) -> tuple[int, str, str | None]:
    with pytest.raises(VaultError) as refused:
        call()
    return refused.value.status, refused.value.code, refused.value.inner


def test_a_deleted_secret_is_listed_as_such_and_can_be_recovered(client: SecretClient, name: str) -> None:
    client.set_secret(name, "one")
    client.begin_delete_secret(name).wait()
    assert name in [secret.name for secret in client.list_deleted_secrets()]

    client.begin_recover_deleted_secret(name).wait()

    assert client.get_secret(name).value == "one"
    assert name not in [secret.name for secret in client.list_deleted_secrets()]


def test_a_list_of_secrets_goes_on_over_its_pages(client: SecretClient, name: str) -> None:
    names = {f"{name}-{number}" for number in range(30)}
    for one in names:
        client.set_secret(one, "x")

    assert names <= {secret.name for secret in client.list_properties_of_secrets()}


def test_a_value_over_25600_characters_is_refused(client: SecretClient, name: str) -> None:
    client.set_secret(name, "x" * 25_600)

    with pytest.raises(HttpResponseError) as refused:
        client.set_secret(name, "x" * 25_601)

    assert refused.value.status_code == 400


def test_a_name_with_other_characters_is_refused(client: SecretClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.set_secret("under_score", "x")

    assert refused.value.status_code == 400


def test_a_call_without_a_token_is_challenged(client: SecretClient, url: str, name: str) -> None:
    answer = requests.get(f"{url}/secrets/{name}?api-version=2026-04-01", timeout=10)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization=")


def test_calls_are_refused_as_often_as_asked_for(client: SecretClient, url: str, name: str) -> None:
    client.set_secret(name, "one")
    requests.post(f"{url}/_faults", json={"status": 403, "times": 2}, timeout=10).raise_for_status()

    for _ in range(2):
        with pytest.raises(HttpResponseError) as refused:
            client.get_secret(name)
        assert refused.value.status_code == 403

    assert client.get_secret(name).value == "one"


def test_calls_of_one_method_are_refused_with_the_pause_that_was_asked_for(
    client: SecretClient, url: str, name: str
) -> None:
    fault = {"status": 400, "method": "PUT", "retry_after": "120"}
    requests.post(f"{url}/_faults", json=fault, timeout=10).raise_for_status()

    answer = requests.put(f"{url}/secrets/{name}?api-version=2026-04-01", headers=SOME_TOKEN, timeout=10)
    with pytest.raises(ResourceNotFoundError):
        client.get_secret(name)

    assert (answer.status_code, answer.headers["Retry-After"]) == (400, "120")


def test_secrets_outlive_a_restart_of_the_server(client: SecretClient, vault_process: Child, name: str) -> None:
    client.set_secret(name, "one")

    end([vault_process])
    vault_process.start()
    vault_process.wait_until_listening()

    assert client.get_secret(name).value == "one"
