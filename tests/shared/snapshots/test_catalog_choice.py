"""Which snapshot is meant where several could be: by the model's word, by the name, and never by a part of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.snapshots import Complete, Missing, NoProfiles, SegmentCatalog, Snapshot
from tests.shared.snapshots.conftest import Store

QUIET = timedelta(minutes=10)
LATER = QUIET + timedelta(seconds=5)


def choose(store: Store, segment: str) -> object:
    return SegmentCatalog(store.container, QUIET).choose(segment, datetime.now(UTC) + LATER)


def chosen(store: Store, segment: str) -> Snapshot:
    choice = choose(store, segment)
    assert isinstance(choice, Complete), choice
    return choice.snapshot


def versions(store: Store, segment: str) -> dict[str, str]:
    return SegmentCatalog(store.container, QUIET).newest_versions([segment])


def test_of_two_snapshots_that_the_model_names_the_newer_is_used_without_a_warning(store: Store) -> None:
    paths = [store.put(f"r/VIP/2026/11/22/{time}/VIP_1.csv", "x") for time in ("0030", "0130")]
    store.put_model("r", store.entity("VIP", ["EMail"], *paths))
    snapshot = chosen(store, "VIP")
    assert (snapshot.id, snapshot.warnings) == ("r/VIP/2026/11/22/0130", ())


def test_a_partition_in_the_folder_of_another_table_is_none_of_this_one(store: Store) -> None:
    own = store.put("r/VIP/2026/11/22/0130/VIP_1.csv", "x")
    other = store.put("r/Other/2026/11/22/0230/Other_1.csv", "x")
    store.put_model("r", store.entity("VIP", ["EMail"], own, other))
    snapshot = chosen(store, "VIP")
    assert [partition.path for partition in snapshot.partitions] == [own]
    assert snapshot.warnings == ()


@pytest.mark.parametrize("segment", ["Loyal", "yal", "other"])
def test_the_end_of_a_tables_name_is_not_its_name(store: Store, segment: str) -> None:
    store.put("r/my_Loyal/2026/11/22/0130/x_1.csv", "x")
    assert isinstance(choose(store, segment), Missing)


def test_a_flat_file_of_another_name_is_not_meant(store: Store) -> None:
    store.put("Export_Lapsed_1613059542.csv", "x")
    assert isinstance(choose(store, "Loyal"), Missing)
    assert chosen(store, "Lapsed").id == "Export_Lapsed_1613059542.csv"


@pytest.mark.parametrize("segment", ["r/XLoyalX", "/r/XLoyalX/"])
def test_a_path_may_have_slashes_around_it(store: Store, segment: str) -> None:
    store.put("r/XLoyalX/2026/11/22/0130/x_1.csv", "x")
    assert chosen(store, segment).id == "r/XLoyalX/2026/11/22/0130"


def test_a_table_without_a_single_date_has_no_snapshot(store: Store) -> None:
    store.put("r/VIP/2026/notes.csv", "x")
    choice = choose(store, "VIP")
    assert isinstance(choice, Missing)
    assert choice.found == ("VIP",)


def test_only_the_segment_that_a_model_calls_empty_is_refused(store: Store) -> None:
    store.put("r/VIP/2026/11/22/0130/VIP_1.csv", "x")
    full = {"name": "Full", "attributes": [{"name": "EMail"}], "partitions": None}
    store.put_model("r", {"name": "Nobody", "attributes": [], "partitions": []}, full)
    catalog = SegmentCatalog(store.container, QUIET)
    assert catalog.empty_segments() == ("Nobody",)
    with pytest.raises(NoProfiles):
        choose(store, "nobody")
    for other in ("Full", "Others"):
        assert isinstance(choose(store, other), Missing)


def test_a_version_changes_when_the_model_comes_to_name_the_newest_files_and_not_older_ones(store: Store) -> None:
    older = store.put("r/VIP/2026/11/21/0130/VIP_1.csv", "x")
    newer = store.put("r/VIP/2026/11/22/0130/VIP_1.csv", "x")
    store.put_model("r", store.entity("VIP", ["EMail"]) | {"partitions": None})
    unnamed = versions(store, "VIP")
    store.put_model("r", store.entity("VIP", ["EMail"], older))
    assert versions(store, "VIP") == unnamed
    store.put_model("r", store.entity("VIP", ["EMail"], older, newer))
    assert versions(store, "VIP") != unnamed


def test_an_announced_snapshot_that_never_came_is_said_though_older_ones_are_there(store: Store) -> None:
    store.put("r/VIP/2026/11/20/0130/VIP_1.csv", "x")
    named = store.put("r/VIP/2026/11/21/0130/VIP_1.csv", "x")
    store.put_model("r", store.entity("VIP", ["EMail"], named, "r/VIP/2026/11/22/0130/VIP_1.csv"))
    snapshot = chosen(store, "VIP")
    assert snapshot.id == "r/VIP/2026/11/21/0130"
    assert len(snapshot.warnings) == 1


def test_a_file_that_came_after_a_model_that_calls_its_table_empty_is_used(store: Store) -> None:
    store.put("r/VIP/2026/11/22/0130/VIP_1.csv", "x")
    store.put_model("r", {"name": "VIP", "attributes": [{"name": "EMail"}], "partitions": []})
    model = store.container.get_blob_client("r/model.json").get_blob_properties().last_modified
    later = store.container.get_blob_client("r/VIP/2026/11/22/0130/VIP_2.csv")
    # Storage tells the time of a change in whole seconds: written again until it is a later one.
    while later.upload_blob(b"x", overwrite=True)["last_modified"] <= model:
        pass
    assert chosen(store, "VIP").id == "r/VIP/2026/11/22/0130"
