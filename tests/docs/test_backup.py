"""The program of docs/operate.md that backs the tables up and restores them, run as it stands there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from azure.data.tables import TableServiceClient, UpdateMode

from exporters.runs import Counts
from local.azurite import Azurite
from shared.models import Export
from shared.tables import DocumentTable, Key
from tests.docs.reading import document
from tests.docs.test_documents import stores

COMES_BACK_BY_ITSELF = {"Limits", "Schedules", "Segments", "Drafts", "LooseSecrets"}
EXPORT = Export(
    id="e1",
    name="Newsletter “März”\n" * 5,
    connection_id=None,
    list_id="l1",
    segments=tuple(f"Segment number {number}" for number in range(2_000)),
    mapping={"email": "EMail"},
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
    created_by="Ada",
)


@pytest.fixture
def program() -> Any:
    (code,) = (one for one in document("docs/operate.md").blocks if "def restore(" in one)
    module = ModuleType("tables")
    exec(code, module.__dict__)  # noqa: S102 - it is our own
    return module


@pytest.fixture
def service(azurite: Azurite) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as client:
        yield client


def test_every_table_is_backed_up_but_those_that_come_back_by_themselves(program: Any) -> None:
    assert set(program.TABLES) == stores("table") - COMES_BACK_BY_ITSELF


def test_what_was_saved_is_there_again_as_it_was_and_over_what_came_later(
    program: Any, service: TableServiceClient, tmp_path: Path
) -> None:
    # The storage account is shared by all tests, so the tables have names of their own.
    program.TABLES = [f"{name}{uuid.uuid4().hex}" for name in program.TABLES]
    first, *others = (service.create_table(name) for name in program.TABLES)
    exports = DocumentTable(first, Export, columns=lambda one: {"name": one.id, "many": 7, "active": True})
    counts = DocumentTable(others[-1], Counts)
    place, other = Key("exports", "é 1"), Key("2026-11", "000000000000001-0")
    exports.insert(place, EXPORT)
    counts.insert(other, Counts(read=3))
    row = dict(first.get_entity(place.partition, place.row))

    program.save(service, tmp_path / "backup")
    for table, key in ((first, place), (others[-1], other)):
        later = {"PartitionKey": key.partition, "RowKey": key.row, "document": "{}", "document2": "later"}
        table.upsert_entity(later, mode=UpdateMode.REPLACE)
    program.restore(service, tmp_path / "backup")

    assert dict(first.get_entity(place.partition, place.row)) == row
    assert "document2" not in others[-1].get_entity(other.partition, other.row)
    restored, counted = exports.get(place), counts.get(other)
    assert restored
    assert restored.value == EXPORT
    assert counted
    assert counted.value == Counts(read=3)
