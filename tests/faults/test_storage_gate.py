"""The gate in front of a storage service: it passes everything on, strikes at one write, closes, and is slow."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from azure.core.exceptions import AzureError, ResourceExistsError
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.blob import BlobServiceClient

from exporters.runs import Run
from local.azurite import Azurite
from local.processes import free_ports
from shared.tables import Key, entity, together
from tests.faults.boundaries import BOUNDARIES
from tests.faults.storage_gate import StorageGate, Trap


@pytest.fixture
def gate(azurite: Azurite) -> Iterator[tuple[StorageGate, Azurite]]:
    (port,) = free_ports(1)
    with StorageGate(port, azurite.table_port).running() as gate:
        yield gate, Azurite(azurite.blob_port, azurite.queue_port, port)


@pytest.fixture
def through(gate: tuple[StorageGate, Azurite]) -> Iterator[TableClient]:
    """A fresh table, reached through the gate, that tries everything once."""
    with TableServiceClient.from_connection_string(gate[1].connection_string, retry_total=0) as service:
        yield service.create_table(f"Gate{gate[1].table_port}")


@pytest.fixture
def direct(through: TableClient, azurite: Azurite) -> Iterator[TableClient]:
    with TableClient.from_connection_string(azurite.connection_string, through.table_name) as client:
        yield client


def row(name: str, text: str = "") -> dict[str, str]:
    return {"PartitionKey": "p", "RowKey": name, "text": text}


def names(table: TableClient) -> list[str]:
    return [one["RowKey"] for one in table.list_entities()]


def test_rows_and_transactions_pass(through: TableClient, direct: TableClient) -> None:
    through.create_entity(row("a", "x" * 30_000))
    together(through, insert=[row("b"), row("c")], replace=[])

    assert names(direct) == ["a", "b", "c"]
    assert through.get_entity("p", "a")["text"] == "x" * 30_000


def test_before_a_write_means_that_it_never_arrives(
    gate: tuple[StorageGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    seen: list[list[str]] = []
    with gate[0].trap(Trap((b"wanted",), "before", lambda: seen.append(names(direct)))) as trap:
        through.create_entity(row("a", "other"))
        with pytest.raises(AzureError):
            through.create_entity(row("b", "wanted"))

    assert trap.sprung.is_set()
    assert seen == [["a"]]
    assert names(direct) == ["a"]


def test_after_a_write_means_that_it_is_there_and_nobody_is_told(
    gate: tuple[StorageGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    seen: list[list[str]] = []
    with (
        gate[0].trap(Trap((b"wanted",), "after", lambda: seen.append(names(direct)))),
        pytest.raises(AzureError),
    ):
        through.create_entity(row("b", "wanted"))

    assert seen == [["b"]]


def test_a_trap_springs_once_and_reading_does_not_spring_it(
    gate: tuple[StorageGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    direct.create_entity(row("wanted"))
    with gate[0].trap(Trap((b"wanted",), "before", lambda: None)) as trap:
        assert through.get_entity("p", "wanted")
        assert not trap.sprung.is_set()
        with pytest.raises(AzureError):
            through.create_entity(row("b", "wanted"))
        through.create_entity(row("c", "wanted"))

    assert names(direct) == ["c", "wanted"]


def test_a_write_that_is_refused_is_no_boundary(
    gate: tuple[StorageGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    direct.create_entity(row("a"))
    with gate[0].trap(Trap((b"wanted",), "after", lambda: None)) as trap:
        with pytest.raises(ResourceExistsError):
            through.create_entity(row("a", "wanted"))
        assert not trap.sprung.is_set()
        with pytest.raises(AzureError):
            through.create_entity(row("b", "wanted"))

    assert trap.sprung.is_set()


def test_while_it_is_closed_nothing_reaches_the_service_and_nobody_gets_an_answer(
    gate: tuple[StorageGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    with gate[0].closed():
        with pytest.raises(AzureError):
            through.create_entity(row("a"))
        with pytest.raises(AzureError):
            names(through)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", gate[1].table_port))
    through.create_entity(row("b"))

    assert names(direct) == ["b"]


def test_while_it_is_slow_each_request_is_answered_that_much_later(
    gate: tuple[StorageGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    began = time.monotonic()
    with gate[0].slow(0.3):
        through.create_entity(row("a"))
        through.create_entity(row("b"))

    assert time.monotonic() - began >= 0.6
    assert names(direct) == ["a", "b"]


def test_the_blob_service_can_be_behind_it_too(azurite: Azurite) -> None:
    (port,) = free_ports(1)
    content = bytes(range(256)) * 40_000
    with StorageGate(port, azurite.blob_port).running():
        behind = Azurite(port, azurite.queue_port, azurite.table_port)
        with BlobServiceClient.from_connection_string(behind.connection_string, retry_total=0) as service:
            container = service.create_container(f"gate-{port}")
            container.upload_blob("large", content)

            assert container.download_blob("large").readall() == content


def test_a_boundary_is_told_by_the_row_of_a_run(
    gate: tuple[StorageGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    (boundary,) = [one for one in BOUNDARIES if one.title == "before preparing → uploading"]
    run = Run.model_validate(
        {
            "run_id": "r1",
            "export_id": "export-1",
            "export_name": "Newsletter",
            "trigger": "http",
            "started_by": "local",
            "created_at": "2026-11-21T04:30:00Z",
            "list_id": "l1",
            "segments": ["s"],
            "connection_id": "c1",
            "status": "preparing",
        }
    )
    with gate[0].trap(Trap(boundary.marks("export-1"), boundary.when, lambda: None)) as trap:
        through.create_entity(entity(Key("export-1", "1"), run))
        through.create_entity(
            entity(Key("export-2", "1"), run.model_copy(update={"export_id": "export-2", "status": "uploading"}))
        )
        assert not trap.sprung.is_set()
        with pytest.raises(AzureError):
            through.create_entity(entity(Key("export-1", "2"), run.model_copy(update={"status": "uploading"})))
