"""A Key Vault secrets server that the real `SecretClient` talks to.

It keeps the rules that an application can meet: names and sizes, versions, disabled versions, soft delete that takes a
moment, purge protection, the 401 challenge before the first token. Not kept: backup, access policies, whether a token
is genuine, and the seconds after a purge in which a name is still taken.
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
MOST_TAGS = 15
LONGEST_TAG = 256
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
    """A secret with all its versions, the newest last; `deleted` is the time of its soft delete in Unix seconds.

    Until `deleting_until` it is neither among the live secrets nor among the deleted ones.
    """

    name: str
    versions: list[Version]
    deleted: int | None = None
    deleting_until: float = 0.0


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

    def __init__(
        self, state: Path | None = None, *, deleting_seconds: float = 0.0, purge_protection: bool = False
    ) -> None:
        self._state = state
        self._deleting_seconds = deleting_seconds
        self.purge_protection = purge_protection
        self._contents = Contents()
        if state and state.exists():
            self._contents = Contents.model_validate_json(state.read_bytes())

    def secrets(self, *, deleted: bool) -> list[Secret]:
        """The live or the deleted secrets in the order of their names."""
        found = self._contents.secrets
        return [found[name] for name in sorted(found) if self._is(found[name], deleted=deleted)]

    def secret(self, name: str, *, deleted: bool = False) -> Secret:
        """The live or the deleted secret of this name, else 404."""
        found = self._contents.secrets.get(name.lower())
        if found is None or not self._is(found, deleted=deleted):
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
        _check_tags(change)
        secret = self._contents.secrets.setdefault(name.lower(), Secret(name=name, versions=[]))
        self._refuse_while_deleting(name)
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
        _check_tags(change)
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
        """Soft-delete a secret with all its versions; the answer comes before it has arrived among the deleted ones."""
        self._refuse_while_deleting(name)
        secret = self.secret(name)
        secret.deleted = int(time.time())
        secret.deleting_until = time.time() + self._deleting_seconds
        self._save()
        return secret

    def recover(self, name: str) -> Secret:
        """Make a deleted secret live again."""
        self._refuse_while_deleting(name)
        secret = self.secret(name, deleted=True)
        secret.deleted = None
        self._save()
        return secret

    def purge(self, name: str) -> None:
        """Remove a deleted secret for good. 409 while it is being deleted, 403 with purge protection."""
        self._refuse_while_deleting(name)
        if self.purge_protection and self.secret(name, deleted=True):
            raise VaultError(403, "Forbidden", 'Operation "purge" is not allowed: purge protection is enabled.')
        del self._contents.secrets[self.secret(name, deleted=True).name.lower()]
        self._save()

    @staticmethod
    def _is(secret: Secret, *, deleted: bool) -> bool:
        if deleted:
            return secret.deleted is not None and time.time() >= secret.deleting_until
        return secret.deleted is None

    def _refuse_while_deleting(self, name: str) -> None:
        secret = self._contents.secrets.get(name.lower())
        if secret and secret.deleted is not None and time.time() < secret.deleting_until:
            raise VaultError(409, "Conflict", f"Secret {name} is currently being deleted.", "ObjectIsBeingDeleted")

    def _save(self) -> None:
        if self._state:
            new = self._state.with_suffix(".new")
            new.write_text(self._contents.model_dump_json(), encoding="utf-8")
            new.replace(self._state)


def _check_tags(change: Change) -> None:
    tags = change.tags or {}
    if len(tags) > MOST_TAGS or any(len(text) > LONGEST_TAG for tag in tags.items() for text in tag):
        raise VaultError(400, "BadParameter", f"At most {MOST_TAGS} tags of at most {LONGEST_TAG} characters.")


class Fault(BaseModel):
    """What `POST /_faults` takes: the next `times` calls with a token are refused with `status`.

    `method` leaves the calls of other methods alone. `retry_after` is the header of that name.
    """

    status: int
    times: int = 1
    method: str | None = None
    retry_after: str | None = None

    def response(self) -> JSONResponse:
        """The refusal."""
        refusal = VaultError(self.status, "Refused", "This call is refused because a test asked for it.").response()
        if self.retry_after is not None:
            refusal.headers["Retry-After"] = self.retry_after
        return refusal


def key_vault_app(url: str, vault: Vault) -> FastAPI:
    """The vault at `url` (https://127.0.0.1:PORT) as an ASGI application."""
    app = FastAPI(openapi_url=None)
    faults: list[Fault] = []
    # The SDK refuses a challenge unless the vault's host ends with "." + the host of the resource, as
    # my-vault.vault.azure.net does. For 127.0.0.1 that is 0.0.1, and the check stays on in the app.
    resource = url.replace("//127.", "//")
    challenge = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{resource}"'

    def shown(name: str, version: Version) -> dict[str, Any]:
        return _properties(f"{url}/secrets/{name}", version, purge_protection=vault.purge_protection)

    def shown_deleted(secret: Secret) -> dict[str, Any]:
        return shown(secret.name, secret.versions[-1]) | _deletion(url, secret)

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
        for fault in faults:
            if fault.method in (None, request.method):
                fault.times -= 1
                if not fault.times:
                    faults.remove(fault)
                return fault.response()
        return await answer(request)

    @app.post("/_faults", status_code=204)
    async def add_fault(fault: Fault) -> None:
        faults.append(fault)

    @app.delete("/_faults", status_code=204)
    async def clear_faults() -> None:
        faults.clear()

    @app.put("/secrets/{name}")
    async def set_secret(name: str, change: Change) -> dict[str, Any]:
        return {**shown(name, vault.set(name, change)), "value": change.value}

    @app.get("/secrets")
    async def list_secrets(request: Request) -> dict[str, Any]:
        return _page(request, url, [shown(one.name, one.versions[-1]) for one in vault.secrets(deleted=False)])

    @app.get("/secrets/{name}/versions")
    async def list_versions(name: str, request: Request) -> dict[str, Any]:
        # By their ids, which tell nothing of their age.
        versions = sorted(vault.secret(name).versions, key=lambda one: one.version)
        return _page(request, url, [shown(name, one) for one in versions])

    @app.get("/secrets/{name}")
    @app.get("/secrets/{name}/{version:path}")
    async def get_secret(name: str, version: str = "") -> dict[str, Any]:
        found = vault.version(name, version)
        if not found.attributes.enabled:
            message = "Operation get is not allowed on a disabled secret."
            raise VaultError(403, "Forbidden", message, "SecretDisabled")
        return {**shown(name, found), "value": found.value}

    @app.patch("/secrets/{name}/{version:path}")
    async def update_secret(name: str, version: str, change: Change) -> dict[str, Any]:
        return shown(name, vault.update(name, version, change))

    @app.delete("/secrets/{name}")
    async def delete_secret(name: str) -> dict[str, Any]:
        return shown_deleted(vault.delete(name))

    @app.get("/deletedsecrets")
    async def list_deleted(request: Request) -> dict[str, Any]:
        return _page(request, url, [shown_deleted(one) for one in vault.secrets(deleted=True)])

    @app.get("/deletedsecrets/{name}")
    async def get_deleted(name: str) -> dict[str, Any]:
        return shown_deleted(vault.secret(name, deleted=True))

    @app.post("/deletedsecrets/{name}/recover")
    async def recover_secret(name: str) -> dict[str, Any]:
        return shown(name, vault.recover(name).versions[-1])

    @app.delete("/deletedsecrets/{name}", status_code=204)
    async def purge_secret(name: str) -> None:
        vault.purge(name)

    return app


def _properties(secret_id: str, version: Version, *, purge_protection: bool) -> dict[str, Any]:
    """A version without its value, as lists and changes show it."""
    attributes = version.attributes.model_dump(exclude_none=True)
    attributes |= {"created": version.created, "updated": version.updated, "recoverableDays": RECOVERABLE_DAYS}
    attributes["recoveryLevel"] = "Recoverable" if purge_protection else "Recoverable+Purgeable"
    shown = {"id": f"{secret_id}/{version.version}", "attributes": attributes, "tags": version.tags}
    return shown | ({"contentType": version.content_type} if version.content_type else {})


def _deletion(url: str, secret: Secret) -> dict[str, Any]:
    deleted = secret.deleted or 0
    return {
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
    parser.add_argument("--purge-protection", action="store_true", help="refuse to purge what was deleted")
    parser.add_argument("--deleting-seconds", type=float, default=0.2, help="how long a deletion takes (default 0.2)")
    options = parser.parse_args()
    vault = Vault(options.state, deleting_seconds=options.deleting_seconds, purge_protection=options.purge_protection)
    uvicorn.run(
        key_vault_app(f"https://127.0.0.1:{options.port}", vault),
        host="127.0.0.1",
        port=options.port,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
