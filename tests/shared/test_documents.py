"""Connections and exports are found by their ids and listed by name."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from azure.data.tables import TableServiceClient

from local.azurite import Azurite
from shared.documents import Connections, Exports, is_id, new_id
from shared.errors import Changed, NotFound
from shared.models import Connection, Export

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def connections(azurite: Azurite) -> Iterator[Connections]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield Connections(service.create_table(f"Connections{uuid.uuid4().hex[:10]}"))


@pytest.fixture
def exports(azurite: Azurite) -> Iterator[Exports]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        yield Exports(service.create_table(f"Exports{uuid.uuid4().hex[:10]}"))


def connection(name: str) -> Connection:
    return Connection(id=new_id(), display_name=name, secret_name="secret", created_at=NOW, created_by="test")


def export(name: str) -> Export:
    return Export(
        id=new_id(),
        name=name,
        connection_id="connection",
        list_id="list",
        segments=("Loyal",),
        mapping={"email": "EMail"},
        created_at=NOW,
        created_by="test",
    )


def test_a_connection_comes_back_as_it_was_added(connections: Connections) -> None:
    shop = connection("Shop")
    connections.add(shop)
    assert connections.get(shop.id) == shop


def test_an_export_comes_back_as_it_was_added(exports: Exports) -> None:
    newsletter = export("Newsletter")
    exports.add(newsletter)
    assert exports.get(newsletter.id) == newsletter


def test_connections_are_listed_by_name_whatever_their_case(connections: Connections) -> None:
    for name in ("beta", "Alpha", "Gamma"):
        connections.add(connection(name))
    assert [one.display_name for one in connections.all()] == ["Alpha", "beta", "Gamma"]


def test_exports_are_listed_by_name_whatever_their_case(exports: Exports) -> None:
    for name in ("beta", "Alpha", "Gamma"):
        exports.add(export(name))
    assert [one.name for one in exports.all()] == ["Alpha", "beta", "Gamma"]


@pytest.mark.parametrize("spoilt", ['{"name": "ana@example.com"}', "{", None])
def test_a_row_that_is_no_document_does_not_hide_the_others_and_is_named_in_the_log(
    azurite: Azurite, caplog: pytest.LogCaptureFixture, spoilt: str | None
) -> None:
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        table = service.create_table(f"Documents{uuid.uuid4().hex[:10]}")
        for kind, row in (("export", "spoilt-export"), ("connection", "spoilt-connection")):
            properties = {} if spoilt is None else {"document": spoilt}
            table.create_entity({"PartitionKey": kind, "RowKey": row, **properties})
        exports, connections = Exports(table), Connections(table)
        newsletter, shop = export("Newsletter"), connection("Shop")
        exports.add(newsletter)
        connections.add(shop)
        assert exports.all() == [newsletter]
        assert connections.all() == [shop]
    assert "the export spoilt-export cannot be read" in caplog.text
    assert "the connection spoilt-connection cannot be read" in caplog.text
    assert "ana@example.com" not in caplog.text


@pytest.mark.parametrize("odd", ["", "a/b", "a\\b", "a#b", "a?b", "a b", "x" * 65, "nobody-made-this"])
def test_what_nobody_made_is_not_found(connections: Connections, exports: Exports, odd: str) -> None:
    with pytest.raises(NotFound, match="There is no connection"):
        connections.get(odd)
    with pytest.raises(NotFound, match="There is no export"):
        exports.get(odd)


def test_ids_are_new_each_time_and_can_be_looked_up() -> None:
    assert new_id() != new_id()
    assert is_id(new_id())
    assert is_id("x" * 64)
    assert is_id("a-Z-9")


def test_what_is_there_already_is_not_overwritten_by_an_addition(connections: Connections) -> None:
    shop = connection("Shop")
    assert connections.add(shop)
    assert not connections.add(shop.model_copy(update={"display_name": "Store"}))
    assert connections.get(shop.id) == shop


def renamed(name: str) -> Callable[[Connection], Connection]:
    return lambda one: one.model_copy(update={"display_name": name})


def test_a_change_is_kept_and_gives_the_document_a_new_version(connections: Connections) -> None:
    shop = connection("Shop")
    connections.add(shop)
    before = connections.stored(shop.id)
    after = connections.change(shop.id, renamed("Store"), etag=before.etag)
    assert after.value.display_name == "Store"
    assert connections.stored(shop.id).etag == after.etag != before.etag


def test_a_change_of_a_version_that_is_no_longer_there_is_refused(connections: Connections) -> None:
    shop = connection("Shop")
    connections.add(shop)
    old = connections.stored(shop.id).etag
    connections.change(shop.id, renamed("First"))
    with pytest.raises(Changed, match="Somebody else has changed the connection"):
        connections.change(shop.id, renamed("Second"), etag=old)
    with pytest.raises(Changed, match="Somebody else has changed the connection"):
        connections.remove(shop.id, etag=old)
    assert connections.get(shop.id).display_name == "First"


def test_a_change_of_whatever_is_there_is_made_again_when_somebody_else_was_quicker(connections: Connections) -> None:
    shop = connection("Shop")
    connections.add(shop)
    seen: list[str] = []

    def change(one: Connection) -> Connection:
        seen.append(one.display_name)
        if len(seen) == 1:
            connections.change(shop.id, renamed("Quicker"))
        return one.model_copy(update={"export_user": "Ada"})

    changed = connections.change(shop.id, change).value
    assert seen == ["Shop", "Quicker"]
    assert (changed.display_name, changed.export_user) == ("Quicker", "Ada")


def test_a_change_that_changes_nothing_keeps_the_version(connections: Connections) -> None:
    shop = connection("Shop")
    connections.add(shop)
    before = connections.stored(shop.id)
    assert connections.change(shop.id, lambda one: one).etag == before.etag


def test_what_was_removed_is_not_found(connections: Connections) -> None:
    shop = connection("Shop")
    connections.add(shop)
    connections.remove(shop.id)
    for does in (connections.get, connections.remove, lambda one: connections.change(one, renamed("Store"))):
        with pytest.raises(NotFound):
            does(shop.id)
