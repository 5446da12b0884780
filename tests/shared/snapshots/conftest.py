"""A container to put snapshots in, as the customer data platform does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from shared.snapshots import BadRow, Partition, ReadOptions, Row, Snapshot, read_rows
from shared.snapshots.paths import is_gzip, kind_of


@dataclass(frozen=True)
class Store:
    """Writes blobs and reads them back as a snapshot."""

    container: ContainerClient

    def put(self, path: str, content: str | bytes) -> str:
        self.container.upload_blob(path, content.encode() if isinstance(content, str) else content, overwrite=True)
        return path

    def put_model(self, root: str, *entities: dict[str, Any]) -> str:
        return self.put(f"{root}/model.json", json.dumps({"name": "m", "version": "1.0", "entities": entities}))

    def location(self, path: str) -> str:
        return f"https://account.blob.core.windows.net/{self.container.container_name}/{path}"

    def entity(self, name: str, columns: Sequence[str], *paths: str, **settings: Any) -> dict[str, Any]:
        partitions = [{"name": path, "location": self.location(path), "fileFormatSettings": settings} for path in paths]
        attributes = [{"name": column, "dataType": "string"} for column in columns]
        return {"$type": "LocalEntity", "name": name, "attributes": attributes, "partitions": partitions}

    def snapshot(self, *paths: str, columns: tuple[str, ...] | None = None, **settings: Any) -> Snapshot:
        partitions = []
        for path in paths:
            blob = self.container.get_blob_client(path).get_blob_properties()
            partitions.append(
                Partition(path=path, etag=blob.etag, size=blob.size, kind=kind_of(path), gzip=is_gzip(path), **settings)
            )
        return Snapshot(
            segment="VIP",
            id="s",
            taken_at=datetime(2026, 1, 1, tzinfo=UTC),
            partitions=tuple(partitions),
            columns=columns,
        )

    def read(
        self,
        content: str | bytes,
        wanted: Sequence[str],
        options: ReadOptions | None = None,
        *,
        name: str = "VIP_1.csv",
        columns: tuple[str, ...] | None = None,
        max_bytes: int = 10_000_000,
        **settings: Any,
    ) -> list[Row | BadRow]:
        snapshot = self.snapshot(self.put(name, content), columns=columns, **settings)
        return list(read_rows(self.container, snapshot, wanted, options, max_bytes=max_bytes))


@pytest.fixture
def store(container: ContainerClient) -> Store:
    return Store(container)
