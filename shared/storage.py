"""The storage accounts: containers, queues and tables by name, made when they are first needed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableClient, TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from shared.settings import StorageAccount


@functools.cache
def identity(client_id: str | None = None) -> TokenCredential:
    """The identity of the app (managed identity in Azure; `AZURE_CLIENT_ID` chooses between several)."""
    return DefaultAzureCredential(managed_identity_client_id=client_id) if client_id else DefaultAzureCredential()


class Storage:
    """One storage account and the services in it."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account
        self._made: set[str] = set()

    @functools.cached_property
    def _blobs(self) -> BlobServiceClient:
        account = self._account
        if account.connection_string:
            return BlobServiceClient.from_connection_string(account.connection_string)
        return BlobServiceClient(str(account.blob_uri), credential=identity(account.client_id))

    @functools.cached_property
    def _queues(self) -> QueueServiceClient:
        account = self._account
        if account.connection_string:
            return QueueServiceClient.from_connection_string(account.connection_string)
        return QueueServiceClient(str(account.queue_uri), credential=identity(account.client_id))

    @functools.cached_property
    def _tables(self) -> TableServiceClient:
        account = self._account
        if account.connection_string:
            return TableServiceClient.from_connection_string(account.connection_string)
        return TableServiceClient(endpoint=str(account.table_uri), credential=identity(account.client_id))

    def container(self, name: str) -> ContainerClient:
        """A blob container of ours, made if it is not there."""
        client = self._blobs.get_container_client(name)
        self._make_once(f"container {name}", client.create_container)
        return client

    def others_container(self, name: str) -> ContainerClient:
        """A blob container that somebody else writes; it is never made by us."""
        return self._blobs.get_container_client(name)

    def queue(self, name: str) -> QueueClient:
        """A queue whose messages are base64, as the host's triggers expect; made if it is not there."""
        client = self._queues.get_queue_client(
            name, message_encode_policy=TextBase64EncodePolicy(), message_decode_policy=TextBase64DecodePolicy()
        )
        self._make_once(f"queue {name}", client.create_queue)
        return client

    def table(self, name: str) -> TableClient:
        """A table, made if it is not there."""
        client = self._tables.get_table_client(name)
        self._make_once(f"table {name}", client.create_table)
        return client

    def _make_once(self, what: str, make: Callable[[], object]) -> None:
        if what not in self._made:
            with contextlib.suppress(ResourceExistsError):
                make()
            self._made.add(what)
