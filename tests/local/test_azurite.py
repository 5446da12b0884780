"""Azurite as the rest of the system meets it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite, running_azurite
from local.processes import port_is_free


def test_blobs_queues_and_tables_are_served(azurite: Azurite) -> None:
    blobs = BlobServiceClient.from_connection_string(azurite.connection_string)
    queues = QueueServiceClient.from_connection_string(azurite.connection_string)
    tables = TableServiceClient.from_connection_string(azurite.connection_string)

    blobs.create_container("served").upload_blob("a", b"blob")
    queues.create_queue("served").send_message("message")
    tables.create_table("served").create_entity({"PartitionKey": "p", "RowKey": "r"})

    assert blobs.get_blob_client("served", "a").download_blob().readall() == b"blob"
    assert [message.content for message in queues.get_queue_client("served").receive_messages()] == ["message"]
    assert len(list(tables.get_table_client("served").list_entities())) == 1


def test_it_ends_when_asked_and_frees_its_ports_when_the_block_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def use_and_fail() -> None:
        with running_azurite() as azurite:
            ports.extend([azurite.blob_port, azurite.queue_port, azurite.table_port])
            began.append(time.monotonic())
            raise LookupError

    # One that has to be killed takes so long.
    monkeypatch.setattr("local.processes.END_SECONDS", 60)
    ports: list[int] = []
    began: list[float] = []

    with pytest.raises(LookupError):
        use_and_fail()

    assert time.monotonic() - began[0] < 60
    assert all(port_is_free(port) for port in ports)


def test_data_with_a_location_outlive_it(tmp_path: Path) -> None:
    with running_azurite(tmp_path) as azurite:
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        service.create_container("kept").upload_blob("a", b"1")

    with running_azurite(tmp_path) as azurite:
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        assert [blob.name for blob in service.get_container_client("kept").list_blobs()] == ["a"]
