"""Specifies how model.json is read, and what of it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.snapshots import BadModel
from shared.snapshots.limits import MAX_MODEL_BYTES
from shared.snapshots.model_file import Model, parse_model, read_model
from tests.shared.snapshots.conftest import Store

URL = "https://account.blob.core.windows.net/segments"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def parse(*entities: object) -> Model:
    return parse_model("r/model.json", json.dumps({"entities": entities}).encode(), URL, WHEN)


def table(name: str, *locations: str | None, **partition: Any) -> dict[str, Any]:
    partitions = [{"name": f"p{number}", "location": place} | partition for number, place in enumerate(locations)]
    return {"name": name, "attributes": [{"name": "EMail", "dataType": "string"}], "partitions": partitions}


def test_a_table_has_its_columns_and_the_format_of_its_partitions() -> None:
    settings = {"columnHeaders": True, "delimiter": ";", "encoding": "UTF-16", "quoteStyle": "QuoteStyle.None"}
    entity = parse(table("T", f"{URL}/r/T/a.csv", fileFormatSettings=settings)).entity_of("r/T")
    assert entity is not None
    (part,) = entity.partitions
    assert entity.columns == ("EMail",)
    assert (part.path, part.header, part.delimiter, part.encoding) == ("r/T/a.csv", "yes", ";", "UTF-16")
    assert part.plain_quotes


@pytest.mark.parametrize(
    ("partition", "header"),
    [({}, "auto"), ({"fileFormatSettings": {"columnHeaders": False}}, "no"), ({"hasHeader": True}, "yes")],
)
def test_a_header_is_stated_by_the_settings_or_the_partition_or_not_at_all(
    partition: dict[str, Any], header: str
) -> None:
    entity = parse(table("T", f"{URL}/r/T/a.csv", **partition)).entity_of("r/T")
    assert entity is not None
    assert entity.partitions[0].header == header


def test_a_null_location_leaves_only_the_columns() -> None:
    entity = parse(table("T", None)).entity_of("r/T")
    assert entity is not None
    assert (entity.columns, entity.partitions) == (("EMail",), ())


def test_unknown_keys_and_null_lists_are_no_fault() -> None:
    model = parse({"$type": "ReferenceEntity", "name": "T", "pbi:x": 1, "attributes": None, "partitions": None})
    assert model.entities[0].columns == ()


def test_a_table_is_found_by_its_partitions_before_its_name() -> None:
    model = parse(table("Other", f"{URL}/r/T/2026/a.csv"), table("T"))
    entity = model.entity_of("r/T")
    assert entity is not None
    assert entity.name == "Other"


def test_two_entities_that_share_a_folder_are_refused() -> None:
    with pytest.raises(BadModel, match="several entities with partitions in 'r/T'"):
        parse(table("A", f"{URL}/r/T/a.csv"), table("B", f"{URL}/r/T/b.csv")).entity_of("r/T")


def test_a_partition_outside_the_container_is_named_and_stops_only_its_own_table() -> None:
    model = parse(table("T", "https://account.blob.core.windows.net/secret/a.csv?sig=abc"), table("U"))
    with pytest.raises(BadModel, match=r"'r/model.json', field 'entities 'T', partitions 'p0', location'") as caught:
        model.entity_of("r/T")
    assert "sig" not in str(caught.value)
    assert model.entity_of("r/U") is not None


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"[" * 100_000, "recursion limit"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[]", "object"),
        (b"{}", "'entities'"),
        (b'{"entities": 1}', "'entities'"),
        (b'{"entities": [{"name": "T", "attributes": [{}]}]}', "'entities.0.attributes.0.name'"),
        (b'{"entities": [{"name": "T", "partitions": [{"location": 7}]}]}', "'entities.0.partitions.0.location'"),
    ],
)
def test_a_model_of_another_shape_is_refused_with_its_field(content: bytes, field: str) -> None:
    with pytest.raises(BadModel, match=field):
        parse_model("r/model.json", content, URL, WHEN)


@pytest.mark.parametrize("settings", [{"delimiter": ";;"}, {"delimiter": '"'}, {"quoteStyle": "QuoteStyle.Some"}])
def test_a_format_that_cannot_be_read_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(BadModel, match="fileFormatSettings"):
        parse(table("T", f"{URL}/r/T/a.csv", fileFormatSettings=settings))


def test_a_byte_order_mark_before_the_model_is_skipped(store: Store) -> None:
    store.put("r/model.json", b'\xef\xbb\xbf{"entities": []}')
    model = read_model(store.container, "r")
    assert model is not None
    assert model.path == "r/model.json"


def test_an_oversized_model_is_refused(store: Store) -> None:
    store.put("r/model.json", b" " * (MAX_MODEL_BYTES + 1))
    with pytest.raises(BadModel, match="larger than 16 MiB"):
        read_model(store.container, "r")


def test_no_model_is_no_error(store: Store) -> None:
    assert read_model(store.container, "r") is None


def test_a_table_is_found_by_its_name_whatever_its_case() -> None:
    model = parse(table("Other", None), table("vip", None) | {"attributes": [{"name": "Mail"}]})
    entity = model.entity_of("r/VIP")
    assert entity is not None
    assert entity.name == "vip"


def test_of_several_entities_with_partitions_in_a_folder_the_one_of_its_name_is_meant() -> None:
    model = parse(table("Copy", f"{URL}/r/T/a.csv"), table("T", f"{URL}/r/T/b.csv"))
    entity = model.entity_of("r/T")
    assert entity is not None
    assert [part.path for part in entity.partitions] == ["r/T/b.csv"]


def test_partitions_after_one_without_a_location_are_read() -> None:
    entity = parse(table("T", None, f"{URL}/r/T/a.csv")).entity_of("r/T")
    assert entity is not None
    assert [part.path for part in entity.partitions] == ["r/T/a.csv"]


def test_an_entity_is_known_by_any_of_its_partitions_and_refused_for_another() -> None:
    model = parse(table("Renamed", "https://elsewhere.example.com/x/a.csv", f"{URL}/r/T/b.csv"))
    with pytest.raises(BadModel, match="p0"):
        model.entity_of("r/T")
