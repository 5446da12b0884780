"""Blob triggers: events become messages of the host's own queue, and these become runs.

Sources: BlobTriggerQueueWriter.cs, BlobQueueTriggerExecutor.cs, BlobTriggerBinding.cs, BlobsExtensionConfigProvider.cs
of Azure/azure-sdk-for-net, sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Blobs.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import re
from collections.abc import Sequence

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobProperties
from azure.storage.queue import QueueClient, QueueMessage
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal

from local.host.functions import BlobTrigger, Function
from local.host.invocations import Invoker
from local.host.queues import QueueLimits, QueueListener
from local.host.settings import Extensions
from local.host.storage import HOST_CONNECTION, blob_service, connection_name, queue_service
from local.host.wire import ModelBindingData, TypedData

logger = logging.getLogger(__name__)

POISON_QUEUE = "webjobs-blobtrigger-poison"


class BlobMessage(BaseModel):
    """What the host's own queue says of a blob; `function_id` is `Host.Functions.<name>`."""

    model_config = ConfigDict(alias_generator=to_pascal, populate_by_name=True, frozen=True)

    type: str = "BlobTrigger"
    function_id: str
    blob_type: str
    container_name: str
    blob_name: str
    e_tag: str


class BlobEvents:
    """The queue `azure-webjobs-blobtrigger-<host id>`: filled by events, worked off by every instance."""

    def __init__(
        self,
        functions: Sequence[tuple[Function, BlobTrigger]],
        host_id: str,
        extensions: Extensions,
        lease: int,
        invoker: Invoker,
    ) -> None:
        self._functions = {function.host_name: (function, trigger) for function, trigger in functions}
        self._invoker = invoker
        self._queue = queue_service(HOST_CONNECTION).get_queue_client(f"azure-webjobs-blobtrigger-{host_id}")
        degree = extensions.blobs.max_degree_of_parallelism
        batch_size = min(degree // 2 + 1, 32)
        self._listener = QueueListener(
            self._queue,
            self._handle,
            self._poison,
            QueueLimits(
                batch_size=batch_size,
                threshold=max(degree - batch_size, 0),
                max_dequeue_count=extensions.blobs.poison_blob_threshold,
                lease=lease,
                retry_delay=0,
                longest_wait=extensions.queues.max_polling_interval.total_seconds(),
            ),
        )

    def start(self) -> None:
        """Create the queue where there is none, and listen."""
        with contextlib.suppress(ResourceExistsError):
            self._queue.create_queue()
        self._listener.start()

    def stop(self) -> None:
        """Fetch nothing more."""
        self._listener.stop()

    def join(self, seconds: float) -> None:
        """Wait until every message that runs is deleted or given back, at most `seconds`."""
        self._listener.join(seconds)

    def enqueue(self, message: BlobMessage) -> None:
        """Put a blob on the queue; returns when the storage account has it."""
        self._queue.send_message(base64.b64encode(message.model_dump_json(by_alias=True).encode()).decode())
        self._listener.wake()

    def run_by_hand(self, function: Function, trigger: BlobTrigger, path: str) -> None:
        """Run a blob function for `container/name`, as the administrative call asks."""
        container, _, name = path.partition("/")
        self._run(function, trigger, container, name)

    def _handle(self, queue_message: QueueMessage) -> bool:
        message = _read(queue_message)
        if message is None:
            logger.error("queue=%s message=%s failed: not a blob message", self._queue.queue_name, queue_message.id)
            return False
        registered = self._functions.get(message.function_id)
        if registered is None:
            logger.warning("function=%s unknown: an event for %s is dropped", message.function_id, message.blob_name)
            return True
        return self._run(*registered, message.container_name, message.blob_name)

    def _run(self, function: Function, trigger: BlobTrigger, container: str, name: str) -> bool:
        blob = blob_service(trigger.connection).get_blob_client(container, name)
        try:
            properties = blob.get_blob_properties()
            value = _reference(trigger, blob) if trigger.sdk_type else TypedData(bytes=blob.download_blob().readall())
        except ResourceNotFoundError:
            logger.info("function=%s skipped: blob %s/%s no longer exists", function.name, container, name)
            return True
        metadata = {
            "BlobTrigger": TypedData(string=f"{container}/{name}"),
            "Uri": TypedData(json=json.dumps(blob.url)),
            "Properties": TypedData(json=_properties(properties)),
            "Metadata": TypedData(json=json.dumps(properties.metadata or {})),
            **_captures(trigger.path, f"{container}/{name}"),
        }
        return self._invoker.run(function, value, metadata, f"blob {container}/{name}")

    def _poison(self, queue_message: QueueMessage) -> QueueClient:
        """The poison queue is in the account of the blob, not in the host's."""
        message = _read(queue_message)
        registered = self._functions.get(message.function_id) if message else None
        connection = registered[1].connection if registered else HOST_CONNECTION
        return queue_service(connection).get_queue_client(POISON_QUEUE)


def _read(message: QueueMessage) -> BlobMessage | None:
    try:
        return BlobMessage.model_validate_json(base64.b64decode(message.content, validate=True))
    except ValueError:
        return None


def _reference(trigger: BlobTrigger, blob: BlobClient) -> TypedData:
    """What SDK types are made from: names only, so that a blob of any size costs nothing here."""
    content = {
        "Connection": connection_name(trigger.connection),
        "ContainerName": blob.container_name,
        "BlobName": blob.blob_name,
    }
    return TypedData(
        model_binding_data=ModelBindingData(
            "1.0", "AzureStorageBlobs", "application/json", json.dumps(content).encode()
        )
    )


def _properties(properties: BlobProperties) -> str:
    """The properties under the names of .NET's BlobProperties."""
    settings = properties.content_settings
    return json.dumps(
        {
            "LastModified": properties.last_modified.isoformat(),
            "CreatedOn": properties.creation_time.isoformat() if properties.creation_time else None,
            "Metadata": properties.metadata or {},
            "BlobType": str(properties.blob_type).rpartition(".")[2],
            "ContentLength": properties.size,
            "ContentType": settings.content_type,
            "ContentEncoding": settings.content_encoding,
            "ETag": properties.etag,
        }
    )


def _captures(pattern: str, path: str) -> dict[str, TypedData]:
    """Values of the pattern's `{name}`s. A blob outside of the pattern runs too, without them.

    For Event Grid nothing compares path and pattern (BlobTriggerBinding.CreateBindingData): the subscription's filter
    decides which blobs come.
    """
    names = re.findall(r"\{(\w+)\}", pattern)
    # A name takes as little as it can, but the last one takes the rest, folders included (BlobPathSource.cs).
    expression = re.sub(r"\\\{\w+\\\}", "(.+?)", re.escape(pattern))
    found = re.fullmatch(expression, path)
    return {name: TypedData(string=value) for name, value in zip(names, found.groups() if found else (), strict=False)}
