"""Specifies what the path of a blob says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.snapshots.paths import (
    OutsideContainer,
    date_folder,
    flat_file,
    is_data_file,
    natural_order,
    path_in_container,
)

CONTAINER = "https://account.blob.core.windows.net/segments"
EMULATED = "http://127.0.0.1:10000/devstoreaccount1/segments"


@pytest.mark.parametrize("root", ["", "CustomerInsights_abcd/BlobExport/", "a/b/c/d/"])
def test_a_date_folder_says_its_table_and_its_time_in_utc_at_any_depth(root: str) -> None:
    found = date_folder(f"{root}VIP/2026/11/22/0130")
    assert found is not None
    assert (found.table, found.taken_at) == (f"{root}VIP", datetime(2026, 11, 22, 1, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "path",
    ["V/2026/13/22/0130", "V/2026/02/30/0130", "V/2026/11/22/2460", "V/2026/11/22/130", "2026/11/22/0130", "V/2026/11"],
)
def test_a_folder_that_names_no_time_is_no_date_folder(path: str) -> None:
    assert date_folder(path) is None


@pytest.mark.parametrize("name", ["E_VIP_1613059542.csv", "E_VIP_1613059542.csv.gz", "x/E_VIP_1613059542.CSV"])
def test_a_flat_file_says_its_stem_and_its_time(name: str) -> None:
    found = flat_file(name)
    assert found is not None
    assert (found.stem, found.taken_at) == ("E_VIP", datetime(2021, 2, 11, 16, 5, 42, tzinfo=UTC))


@pytest.mark.parametrize(
    "name", ["VIP_1.csv", "VIP_123456789.csv", "VIP_99999999999.csv", "VIP.csv", "V_1613059542.md"]
)
def test_a_number_that_is_no_time_makes_no_flat_file(name: str) -> None:
    assert flat_file(name) is None


def test_marker_files_directory_stubs_and_the_model_are_no_data_files() -> None:
    ignored = ["f/_SUCCESS", "f/.x.csv", "f/_committed_1.csv", "f/0130", "f/model.json", "f/notes.md"]
    read = ["f/a.csv", "f/a.csv.gz", "f/a.gz", "f/a.tsv", "f/a.txt", "f/a.PARQUET"]
    assert [path for path in ignored + read if is_data_file(path)] == read


def test_partition_ten_comes_after_partition_two() -> None:
    assert sorted(["T_10.csv", "T_2.csv", "T_1.csv"], key=natural_order) == ["T_1.csv", "T_2.csv", "T_10.csv"]


@pytest.mark.parametrize(
    ("location", "container_url"),
    [
        ("https://account.blob.core.windows.net/segments/a%20b/T_1.csv", CONTAINER),
        ("https://account.dfs.core.windows.net:443/segments/a b/T_1.csv?snapshot=2026#x", CONTAINER),
        ("https://somebody.else.example.com/segments/a%20b/T_1.csv", CONTAINER),
        ("abfss://segments@account.dfs.core.windows.net/a%20b/T_1.csv", CONTAINER),
        ("segments/a b/T_1.csv", CONTAINER),
        ("http://127.0.0.1:9/devstoreaccount1/segments/a%20b/T_1.csv", EMULATED),
        ("https://account.blob.core.windows.net/segments/a%20b/T_1.csv", EMULATED),
    ],
)
def test_a_location_means_the_blob_of_its_path_whatever_its_host_and_query(location: str, container_url: str) -> None:
    assert path_in_container(location, container_url, "") == "a b/T_1.csv"


def test_a_path_is_taken_as_it_is_but_for_the_slash_before_it() -> None:
    location = "abfss://segments@account.dfs.core.windows.net/Xmas/XXL_1.csv"
    assert path_in_container(location, CONTAINER, "") == "Xmas/XXL_1.csv"


@pytest.mark.parametrize(
    "location",
    [
        "https://account.blob.core.windows.net/others/T_1.csv",
        "https://account.blob.core.windows.net/segments/../others/T_1.csv",
        "https://account.blob.core.windows.net/segments/%2e%2e/others/T_1.csv",
        "https://account.blob.core.windows.net/segments/%2e%2e%2fothers/T_1.csv",
        "https://account.blob.core.windows.net/segments/a\\..\\T_1.csv",
        "https://account.blob.core.windows.net/segments/a%00.csv",
        "https://account.blob.core.windows.net/segments",
        "abfss://others@account.dfs.core.windows.net/segments/T_1.csv",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
def test_a_location_outside_the_container_is_refused(location: str) -> None:
    with pytest.raises(OutsideContainer):
        path_in_container(location, CONTAINER, "CustomerInsights_x/BlobExport")


@pytest.mark.parametrize(
    "location",
    [
        "https://product.blob.core.windows.net/Dynamics365CustomerInsights/CustomerInsights_x/BlobExport/T/2026/11/22/0130/T_1.csv",
        "https://product.blob.core.windows.net/c1/CustomerInsights_x/BlobExport/T/2026/11/22/0130/T_1.csv?snapshot=2026",
        "abfss://c1@product.dfs.core.windows.net/CustomerInsights_x/BlobExport/T/2026/11/22/0130/T_1.csv",
    ],
)
def test_a_folder_that_was_copied_from_another_container_is_read_as_it_is(location: str) -> None:
    assert path_in_container(location, CONTAINER, "copies") == "copies/T/2026/11/22/0130/T_1.csv"
    assert path_in_container(location, CONTAINER, "") == "T/2026/11/22/0130/T_1.csv"


@pytest.mark.parametrize("path", ["secrets/T_1.csv", "T/2026/13/22/0130/T_1.csv", "2026/11/22/0130/T_1.csv"])
def test_what_does_not_end_as_a_snapshot_does_is_refused_in_another_container(path: str) -> None:
    with pytest.raises(OutsideContainer):
        path_in_container(f"https://a.example.com/{path}", CONTAINER, "CustomerInsights_x")
