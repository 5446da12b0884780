"""A table of its own for each test of what the instances share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from azure.data.tables import TableClient, TableServiceClient

from local.azurite import Azurite


@pytest.fixture
def table(azurite: Azurite) -> Iterator[TableClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service.create_table(f"Limits{uuid.uuid4().hex[:10]}")
