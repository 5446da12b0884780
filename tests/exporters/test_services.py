"""What the settings are turned into: everything of ours is made, nothing of others', and all use one set of limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from exporters.services import Services, connect, utc_now
from shared.queues import Queues
from tests.exporters.world import World


@pytest.fixture
def services(world: World) -> Services:
    return connect(world.settings)


def test_tables_and_containers_of_ours_are_made_and_kept_apart(services: Services, world: World) -> None:
    account = world.settings.storage.connection_string or ""
    with TableServiceClient.from_connection_string(account) as tables:
        names = {table.name for table in tables.list_tables()}
    assert names >= {"Connections", "Exports", "Runs", "Batches", "Limits"}
    with BlobServiceClient.from_connection_string(account) as blobs:
        containers = {container.name for container in blobs.list_containers()}
    assert containers >= {"exports", "locks"}
    assert services.files.container_name == "exports"


def test_the_container_of_the_snapshots_is_never_made(services: Services, world: World) -> None:
    assert services.snapshots.container_name == world.settings.snapshot_container
    with pytest.raises(ResourceNotFoundError):
        services.snapshots.get_container_properties()


def test_documents_runs_and_batches_are_in_the_tables_of_their_names(services: Services) -> None:
    assert services.connections._table._client.table_name == "Connections"
    assert services.exports._table._client.table_name == "Exports"
    assert services.runs._runs._client.table_name == services.runs._slots._client.table_name == "Runs"
    assert services.runs._batches._client.table_name == "Batches"


def test_every_account_uses_the_same_limits_tokens_and_session(services: Services, world: World) -> None:
    one, other = services.account(world.connection), services.account(world.add_connection())
    assert one._limiter is other._limiter is one._tokens._limiter
    assert one._tokens is other._tokens
    assert one._gates is other._gates
    assert one._session is other._session is one._tokens._session
    assert one._limiter._client_id == one._gates._client_id == world.client_id
    assert one._limiter._table._client.table_name == one._gates._table._client.table_name == "Limits"
    assert one._tokens._locks.container_name == "locks"
    assert one._settings is one._tokens._settings is services.settings is world.settings


def test_everybody_goes_by_the_time_in_utc(services: Services, world: World) -> None:
    account = services.account(world.connection)
    for now in (services.now, account._now, account._tokens._now, account._gates._now, utc_now):
        assert now().utcoffset() == datetime.now(UTC).utcoffset()
        assert abs((now() - datetime.now(UTC)).total_seconds()) < 5


def test_slots_are_in_the_time_of_the_storage_account(services: Services, world: World) -> None:
    limiter = services.account(world.connection)._limiter
    assert limiter._clock != limiter._now
    assert abs(limiter._clock() - datetime.now(UTC).timestamp()) < 10


def test_messages_go_to_the_queues_of_the_account(services: Services) -> None:
    assert type(services.queues) is Queues


def test_the_catalog_waits_as_long_as_the_setting_says(services: Services, world: World) -> None:
    assert services.catalog()._quiet.total_seconds() == world.settings.snapshot_quiet_seconds
