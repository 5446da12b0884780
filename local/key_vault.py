"""A Key Vault secrets server that the real `SecretClient` talks to.

It keeps the rules that an application can meet: names and sizes, versions, disabled versions, soft delete, the 401
challenge before the first token. Not kept: backup, access policies, and whether a token is genuine.
Rules and error shapes: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups and
https://learn.microsoft.com/azure/key-vault/secrets/about-secrets (api-version 2026-04-01).
"""

from __future__ import annotations

import argparse
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

LARGEST_VALUE = 25_600
PAGE_SIZE = 25
RECOVERABLE_DAYS = 90
TENANT = "00000000-0000-0000-0000-000000000001"

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


class VaultError(Exception):
    """A refusal, with the status and the error codes that Key Vault gives for it."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner = inner

    def response(self) -> JSONResponse:
        """The refusal as Key Vault words it."""
        error: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        return JSONResponse({"error": error}, self.status)


class Attributes(BaseModel):
    """The attributes of a version that a caller may set; times in Unix seconds."""

    enabled: bool = True
    nbf: int | None = None
    exp: int | None = None


class Version(BaseModel):
    """One version of a secret; times in Unix seconds."""

    version: str = Field(default_factory=lambda: uuid.uuid4().hex)
    value: str
    content_type: str | None = None
    tags: dict[str, str] = {}
    attributes: Attributes
    created: int = Field(default_factory=lambda: int(time.time()))
    updated: int = Field(default_factory=lambda: int(time.time()))


class Secret(BaseModel):
    """A secret with all its versions, the newest last; `deleted` is the time of its soft delete in Unix seconds."""

    name: str
    versions: list[Version]
    deleted: int | None = None


class Change(BaseModel):
    """The body of a set or an update: what is left out stays as it is."""

    value: str | None = None
    content_type: str | None = Field(None, alias="contentType")
    tags: dict[str, str] | None = None
    attributes: Attributes | None = None


class Contents(BaseModel):
    """Everything in the vault, by lower-case name: Key Vault's names have no case."""

    secrets: dict[str, Secret] = {}


class Vault:
    """The secrets and the rules for them, kept in memory and, with a state file, on disk after every change."""

    def __init__(self, state: Path | None = None) -> None:
        self._state = state
        self._contents = Contents()
        if state and state.exists():
            self._contents = Contents.model_validate_json(state.read_bytes())

    def secrets(self, *, deleted: bool) -> list[Secret]:
        """The live or the deleted secrets in the order of their names."""
        found = self._contents.secrets
        return [found[name] for name in sorted(found) if (found[name].deleted is not None) == deleted]

    def secret(self, name: str, *, deleted: bool = False) -> Secret:
        """The live or the deleted secret of this name, else 404."""
        found = self._contents.secrets.get(name.lower())
        if found is None or (found.deleted is not None) != deleted:
            kind = "deleted secret" if deleted else "secret"
            raise VaultError(404, "SecretNotFound", f"A {kind} with (name/id) {name} was not found in this key vault.")
        return found

    def version(self, name: str, version: str) -> Version:
        """This version of a live secret, the newest for an empty `version`; else 404."""
        versions = self.secret(name).versions
        for one in reversed(versions):
            if version in ("", one.version):
                return one
        raise VaultError(404, "SecretNotFound", f"A secret with (name/id) {name}/{version} was not found.")

    def set(self, name: str, change: Change) -> Version:
        """Add a version. 400 for an invalid name or value, 409 for the name of a deleted secret."""
        if not _NAME.fullmatch(name):
            raise VaultError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        if change.value is None or len(change.value) > LARGEST_VALUE:
            raise VaultError(400, "BadParameter", f"The property value has no or more than {LARGEST_VALUE} characters.")
        secret = self._contents.secrets.setdefault(name.lower(), Secret(name=name, versions=[]))
        if secret.deleted is not None:
            message = f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused."
            raise VaultError(409, "Conflict", message, "ObjectIsDeletedButRecoverable")
        added = Version(
            value=change.value,
            content_type=change.content_type,
            tags=change.tags or {},
            attributes=change.attributes or Attributes(),
        )
        secret.versions.append(added)
        self._save()
        return added

    def update(self, name: str, version: str, change: Change) -> Version:
        """Change the attributes, the content type or the tags of a version, never its value."""
        found = self.version(name, version)
        if change.attributes is not None:
            given = change.attributes.model_dump(exclude_unset=True)
            found.attributes = found.attributes.model_copy(update=given)
        if change.content_type is not None:
            found.content_type = change.content_type
        if change.tags is not None:
            found.tags = change.tags
        found.updated = int(time.time())
        self._save()
        return found

    def delete(self, name: str) -> Secret:
        """Soft-delete a secret with all its versions."""
        secret = self.secret(name)
        secret.deleted = int(time.time())
        self._save()
        return secret

    def recover(self, name: str) -> Secret:
        """Make a deleted secret live again."""
        secret = self.secret(name, deleted=True)
        secret.deleted = None
        self._save()
        return secret

    def purge(self, name: str) -> None:
        """Remove a deleted secret for good."""
        del self._contents.secrets[self.secret(name, deleted=True).name.lower()]
        self._save()

    def _save(self) -> None:
        if self._state:
            new = self._state.with_suffix(".new")
            new.write_text(self._contents.model_dump_json(), encoding="utf-8")
            new.replace(self._state)


class Fault(BaseModel):
    """What `POST /_faults` takes: the next `times` calls with a token are refused with `status`."""

    status: int
    times: int = 1


