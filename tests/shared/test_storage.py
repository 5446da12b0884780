"""Containers, queues and tables: of the account that the setting names, made once and only where they are ours."""

from __future__ import annotations

import uuid

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.azurite import Azurite
from shared import storage as storage_module
from shared.settings import StorageAccount
from shared.storage import Storage, identity

ADDRESSES = StorageAccount(
    blob_uri="https://127.0.0.1:1/blobs",
    queue_uri="https://127.0.0.1:1/queues",
    table_uri="https://127.0.0.1:1/tables",
    client_id="an-identity",
)


@pytest.fixture
def storage(azurite: Azurite) -> Storage:
    return Storage(StorageAccount(connection_string=azurite.connection_string))


@pytest.fixture
def name() -> str:
    return f"n{uuid.uuid4().hex[:12]}"


def test_what_is_ours_is_made_when_it_is_first_asked_for(storage: Storage, name: str) -> None:
    assert storage.container(name).exists()
    storage.queue(name).get_queue_properties()
    storage.table(name).create_entity({"PartitionKey": "p", "RowKey": "r"})


def test_what_is_there_already_is_used(storage: Storage, azurite: Azurite, name: str) -> None:
    storage.container(name).upload_blob("a", b"there")
    storage.table(name).create_entity({"PartitionKey": "p", "RowKey": "r"})
    storage.queue(name).send_message("there")
    again = Storage(StorageAccount(connection_string=azurite.connection_string))
    assert list(again.container(name).list_blob_names()) == ["a"]
    assert again.table(name).get_entity("p", "r")
    assert again.queue(name).peek_messages()[0].content == "there"


def test_it_is_made_once_and_not_at_every_step(storage: Storage, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    create = ContainerClient.create_container

    def note(client: ContainerClient) -> object:
        made.append(client.container_name)
        return create(client)

    monkeypatch.setattr(ContainerClient, "create_container", note)
    storage.container(name)
    storage.container(name)
    storage.container(f"{name}-other")
    assert made == [name, f"{name}-other"]


def test_a_queue_and_a_table_of_one_name_are_made_both(storage: Storage, name: str) -> None:
    storage.container(name)
    storage.queue(name).get_queue_properties()
    assert list(storage.table(name).list_entities()) == []


def test_the_container_of_somebody_else_is_never_made(storage: Storage, azurite: Azurite, name: str) -> None:
    container = storage.others_container(name)
    with pytest.raises(ResourceNotFoundError):
        container.get_container_properties()
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    assert name not in {found.name for found in service.list_containers()}


def test_a_message_is_base64_both_ways(storage: Storage, name: str) -> None:
    storage.queue(name).send_message("ăîș")
    assert storage.queue(name).receive_message().content == "ăîș"  # type: ignore[union-attr]


def test_without_a_connection_string_each_service_has_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "_make_once", lambda *_: None)
    storage = Storage(ADDRESSES)
    assert storage.container("segments").url == "https://127.0.0.1:1/blobs/segments"
    assert storage.others_container("segments").url == "https://127.0.0.1:1/blobs/segments"
    assert storage.queue("runs").url == "https://127.0.0.1:1/queues/runs"
    assert storage.table("Runs").url == "https://127.0.0.1:1/tables"


def test_without_a_connection_string_the_identity_of_the_account_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def note(client_id: str | None = None) -> object:
        asked.append(client_id)
        return identity(client_id)

    monkeypatch.setattr(storage_module, "identity", note)
    monkeypatch.setattr(Storage, "_make_once", lambda *_: None)
    storage = Storage(ADDRESSES)
    storage.container("c")
    storage.queue("q")
    storage.table("t")
    assert asked == ["an-identity"] * 3


def test_an_identity_is_made_once_for_each_client_id(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, object]] = []

    def note(**options: object) -> DefaultAzureCredential:
        made.append(options)
        return DefaultAzureCredential()

    monkeypatch.setattr(storage_module, "DefaultAzureCredential", note)
    identity.cache_clear()
    try:
        assert identity() is identity()
        assert identity("one") is identity("one") is not identity()
    finally:
        identity.cache_clear()
    assert made == [{}, {"managed_identity_client_id": "one"}]
