"""What is read and what is changed outside: nothing but what was configured, agreed to and meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from hypothesis import example, given
from hypothesis import strategies as st

from exporters import contacts, follow, prepare, upload
from exporters.constant_contact.client import Account, Activity
from exporters.runs import Run
from exporters.services import Services
from exporters.steps import run_step
from local.constant_contact.contacts import Contact
from local.constant_contact.state import LOCAL_ACCOUNT_ID
from shared.snapshots import catalog, model_file
from shared.snapshots.completeness import Evidence
from shared.snapshots.folders import TableFolder
from shared.snapshots.model_file import Entity, NamedPartition
from shared.snapshots.models import Partition
from shared.snapshots.paths import DateFolder, date_folder
from tests.exporters.world import World
from tests.promises.promise import Guard, Worlds, examples, replaced

_FOLDER = "CustomerInsights_x/BlobExport"


def nothing_outside_the_configured_container_is_read(worlds: Worlds) -> None:
    """Whatever model.json gives as the location of a partition."""
    with worlds() as world:
        container = world.services.snapshots.container_name
        hidden = world.services.files
        hidden.upload_blob(f"{_FOLDER}/Loyal/2026/11/22/0130/Loyal_1.csv", b"EMail\nhidden@example.com\n")
        parts = st.sampled_from(
            ["..", ".", "", container, hidden.container_name, "%2e%2e", "..%2f", "\\", "Loyal/2026/11/22/0130", "x.csv"]
        )
        roots = st.sampled_from(
            ["", "/", "https://127.0.0.1/", f"https://account.blob.core.windows.net/{container}/", "abfss://x@account/"]
        )

        @examples(25)
        @example("", [container, "..", hidden.container_name, "x.csv"])
        @example("", [container, "%2e%2e", hidden.container_name, f"{_FOLDER}/Loyal/2026/11/22/0130/Loyal_1.csv"])
        @given(roots, st.lists(parts, min_size=1, max_size=6))
        def at_such_a_location(root: str, parts: list[str]) -> None:
            location = root + "/".join(parts)
            model = {
                "name": "x",
                "entities": [
                    {
                        "name": "Loyal",
                        "attributes": [{"name": "EMail"}],
                        "partitions": [{"name": "p", "location": location}],
                    }
                ],
            }
            world.upload(f"{_FOLDER}/Loyal/2026/11/22/0130/Loyal_1.csv", b"EMail\nana@example.com\n")
            world.upload(f"{_FOLDER}/model.json", json.dumps(model).encode())
            world.clock.advance(world.settings.snapshot_quiet_seconds)
            export = world.add_export("Loyal", mapping={"email": "EMail"})
            world.start(export)
            world.queue.waiting.sort()
            waiting = world.queue.waiting.pop(0)
            # The storage service refuses such a path too.
            with blobs_read() as paths, suppress(HttpResponseError):
                run_step(world.services, waiting.queue, waiting.message.model_dump_json())
            world.queue.waiting.clear()
            run = world.last_run(export)
            for path in paths:
                inside, own = (
                    path.startswith(f"/{container}/"),
                    path.startswith(f"/{hidden.container_name}/{run.run_id}/"),
                )
                assert inside or own, f"{location} led to {path}"
                assert ".." not in path.split("/"), f"{location} led to {path}"

        at_such_a_location()


def nobody_is_subscribed_again_and_nothing_is_erased(worlds: Worlds) -> None:
    """Who unsubscribed stays so; an empty or blank cell, and one that cannot be read, leaves what there is."""
    blanks = st.text(st.sampled_from(" \t\u00a0\u200b\u2003\x00\x1f"), max_size=4)

    @examples(3)
    @example("", " \u200b")
    @given(blanks, blanks)
    def of_such_cells(one: str, other: str) -> None:
        with worlds() as world:
            seed = [
                {"email": "gone@example.com", "permission": "unsubscribed", "first_name": "Gone"},
                {"email": "here@example.com", "permission": "explicit", "first_name": "Here"},
            ]
            url = f"{world.simulator.url}/_simulator/contacts"
            requests.post(url, json={"contacts": seed}, timeout=10).raise_for_status()
            world.write_snapshot("Loyal", [f'gone@example.com,"{one}"', f'here@example.com,"{other}"'])
            with sent_to(world) as requests_sent:
                run = world.run_to_end(world.add_export("Loyal"))
            assert run.counts.not_added == 1, f"{run.counts.not_added} not added: {run.error}"
            assert world.members() == ["here@example.com"]
            names = {c.email: (c.first_name, c.permission) for c in people(world)}
            assert names["gone@example.com"] == ("Gone", "unsubscribed"), f"subscribed again: {names}"
            assert names["here@example.com"] == ("Here", "explicit"), f"erased: {names}"
            for method, path, body in requests_sent:
                assert method == "GET" or path.endswith("/activities/contacts_file_import"), f"{method} {path}"
                cells = [cell for line in body.splitlines() if "@example.com" in line for cell in line.split(",")[1:]]
                assert all(cell == "" for cell in cells), f"a cell of blanks was sent: {cells}"

    of_such_cells()


def nothing_is_sent_without_consent(worlds: Worlds) -> None:
    """Not one request goes to Constant Contact for a connection that nobody has agreed to."""
    with worlds() as world:
        world.write_snapshot("Loyal", ["ana@example.com,Ana"])
        without = world.add_connection(consent=False)
        with sent_to(world) as requests_sent:
            run = world.run_to_end(world.add_export("Loyal", connection_id=without.id))
        assert requests_sent == [], "a request without consent"
        assert run.status == "failed"


# How it is done


@contextmanager
def blobs_read() -> Iterator[list[str]]:
    """The paths of all blobs that are asked for, container first, as the storage service understands them."""
    paths: list[str] = []
    send = requests.Session.send

    def note(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        parts = urlsplit(request.url or "")
        is_table = "(" in parts.path
        is_read = request.method == "GET" and "comp=" not in parts.query
        if is_read and not is_table and parts.path.startswith("/devstoreaccount1/"):
            paths.append(unquote(parts.path).removeprefix("/devstoreaccount1"))
        return send(session, request, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", note)
        yield paths


@contextmanager
def sent_to(world: World) -> Iterator[list[tuple[str, str, str]]]:
    """Method, path and body of every request of the app to Constant Contact's API."""
    sent: list[tuple[str, str, str]] = []
    send = requests.Session.send

    def note(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        path = urlsplit(request.url or "").path
        if path.startswith("/v3/"):
            body = request.body if isinstance(request.body, bytes) else b""
            sent.append((request.method or "", path, body.decode("utf-8", "replace")))
        return send(session, request, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", note)
        yield sent


def people(world: World) -> list[Contact]:
    return list(world.simulator.state.accounts[LOCAL_ACCOUNT_ID].contacts.in_order)


# What protects it


def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three parts protect this one after the other; it shows when none of them does."""

    def as_it_is_written(location: str, container_url: str, root: str) -> str:
        return unquote(urlsplit(location).path).partition("/")[2]

    def in_every_folder(table: TableFolder, entity: Entity | None) -> dict[DateFolder, tuple[NamedPartition, ...]]:
        newest = date_folder(f"{table.path}/2026/11/22/0130")
        return {newest: entity.partitions} if newest and entity else {}

    def listed_or_not(evidence: Evidence, now: datetime, quiet: timedelta) -> tuple[Partition, ...]:
        return tuple(Partition(path=part.path, etag="*", size=1000) for part in evidence.named)

    monkeypatch.setattr(model_file, "path_in_container", as_it_is_written)
    monkeypatch.setattr(catalog, "_by_date_folder", in_every_folder)
    monkeypatch.setattr(catalog, "judge", listed_or_not)


def for_anyone(services: Services, run: Run) -> object:
    return nullcontext(services.account(services.connections.get(run.connection_id)))


def also_subscribe(
    self: Account, *given: object, import_file: object = Account.import_file, **more: object
) -> Activity:
    """As the sign-up form does: it takes every contact for one who has just asked for it."""
    assert callable(import_file)
    url = f"{self._settings.constant_contact_api_url}/contacts/sign_up_form"
    self._session.post(url, json={}, timeout=10)
    activity: Activity = import_file(self, *given, **more)
    return activity


GUARDS = [
    Guard(
        nothing_outside_the_configured_container_is_read,
        "following locations only to what is listed in the segment's folder",
        anywhere,
        "led to",
    ),
    Guard(
        nobody_is_subscribed_again_and_nothing_is_erased,
        "cleaning the cells",
        replaced(contacts, "clean_text", lambda text: text),
        "erased|a cell of blanks was sent",
    ),
    Guard(
        nobody_is_subscribed_again_and_nothing_is_erased,
        "importing as the only call that changes contacts",
        replaced(Account, "import_file", also_subscribe),
        "POST /v3/contacts/sign_up_form",
    ),
    Guard(
        nothing_is_sent_without_consent,
        "asking for consent",
        lambda patch: ([patch.setattr(module, "account_of", for_anyone) for module in (prepare, upload, follow)]),
        "a request without consent",
    ),
]