def key_vault_app(url: str, state: Path | None = None) -> FastAPI:
    """The vault at `url` (https://127.0.0.1:PORT) as an ASGI application."""
    app = FastAPI(openapi_url=None)
    vault = Vault(state)
    faults: list[int] = []
    # The SDK refuses a challenge unless the vault's host ends with "." + the host of the resource, as
    # my-vault.vault.azure.net does. For 127.0.0.1 that is 0.0.1, and the check stays on in the app.
    resource = url.replace("//127.", "//")
    challenge = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{resource}"'

    @app.exception_handler(VaultError)
    async def refuse(_request: Request, error: VaultError) -> Response:
        return error.response()

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path == "/_faults":
            return await answer(request)
        if not re.fullmatch(r"Bearer \S+", request.headers.get("authorization", "")):
            refusal = VaultError(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.").response()
            refusal.headers["WWW-Authenticate"] = challenge
            return refusal
        if not request.query_params.get("api-version"):
            return VaultError(400, "BadParameter", "api-version must be specified").response()
        if faults:
            return VaultError(faults.pop(0), "Refused", "This call is refused because a test asked for it.").response()
        return await answer(request)

    @app.post("/_faults", status_code=204)
    async def add_fault(fault: Fault) -> None:
        faults.extend([fault.status] * fault.times)

    @app.delete("/_faults", status_code=204)
    async def clear_faults() -> None:
        faults.clear()

    @app.put("/secrets/{name}")
    async def set_secret(name: str, change: Change) -> dict[str, Any]:
        return {**_properties(url, name, vault.set(name, change)), "value": change.value}

    @app.get("/secrets")
    async def list_secrets(request: Request) -> dict[str, Any]:
        return _page(
            request, url, [_properties(url, one.name, one.versions[-1]) for one in vault.secrets(deleted=False)]
        )

    @app.get("/secrets/{name}/versions")
    async def list_versions(name: str, request: Request) -> dict[str, Any]:
        return _page(request, url, [_properties(url, name, one) for one in vault.secret(name).versions])

    @app.get("/secrets/{name}")
    @app.get("/secrets/{name}/{version:path}")
    async def get_secret(name: str, version: str = "") -> dict[str, Any]:
        found = vault.version(name, version)
        if not found.attributes.enabled:
            message = "Operation get is not allowed on a disabled secret."
            raise VaultError(403, "Forbidden", message, "SecretDisabled")
        return {**_properties(url, name, found), "value": found.value}

    @app.patch("/secrets/{name}/{version:path}")
    async def update_secret(name: str, version: str, change: Change) -> dict[str, Any]:
        return _properties(url, name, vault.update(name, version, change))

    @app.delete("/secrets/{name}")
    async def delete_secret(name: str) -> dict[str, Any]:
        return _deleted_properties(url, vault.delete(name))

    @app.get("/deletedsecrets")
    async def list_deleted(request: Request) -> dict[str, Any]:
        return _page(request, url, [_deleted_properties(url, one) for one in vault.secrets(deleted=True)])

    @app.get("/deletedsecrets/{name}")
    async def get_deleted(name: str) -> dict[str, Any]:
        return _deleted_properties(url, vault.secret(name, deleted=True))

    @app.post("/deletedsecrets/{name}/recover")
    async def recover_secret(name: str) -> dict[str, Any]:
        return _properties(url, name, vault.recover(name).versions[-1])

    @app.delete("/deletedsecrets/{name}", status_code=204)
    async def purge_secret(name: str) -> None:
        vault.purge(name)

    return app


def _properties(url: str, name: str, version: Version) -> dict[str, Any]:
    """A version without its value, as lists and changes show it."""
    attributes = version.attributes.model_dump(exclude_none=True)
    attributes |= {"created": version.created, "updated": version.updated}
    attributes |= {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RECOVERABLE_DAYS}
    shown = {"id": f"{url}/secrets/{name}/{version.version}", "attributes": attributes, "tags": version.tags}
    return shown | ({"contentType": version.content_type} if version.content_type else {})


def _deleted_properties(url: str, secret: Secret) -> dict[str, Any]:
    deleted = secret.deleted or 0
    return _properties(url, secret.name, secret.versions[-1]) | {
        "recoveryId": f"{url}/deletedsecrets/{secret.name}",
        "deletedDate": deleted,
        "scheduledPurgeDate": deleted + RECOVERABLE_DAYS * 86_400,
    }


def _page(request: Request, url: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    size = int(request.query_params.get("maxresults", PAGE_SIZE))
    if not 1 <= size <= PAGE_SIZE:
        raise VaultError(400, "BadParameter", f"maxresults must be from 1 to {PAGE_SIZE}.")
    start = int(request.query_params.get("$skiptoken", "0"))
    more = start + size < len(items)
    version = request.query_params["api-version"]
    following = f"{url}{request.url.path}?api-version={version}&maxresults={size}&$skiptoken={start + size}"
    return {"value": items[start : start + size], "nextLink": following if more else None}


def main() -> None:
    """Serve the vault until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m local.key_vault", description="A Key Vault secrets server.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=Path, required=True, help="PEM file with the certificate of 127.0.0.1")
    parser.add_argument("--key", type=Path, required=True, help="PEM file with its private key")
    parser.add_argument("--state", type=Path, help="JSON file that keeps the secrets over a restart")
    options = parser.parse_args()
    uvicorn.run(
        key_vault_app(f"https://127.0.0.1:{options.port}", options.state),
        host="127.0.0.1",
        port=options.port,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
