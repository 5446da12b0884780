"""Storage clients for the connections that bindings name."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from typing import Any

import requests
from azure.core.exceptions import AzureError, ResourceExistsError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.host.errors import SettingMissing, StorageUnreachable

HOST_CONNECTION = "AzureWebJobsStorage"

# Listeners have their own back-off, so a request gives up soon instead of holding a thread for minutes.
_REQUESTS: dict[str, Any] = {"retry_total": 2, "initial_backoff": 0.5, "increment_base": 0, "connection_timeout": 5}
_PROBE: dict[str, Any] = {"retry_total": 0, "retry_connect": 0, "connection_timeout": 3, "timeout": 3}


def connection_name(name: str) -> str:
    """The setting, or section of settings, behind connection `name`: `name` itself, else `AzureWebJobs<name>`.

    Raises SettingMissing when there is neither.
    """
    for candidate in (name, f"AzureWebJobs{name}"):
        if candidate in os.environ or f"{candidate}__blobServiceUri" in os.environ:
            return candidate
        if f"{candidate}__queueServiceUri" in os.environ:
            return candidate
    raise SettingMissing(
        f"There is no storage connection {name}. Set {name} to a connection string, or {name}__blobServiceUri and "
        f"{name}__queueServiceUri to the account's addresses."
    )


@cache
def blob_service(connection: str) -> BlobServiceClient:
    """Client for the blobs of a connection; with a service URI it signs in by DefaultAzureCredential."""
    name = connection_name(connection)
    if name in os.environ:
        try:
            return BlobServiceClient.from_connection_string(os.environ[name], transport=_transport(), **_REQUESTS)
        except ValueError as error:
            raise SettingMissing(f"{name} is not a storage connection string: {error}") from None
    return BlobServiceClient(
        _service_uri(name, "blob"), credential=DefaultAzureCredential(), transport=_transport(), **_REQUESTS
    )


@cache
def queue_service(connection: str) -> QueueServiceClient:
    """Client for the queues of a connection; with a service URI it signs in by DefaultAzureCredential."""
    name = connection_name(connection)
    if name in os.environ:
        try:
            return QueueServiceClient.from_connection_string(os.environ[name], transport=_transport(), **_REQUESTS)
        except ValueError as error:
            raise SettingMissing(f"{name} is not a storage connection string: {error}") from None
    return QueueServiceClient(
        _service_uri(name, "queue"), credential=DefaultAzureCredential(), transport=_transport(), **_REQUESTS
    )


def check_reachable(connection: str) -> None:
    """Ask the account once, without retries; raises StorageUnreachable when it does not answer or refuses us."""
    client = blob_service(connection)
    try:
        next(iter(client.list_containers(results_per_page=1, **_PROBE)), None)
    except AzureError as error:
        reason = (error.message or type(error).__name__).splitlines()[0]
        raise StorageUnreachable(
            f"The storage account of {connection} at {client.url} cannot be used: {reason}. Is it running?"
        ) from None


def create_container(storage: BlobServiceClient, name: str) -> None:
    """Make sure that a container exists."""
    with contextlib.suppress(ResourceExistsError):
        storage.create_container(name)


def _service_uri(name: str, service: str) -> str:
    setting = f"{name}__{service}ServiceUri"
    if setting not in os.environ:
        raise SettingMissing(f"There is no setting {setting}. Set it to the account's {service} address.")
    return os.environ[setting]


def _transport() -> RequestsTransport:
    # requests keeps ten connections unless told; a listener has up to 48 threads that use one client.
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=64))
    return RequestsTransport(session=session, session_owner=False)
