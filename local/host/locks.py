"""A lock that one of several instances holds, by the lease of a blob."""

from __future__ import annotations

import contextlib
import logging
import time

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobLeaseClient, BlobServiceClient

logger = logging.getLogger(__name__)

HOSTS_CONTAINER = "azure-webjobs-hosts"

# The shortest lease there is, so that a killed instance is followed soon; renewed well before it ends.
_LEASE = 15
_RENEW_AFTER = 5


class InstanceLock:
    """Lock `name` of all instances with one host id; used from one thread."""

    def __init__(self, storage: BlobServiceClient, host_id: str, name: str) -> None:
        self._blob: BlobClient = storage.get_blob_client(HOSTS_CONTAINER, f"locks/{host_id}/{name}")
        self._lease: BlobLeaseClient | None = None
        self._renewed = 0.0

    def try_acquire(self) -> bool:
        """Take the lock when no other instance has it; AzureError when the account does not answer."""
        try:
            self._lease = self._blob.acquire_lease(_LEASE)
        except ResourceNotFoundError:
            self._create()
            return self.try_acquire()
        except ResourceExistsError:
            return False
        self._renewed = time.monotonic()
        return True

    def keep(self) -> bool:
        """Renew the lock when it is time to; False when it was lost."""
        if self._lease is None:
            return False
        if time.monotonic() - self._renewed < _RENEW_AFTER:
            return True
        try:
            self._lease.renew()
        except ResourceExistsError:
            self._lease = None
            return False
        except AzureError:
            # An account that does not answer has not given the lock to anybody as long as the lease lasts.
            return time.monotonic() - self._renewed < _LEASE
        self._renewed = time.monotonic()
        return True

    def release(self) -> None:
        """Give the lock back, so that another instance has it at once."""
        if self._lease is not None:
            try:
                self._lease.release()
            except AzureError as error:
                logger.warning("lock=%s ends by itself: %s", self._blob.blob_name, type(error).__name__)
            self._lease = None

    def _create(self) -> None:
        with contextlib.suppress(ResourceExistsError):
            self._blob.upload_blob(b"", overwrite=False)
