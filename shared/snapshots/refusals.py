"""Tells a storage that refuses from one that is away: only what is away is worth another try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from shared.snapshots.errors import SnapshotsRefused

# Busy, or written again while it was read.
_PASSES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.TOO_MANY_REQUESTS)


@contextmanager
def told_as_refused(container: ContainerClient) -> Iterator[None]:
    """Around a request to the container: an answer that will be the same next time (4xx) becomes SnapshotsRefused."""
    try:
        yield
    except HttpResponseError as error:
        status = error.status_code
        if status is None or not 400 <= status < 500 or status in _PASSES:
            raise
        code = getattr(error, "error_code", None) or type(error).__name__
        raise SnapshotsRefused(container.container_name, status, str(code)) from error
