"""Specifies which segments are found in a container and which of their snapshots is chosen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.snapshots import (
    AmbiguousSegment,
    BadModel,
    BrokenSnapshot,
    Choice,
    Complete,
    Missing,
    NoProfiles,
    SegmentCatalog,
    Snapshot,
    StillWriting,
    read_rows,
)
from tests.shared.snapshots.conftest import Store

QUIET = timedelta(minutes=10)
ROOT = "CustomerInsights_abcd/BlobExport"
COLUMNS = ["CustomerId", "EMail"]


def later() -> datetime:
    return datetime.now(UTC) + QUIET + timedelta(seconds=5)


def catalog(store: Store) -> SegmentCatalog:
    return SegmentCatalog(store.container, QUIET)


def chosen(choice: Choice) -> Snapshot:
    assert isinstance(choice, Complete), choice
    return choice.snapshot


def test_segments_are_found_at_any_depth_with_their_newest_snapshot(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/21/0130/VIP_1.csv", "x")
    store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv", "x")
    store.put(f"{ROOT}/VIP/2026/13/01/0130/VIP_1.csv", "x")
    store.put("Top/2026/01/01/0000/any_1.parquet", "x")
    store.put("CustomerInsights_abcd/Export_Lapsed_1613059542.csv", "x")
    store.put("CustomerInsights_abcd/Export_Lapsed_1613059541.csv", "x")
    found = [(one.name, one.path, one.newest_id) for one in catalog(store).segments()]
    assert found == [
        ("VIP", f"{ROOT}/VIP", f"{ROOT}/VIP/2026/11/22/0130"),
        (
            "Export_Lapsed",
            "CustomerInsights_abcd/Export_Lapsed",
            "CustomerInsights_abcd/Export_Lapsed_1613059542.csv",
        ),
        ("Top", "Top", "Top/2026/01/01/0000"),
    ]


def test_the_newest_versions_leave_out_segments_that_are_not_there(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/21/0130/VIP_1.csv", "x")
    store.put(f"{ROOT}/VIP/2026/11/21/1400/VIP_1.csv", "x")
    versions = catalog(store).newest_versions(["VIP", "Gone"])
    assert list(versions) == ["VIP"]
    assert versions["VIP"].startswith(f"{ROOT}/VIP/2026/11/21/1400@")


@pytest.mark.parametrize(
    ("path", "another"),
    [
        ("r/VIP/2026/11/21/0130/VIP_1.csv", "r/VIP/2026/11/21/0130/VIP_2.csv"),
        ("VIP_1613059541.csv", "VIP_1613059542.csv"),
    ],
)
def test_a_version_changes_with_a_data_file_added_or_written_again_and_with_nothing_else(
    store: Store, path: str, another: str
) -> None:
    store.put(path, "x")
    before = catalog(store).newest_versions(["VIP"])
    store.put(f"{path.rpartition('/')[0] or 'r'}/_SUCCESS", "")
    assert catalog(store).newest_versions(["VIP"]) == before
    store.put(path, "y")
    rewritten = catalog(store).newest_versions(["VIP"])
    store.put(another, "x")
    assert len({before["VIP"], rewritten["VIP"], catalog(store).newest_versions(["VIP"])["VIP"]}) == 3


def test_a_committed_snapshot_is_chosen_at_once_with_what_its_model_says(store: Store) -> None:
    path = store.put(f"{ROOT}/VIP/2026/11/22/0130/Other_1.csv", "7,a@example.com\n")
    store.put_model(ROOT, store.entity("VIP", COLUMNS, path, columnHeaders=False))
    snapshot = chosen(catalog(store).choose("VIP", datetime.now(UTC)))
    assert (snapshot.id, snapshot.columns) == (f"{ROOT}/VIP/2026/11/22/0130", ("CustomerId", "EMail"))
    assert snapshot.taken_at == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
    assert [row.values for row in read_rows(store.container, snapshot, ["EMail"])] == [("a@example.com",)]  # type: ignore[union-attr]


def test_a_snapshot_keeps_its_value_as_json(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv.gz", "x")
    snapshot = chosen(catalog(store).choose("VIP", later()))
    assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot


def test_a_newer_snapshot_that_is_being_written_is_waited_for(store: Store) -> None:
    path = store.put(f"{ROOT}/VIP/2026/11/21/0130/VIP_1.csv", "x")
    store.put_model(ROOT, store.entity("VIP", COLUMNS, path))
    store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv", "x")
    choice = catalog(store).choose("VIP", datetime.now(UTC))
    assert isinstance(choice, StillWriting)
    assert "2026/11/22/0130" in choice.reason
    assert chosen(catalog(store).choose("VIP", choice.settles_at)).id == f"{ROOT}/VIP/2026/11/21/0130"


def test_a_model_that_announces_a_newer_snapshot_is_waited_for(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/21/0130/VIP_1.csv", "x")
    store.put_model(ROOT, store.entity("VIP", COLUMNS, f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv"))
    choice = catalog(store).choose("VIP", datetime.now(UTC))
    assert isinstance(choice, StillWriting)
    assert "VIP/2026/11/22/0130/VIP_1.csv" in choice.reason


def test_an_older_complete_snapshot_stands_in_for_a_broken_one_with_a_warning(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/21/0130/VIP_1.csv", "x")
    present = store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv", "x")
    store.put_model(ROOT, store.entity("VIP", COLUMNS, present, f"{ROOT}/VIP/2026/11/22/0130/VIP_2.csv"))
    snapshot = chosen(catalog(store).choose("VIP", later()))
    assert snapshot.id == f"{ROOT}/VIP/2026/11/21/0130"
    assert "VIP/2026/11/22/0130/VIP_2.csv" in snapshot.warnings[0]


def test_with_no_complete_snapshot_at_all_the_missing_partition_is_named(store: Store) -> None:
    present = store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv", "x")
    store.put_model(ROOT, store.entity("VIP", COLUMNS, present, f"{ROOT}/VIP/2026/11/22/0130/VIP_2.csv"))
    with pytest.raises(BrokenSnapshot, match=r"VIP/2026/11/22/0130/VIP_2\.csv"):
        catalog(store).choose("VIP", later())


def test_a_segment_is_found_by_its_folder_ignoring_case_when_no_name_is_exact(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/22/0130/a.csv", "x")
    store.put(f"{ROOT}/Lapsed/2026/11/22/0130/a.csv", "x")
    store.put(f"{ROOT}/lapsed/2026/11/22/0131/a.csv", "x")
    ids = [chosen(catalog(store).choose(name, later())).id for name in ("vip", "lapsed", "Lapsed")]
    assert [one[-4:] for one in ids] == ["0130", "0131", "0130"]


def test_a_segment_is_found_by_its_name_in_the_model_when_no_folder_has_it(store: Store) -> None:
    path = store.put(f"{ROOT}/T1/2026/11/22/0130/a.csv", "x")
    store.put_model(ROOT, store.entity("Very important", COLUMNS, path))
    assert chosen(catalog(store).choose("very important", later())).id == f"{ROOT}/T1/2026/11/22/0130"


def test_a_flat_file_is_found_by_its_whole_stem_or_the_end_of_it(store: Store) -> None:
    store.put("r/Export_VIP_1613059541.csv", "x")
    store.put("r/Export_VIP_1613059542.csv.gz", "x")
    for segment in ("Export_VIP", "vip"):
        snapshot = chosen(catalog(store).choose(segment, later()))
        assert snapshot.id == "r/Export_VIP_1613059542.csv.gz"
        assert snapshot.taken_at == datetime(2021, 2, 11, 16, 5, 42, tzinfo=UTC)
        assert snapshot.columns is None
    assert isinstance(catalog(store).choose("VIP", datetime.now(UTC)), StillWriting)


def test_one_name_under_two_roots_is_ambiguous_until_the_path_is_given(store: Store) -> None:
    store.put("a/VIP/2026/11/22/0130/x.csv", "x")
    store.put("b/VIP/2026/11/22/0131/x.csv", "x")
    with pytest.raises(AmbiguousSegment, match="'a/VIP', 'b/VIP'"):
        catalog(store).choose("VIP", later())
    assert chosen(catalog(store).choose("b/VIP", later())).id == "b/VIP/2026/11/22/0131"


def test_a_missing_segment_comes_with_the_names_of_those_that_are_there(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/22/0130/x.csv", "x")
    assert catalog(store).choose("Gone", later()) == Missing("Gone", ("VIP",))


def test_a_partition_in_another_container_is_refused(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv", "x")
    entity = store.entity("VIP", COLUMNS, "x")
    entity["partitions"][0]["location"] = "https://account.blob.core.windows.net/private/VIP_1.csv"
    store.put_model(ROOT, entity)
    with pytest.raises(BadModel, match="lies outside container"):
        catalog(store).choose("VIP", later())


def test_a_segment_that_the_model_calls_empty_is_refused_whatever_older_folders_hold(store: Store) -> None:
    store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv", "x")
    store.put_model(ROOT, store.entity("VIP", COLUMNS))
    with pytest.raises(NoProfiles, match=r"'VIP' holds no profile.*model\.json"):
        catalog(store).choose("VIP", later())


def test_a_segment_without_a_folder_that_the_model_calls_empty_is_refused_too(store: Store) -> None:
    path = store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv", "x")
    store.put_model(ROOT, store.entity("VIP", COLUMNS, path), store.entity("Gold", COLUMNS))
    with pytest.raises(NoProfiles, match="'Gold'"):
        catalog(store).choose("Gold", later())
    assert catalog(store).empty_segments() == ("Gold",)


def test_a_newer_folder_is_not_used_before_the_model_names_it(store: Store) -> None:
    named = store.put(f"{ROOT}/VIP/2026/11/21/0130/VIP_1.csv", "x")
    store.put_model(ROOT, store.entity("VIP", COLUMNS, named))
    unnamed = store.put(f"{ROOT}/VIP/2026/11/22/0130/VIP_1.csv", "x")
    snapshot = chosen(catalog(store).choose("VIP", later()))
    assert snapshot.id.endswith("2026/11/21/0130")
    assert "2026/11/22/0130" in snapshot.warnings[0]
    before = catalog(store).newest_versions(["VIP"])
    store.put_model(ROOT, store.entity("VIP", COLUMNS, unnamed))
    assert chosen(catalog(store).choose("VIP", later())).id.endswith("2026/11/22/0130")
    assert catalog(store).newest_versions(["VIP"]) != before
