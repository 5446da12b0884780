"""The keys that open functions and webhooks, shared by all instances through a blob of the storage account.

The same places and shapes as the real host's blob secrets (`SecretManager.cs`), but readable: these keys guard a
developer's machine only.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from local.host.storage import create_container

_CONTAINER = "azure-webjobs-secrets"
BLOBS_EXTENSION = "blobs_extension"


@dataclass(frozen=True)
class HostKeys:
    """`master` opens everything; `function_keys` every function; `system_keys` one extension's webhook each."""

    master: str = field(repr=False)
    function_keys: Mapping[str, str] = field(repr=False)
    system_keys: Mapping[str, str] = field(repr=False)

    @property
    def default(self) -> str:
        """The host key that opens every function of level FUNCTION."""
        return self.function_keys["default"]

    @property
    def blobs_extension(self) -> str:
        """The system key that opens the webhook for blob events."""
        return self.system_keys[BLOBS_EXTENSION]


def read_or_create_host_keys(storage: BlobServiceClient, host_id: str) -> HostKeys:
    """The keys of all instances with this host id; the first who asks creates them."""
    document = _read_or_create(
        storage,
        f"{host_id}/host.json",
        {"masterKey": _key("master"), "functionKeys": [_key("default")], "systemKeys": [_key(BLOBS_EXTENSION)]},
    )
    return HostKeys(
        master=document["masterKey"]["value"],
        function_keys=_by_name(document["functionKeys"]),
        system_keys=_by_name(document["systemKeys"]),
    )


def read_or_create_function_keys(storage: BlobServiceClient, host_id: str, function: str) -> Mapping[str, str]:
    """The keys that open this function only, by name; there is a `default` one."""
    document = _read_or_create(storage, f"{host_id}/{function.lower()}.json", {"keys": [_key("default")]})
    return _by_name(document["keys"])


def _read_or_create(storage: BlobServiceClient, name: str, document: dict[str, Any]) -> Any:
    blob = storage.get_blob_client(_CONTAINER, name)
    try:
        return json.loads(blob.download_blob().readall())
    except ResourceNotFoundError:
        pass
    create_container(storage, _CONTAINER)
    try:
        blob.upload_blob(json.dumps(document, indent=2), overwrite=False)
    except ResourceExistsError:
        # Another instance was first; its keys count.
        return json.loads(blob.download_blob().readall())
    return document


def _key(name: str) -> dict[str, Any]:
    return {"name": name, "value": secrets.token_urlsafe(40), "encrypted": False}


def _by_name(keys: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {key["name"]: key["value"] for key in keys}


class Keyring:
    """Decides what a key opens; `functions` are each function's own keys by its name."""

    def __init__(self, host: HostKeys, functions: Mapping[str, Mapping[str, str]]) -> None:
        self._host = host
        self._functions = functions

    def is_master(self, key: str | None) -> bool:
        """The master key opens everything."""
        return _matches(key, [self._host.master])

    def opens_function(self, key: str | None, function: str) -> bool:
        """Host keys and the function's own keys open it; system keys open no function."""
        own = self._functions[function].values()
        return self.is_master(key) or _matches(key, [*self._host.function_keys.values(), *own])

    def opens_blob_webhook(self, key: str | None) -> bool:
        """The blob extension's system key opens its webhook; function keys do not."""
        return self.is_master(key) or _matches(key, [self._host.blobs_extension])


def _matches(given: str | None, keys: Iterable[str]) -> bool:
    return given is not None and any(hmac.compare_digest(given.encode(), key.encode()) for key in keys)
