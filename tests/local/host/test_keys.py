"""Keys are made once for all instances of an app."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.host.keys import read_or_create_function_keys, read_or_create_host_keys
from tests.local.host.running import fresh_id


def test_instances_that_start_at_once_agree_on_the_keys(azurite: Azurite) -> None:
    host_id = fresh_id()
    with (
        BlobServiceClient.from_connection_string(azurite.connection_string) as storage,
        ThreadPoolExecutor(4) as instances,
    ):
        keys = list(instances.map(lambda _: read_or_create_host_keys(storage, host_id), range(4)))

    assert all(one == keys[0] for one in keys)
    assert len({keys[0].master, keys[0].default, keys[0].blobs_extension}) == 3


def test_every_function_and_every_app_has_keys_of_its_own(azurite: Azurite) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
        first, second = fresh_id(), fresh_id()
        keys = [
            read_or_create_function_keys(storage, first, "start"),
            read_or_create_function_keys(storage, first, "stop"),
            read_or_create_function_keys(storage, second, "start"),
        ]

        assert len({one["default"] for one in keys}) == 3
        assert read_or_create_function_keys(storage, first, "START") == keys[0]
