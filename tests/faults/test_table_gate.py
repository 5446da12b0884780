"""The gate in front of the table service: it passes everything on, and strikes at one write exactly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.core.exceptions import AzureError, ResourceExistsError
from azure.data.tables import TableClient, TableServiceClient

from exporters.runs import Run
from local.azurite import Azurite
from local.processes import free_ports
from shared.tables import Key, entity, together
from tests.faults.boundaries import BOUNDARIES
from tests.faults.table_gate import TableGate, Trap


@pytest.fixture
def gate(azurite: Azurite) -> Iterator[tuple[TableGate, Azurite]]:
    (port,) = free_ports(1)
    with TableGate(port, azurite.table_port).running() as gate:
        yield gate, Azurite(azurite.blob_port, azurite.queue_port, port)


@pytest.fixture
def through(gate: tuple[TableGate, Azurite]) -> Iterator[TableClient]:
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
    gate: tuple[TableGate, Azurite], through: TableClient, direct: TableClient
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
    gate: tuple[TableGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    seen: list[list[str]] = []
    with (
        gate[0].trap(Trap((b"wanted",), "after", lambda: seen.append(names(direct)))),
        pytest.raises(AzureError),
    ):
        through.create_entity(row("b", "wanted"))

    assert seen == [["b"]]


def test_a_trap_springs_once_and_reading_does_not_spring_it(
    gate: tuple[TableGate, Azurite], through: TableClient, direct: TableClient
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
    gate: tuple[TableGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    direct.create_entity(row("a"))
    with gate[0].trap(Trap((b"wanted",), "after", lambda: None)) as trap:
        with pytest.raises(ResourceExistsError):
            through.create_entity(row("a", "wanted"))
        assert not trap.sprung.is_set()
        with pytest.raises(AzureError):
            through.create_entity(row("b", "wanted"))

    assert trap.sprung.is_set()


def test_a_boundary_is_told_by_the_row_of_a_run(
    gate: tuple[TableGate, Azurite], through: TableClient, direct: TableClient
) -> None:
    (boundary,) = [one for one in BOUNDARIES if one.title == "before preparing → uploading"]
    run = Run.model_validate(
        {
            "run_id": "r1",
            "export_id": "e1",
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
    with gate[0].trap(Trap(boundary.marks("e1"), boundary.when, lambda: None)) as trap:
        through.create_entity(entity(Key("e1", "1"), run))
        through.create_entity(entity(Key("e2", "1"), run.model_copy(update={"export_id": "e2", "status": "uploading"})))
        assert not trap.sprung.is_set()
        with pytest.raises(AzureError):
            through.create_entity(entity(Key("e1", "2"), run.model_copy(update={"status": "uploading"})))
