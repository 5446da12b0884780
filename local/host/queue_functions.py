"""Turns queue messages into runs of the functions that they trigger."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from local.host.functions import Function, QueueTrigger
from local.host.invocations import Invoker
from local.host.queues import QueueLimits, QueueListener
from local.host.settings import CORES, QueueOptions
from local.host.wire import TypedData

logger = logging.getLogger(__name__)

# Names of queues end here (Azure Storage, "Naming queues and metadata").
_LONGEST_NAME = 63


def queue_listener(
    function: Function,
    trigger: QueueTrigger,
    account: QueueServiceClient,
    options: QueueOptions,
    lease: int,
    invoker: Invoker,
) -> QueueListener:
    """A listener that runs `function` for every message of its queue; `lease` in seconds."""

    def handle(message: QueueMessage) -> bool:
        body = decode(message.content, options)
        if body is None:
            logger.error(
                "function=%s queue=%s message=%s failed: its content is not base64; send it with "
                'TextBase64EncodePolicy or set "messageEncoding": "none" in host.json',
                function.name,
                trigger.queue,
                message.id,
            )
            return False
        return invoker.run(function, as_value(body), _metadata(message, body), f"queue {trigger.queue}")

    poison = _poison_queue(account, trigger.queue)
    limits = QueueLimits(
        batch_size=options.batch_size,
        threshold=threshold(options),
        max_dequeue_count=options.max_dequeue_count,
        lease=lease,
        retry_delay=options.visibility_timeout.total_seconds(),
        longest_wait=options.max_polling_interval.total_seconds(),
    )
    return QueueListener(account.get_queue_client(trigger.queue), handle, lambda _message: poison, limits)


def threshold(options: QueueOptions) -> int:
    """Number of running messages at which the next batch is fetched: half a batch for each core unless set."""
    if options.new_batch_threshold is not None:
        return options.new_batch_threshold
    return options.batch_size // 2 * CORES


def decode(content: str, options: QueueOptions) -> bytes | None:
    """A message's body; None when it should be base64 and is not."""
    if options.message_encoding == "none":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return None


def as_value(body: bytes) -> TypedData:
    """The body as text where it is text, else as bytes."""
    try:
        return TypedData(string=body.decode())
    except UnicodeDecodeError:
        return TypedData(bytes=body)


def metadata_by_hand(body: str) -> dict[str, TypedData]:
    """Metadata of a run that no message caused (the administrative call of a queue function)."""
    now = datetime.now(UTC)
    message = QueueMessage(content=body)
    message.id = ""
    message.pop_receipt = ""
    message.dequeue_count = 1
    message.inserted_on = message.expires_on = message.next_visible_on = now
    return _metadata(message, body.encode())


def _metadata(message: QueueMessage, body: bytes) -> dict[str, TypedData]:
    """Built-in names, overridden without case by the body's own properties (Utility.ApplyBindingData of the host)."""
    metadata = {
        "QueueTrigger": as_value(body),
        "DequeueCount": TypedData(json=str(message.dequeue_count)),
        "ExpirationTime": _time(message.expires_on),
        "Id": TypedData(string=message.id),
        "InsertionTime": _time(message.inserted_on),
        "NextVisibleTime": _time(message.next_visible_on),
        "PopReceipt": TypedData(string=message.pop_receipt),
    }
    names = {name.casefold(): name for name in metadata}
    for name, value in _properties(body).items():
        metadata[names.setdefault(name.casefold(), name)] = value
    return metadata


def _properties(body: bytes) -> Mapping[str, TypedData]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    return {name: _property(value) for name, value in document.items() if not isinstance(value, list)}


def _property(value: Any) -> TypedData:
    if isinstance(value, dict):
        return TypedData(json=json.dumps(value))
    # As .NET prints them: nothing for null, True and False with a capital.
    return TypedData(string="" if value is None else str(value))


def _time(moment: datetime | None) -> TypedData:
    return TypedData(json=json.dumps(moment.isoformat() if moment else None))


def _poison_queue(account: QueueServiceClient, queue: str) -> QueueClient | None:
    """None for a queue that is a poison queue itself, or whose poison queue's name would be too long."""
    if queue.endswith("-poison") or len(f"{queue}-poison") > _LONGEST_NAME:
        return None
    return account.get_queue_client(f"{queue}-poison")
