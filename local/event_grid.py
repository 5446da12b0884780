"""Event Grid for one blob container: tells the app of every blob that is written, as a storage event subscription does.

Azurite emits no events, so the container is listed and ETags are compared. Event fields and the validation handshake:
https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage and
https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobProperties, ContainerClient

LIST_SECONDS = 0.5
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10.0
LARGEST_BATCH = 50
REQUEST_SECONDS = 10.0

TOPIC = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.Storage/storageAccounts/devstoreaccount1"
)


class DeliveryError(Exception):
    """No target took the events; the message says what each answered, without its key."""


class EventGrid:
    """An event subscription: a context manager that delivers while its block runs.

    Blobs that are in the container when the block starts are not events. Events are delivered at least once, in
    batches, to the first of `targets` that answers 2xx; after a failure of all it tries again, ever more slowly.
    """

    def __init__(self, container: ContainerClient, targets: Sequence[str]) -> None:
        self._container = container
        self._targets = list(targets)
        self._session = requests.Session()
        # The targets are on this machine; a proxy that the environment names is not for them.
        self._session.trust_env = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._deliver_until_ended, name="Event Grid", daemon=True)
        self._etags: dict[str, str] = {}
        self._problem: str | None = None

    def __enter__(self) -> EventGrid:
        self._new_blobs()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._session.close()

    @property
    def problem(self) -> str | None:
        """Why events cannot be delivered now, in a sentence; None while they can."""
        return self._problem

    def _deliver_until_ended(self) -> None:
        pending: list[dict[str, Any]] = []
        validated = False
        retry_after, retry_at = FIRST_RETRY_SECONDS, 0.0
        while not self._ended.is_set():
            try:
                pending += [_blob_created(blob, self._container) for blob in self._new_blobs()]
                if time.monotonic() >= retry_at:
                    validated = validated or self._validate()
                    while pending:
                        self._post("Notification", pending[:LARGEST_BATCH])
                        del pending[:LARGEST_BATCH]
                    retry_after, self._problem = FIRST_RETRY_SECONDS, None
            except (AzureError, DeliveryError, requests.JSONDecodeError) as error:
                self._problem = str(error)
                retry_at = time.monotonic() + retry_after
                retry_after = min(2 * retry_after, LONGEST_RETRY_SECONDS)
            self._ended.wait(LIST_SECONDS)

    def _new_blobs(self) -> list[BlobProperties]:
        """The blobs written since the last call, the oldest first."""
        found = [blob for blob in self._container.list_blobs() if self._etags.get(blob.name) != blob.etag]
        self._etags.update({blob.name: blob.etag for blob in found})
        return sorted(found, key=lambda blob: blob.last_modified)

    def _validate(self) -> bool:
        """The handshake by which an endpoint shows that it wants the events; DeliveryError without it."""
        code = str(uuid.uuid4())
        data = {"validationCode": code, "validationUrl": "https://localhost/no-manual-validation"}
        event = _event("Microsoft.EventGrid.SubscriptionValidationEvent", "", data, data_version="2")
        answer = self._post("SubscriptionValidation", [event])
        if answer.json().get("validationResponse") != code:
            raise DeliveryError("The endpoint did not return the code of the subscription validation.")
        return True

    def _post(self, kind: str, events: list[dict[str, Any]]) -> requests.Response:
        answers = []
        for target in self._targets:
            try:
                answer = self._session.post(
                    target, json=events, headers={"aeg-event-type": kind}, timeout=REQUEST_SECONDS
                )
            except requests.RequestException as error:
                # Its text holds the address with the key, its type says enough.
                answers.append(f"{urlsplit(target).netloc}: {type(error).__name__}")
                continue
            if answer.ok:
                return answer
            answers.append(f"{urlsplit(target).netloc}: HTTP {answer.status_code}")
        raise DeliveryError(f"The events were not accepted ({', '.join(answers)}).")


def _blob_created(blob: BlobProperties, container: ContainerClient) -> dict[str, Any]:
    data = {
        "api": "PutBlob",
        "clientRequestId": str(uuid.uuid4()),
        "requestId": str(uuid.uuid4()),
        "eTag": blob.etag,
        "contentType": blob.content_settings.content_type,
        "contentLength": blob.size,
        "blobType": str(blob.blob_type.value),
        "accessTier": "Default",
        "url": container.get_blob_client(blob.name).url,
        "sequencer": f"{int(blob.last_modified.timestamp()):032x}",
        "storageDiagnostics": {"batchId": str(uuid.uuid4())},
    }
    subject = f"/blobServices/default/containers/{container.container_name}/blobs/{blob.name}"
    return _event("Microsoft.Storage.BlobCreated", subject, data, data_version="")


def _event(kind: str, subject: str, data: dict[str, Any], *, data_version: str) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "topic": TOPIC,
        "subject": subject,
        "eventType": kind,
        "eventTime": datetime.now(UTC).isoformat(),
        "data": data,
        "dataVersion": data_version,
        "metadataVersion": "1",
    }
