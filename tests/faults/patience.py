"""Asks again while nobody answers: in a soak hosts and storage are away for a while, by design."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import requests
from azure.core.exceptions import AzureError

from local.app_client import ApiError

_LONGEST_SECONDS = 180
Answer = TypeVar("Answer")


def insist(ask: Callable[[], Answer]) -> Answer:
    """Ask until an answer comes, for three minutes at the most; then the last error is raised."""
    ends_at = time.monotonic() + _LONGEST_SECONDS
    while True:
        try:
            return ask()
        except (ApiError, AzureError, requests.RequestException):
            if time.monotonic() > ends_at:
                raise
            time.sleep(1)
