"""A table of small documents."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from azure.data.tables import TableClient, TableServiceClient
from pydantic import BaseModel

from local.azurite import Azurite
from shared.tables import DocumentTable


class Note(BaseModel):
    text: str = ""


@pytest.fixture
def client(azurite: Azurite) -> Iterator[TableClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service.create_table(f"Notes{uuid.uuid4().hex[:10]}")


@pytest.fixture
def notes(client: TableClient) -> DocumentTable[Note]:
    return DocumentTable(client, Note)
