"""Asks the site as a web server would, without one: no answer is a 5xx, and every refusal is a problem document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel

from admin.site import make_api
from shared.documents import is_id
from shared.errors import NotFound
from shared.models import Connection, Export
from shared.settings import load_settings
from shared.tables import Key, Stored, entity

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = Connection(id="shop", display_name="Shop", secret_name="s", created_at=NOW, created_by="test")
EXPORT = Export(
    id="shop",
    name="N",
    connection_id="shop",
    list_id="l",
    segments=("VIP",),
    mapping={"email": "EMail"},
    created_at=NOW,
    created_by="test",
)


class Shelf:
    """Documents in memory, kept as the tables would: as a row that can be sent."""

    def __init__(self, known: BaseModel | None = None) -> None:
        self._known = known

    def add(self, *documents: BaseModel) -> bool:
        for one in documents:
            json.dumps(entity(Key("p", "r"), one)).encode()
        return True

    def is_told(self, entry: BaseModel) -> None:
        """It is in the audit log."""

    def get(self, *ids: str) -> BaseModel:
        if ids == ("shop",) and self._known:
            return self._known
        raise NotFound(f"There is no “{ids[-1]}”." if all(map(is_id, ids)) else "There is none.")

    def stored(self, document_id: str) -> Stored[BaseModel]:
        return Stored(self.get(document_id), "etag", NOW)

    def all(self) -> list[BaseModel]:
        return []

    def newest(self, *_: object) -> list[BaseModel]:
        return []

    def page(self, *_: object, **__: object) -> tuple[list[BaseModel], None]:
        return [], None


SETTINGS = load_settings(
    {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "SNAPSHOT_STORAGE": "UseDevelopmentStorage=true",
        "SNAPSHOT_CONTAINER": "segments",
        "REFRESH_SCHEDULE": "0 0 3 * * *",
        "CONSTANT_CONTACT_CLIENT_ID": "client",
        "KEY_VAULT_URL": "https://vault.example",
    }
)
SERVICES: Any = SimpleNamespace(
    settings=SETTINGS,
    connections=Shelf(KNOWN),
    exports=Shelf(EXPORT),
    runs=Shelf(),
    history=SimpleNamespace(latest=lambda _=None: {}),
    audit=SimpleNamespace(write=lambda _: None),
    files=None,
    now=lambda: NOW,
)
SITE = make_api(lambda: SERVICES, SETTINGS)
LOOP = asyncio.new_event_loop()


def ask_the_site(data: bytes) -> None:
    """The first byte chooses what is asked for; the others are a body, or the end of an address."""
    if not data:
        return
    choice, given = data[0] % 5, data[1:]
    if choice == 0:
        status, kind, body = ask("POST", "/api/connections", b"", given)
    elif choice == 1:
        status, kind, body = ask("POST", "/api/exports", b"", given)
    else:
        path, _, query = given.partition(b"?")
        before = ("/api/exports/", "/api/connections/", "/api/exports/shop/runs/")[choice - 2]
        status, kind, body = ask("GET", before + unquote(path.decode("latin-1")), query, b"")
    assert status < 500, body
    if status >= 400:
        assert kind == b"application/problem+json"
        assert json.loads(body)["detail"]
        assert len(body) < 10_000 + len(given)


def ask(method: str, path: str, query: bytes, body: bytes) -> tuple[int, bytes, bytes]:
    """Status, content type and body of the answer."""
    return LOOP.run_until_complete(_ask(method, path, query, body))


async def _ask(method: str, path: str, query: bytes, body: bytes) -> tuple[int, bytes, bytes]:
    sent: list[MutableMapping[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": query,
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"host", b"a.example")],
        "client": ("127.0.0.1", 1),
        "server": ("a.example", 443),
    }

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await SITE(scope, receive, send)
    headers = dict(sent[0]["headers"])
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return int(sent[0]["status"]), bytes(headers.get(b"content-type", b"")), content
