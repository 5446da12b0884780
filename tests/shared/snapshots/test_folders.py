"""How the container is walked: tables at any depth, flat files by their time, nothing of a neighbour."""

from __future__ import annotations

import pytest
from azure.storage.blob import ContainerClient

from shared.snapshots import folders
from shared.snapshots.folders import FlatSegment, TableFolder, date_folders, files_under, find_sources


def write(container: ContainerClient, *paths: str) -> None:
    for path in paths:
        container.upload_blob(path, b"x")


def test_tables_and_flat_files_are_found_sorted_by_path(container: ContainerClient) -> None:
    write(
        container,
        "b/T/2026/11/22/0130/T_1.csv",
        "a/deep/er/T/2026/11/22/0130/T_1.csv",
        "a/flat_1700000000.csv",
        "top_1700000000.csv",
        "a/readme.txt",
    )
    found = find_sources(container)
    assert [source.path for source in found] == ["a/deep/er/T", "a/flat", "b/T", "top"]
    assert [type(source) for source in found] == [TableFolder, FlatSegment, TableFolder, FlatSegment]
    assert [(source.name, source.root) for source in found] == [
        ("T", "a/deep/er"),
        ("flat", "a"),
        ("T", "b"),
        ("top", ""),
    ]


def test_a_folder_with_something_else_beside_its_years_is_a_table(container: ContainerClient) -> None:
    write(container, "r/T/2026/11/22/0130/T_1.csv", "r/T/backup/old.csv")
    assert [source.path for source in find_sources(container)] == ["r/T"]


@pytest.mark.parametrize(("depth", "is_found"), [(10, True), (11, False)])
def test_folders_are_walked_to_a_depth_of_ten(container: ContainerClient, depth: int, is_found: bool) -> None:
    assert folders._MAX_DEPTH == 10
    table = "/".join(f"f{level}" for level in range(depth))
    write(container, f"{table}/2026/11/22/0130/T_1.csv")
    assert [source.path for source in find_sources(container)] == ([table] if is_found else [])


def test_flat_files_of_one_stem_are_one_segment_the_newest_first(container: ContainerClient) -> None:
    write(container, "s_1700000000.csv", "s_1700000002.csv.gz", "s_1700000001.csv", "s_1700000001.parquet")
    (segment,) = find_sources(container)
    assert isinstance(segment, FlatSegment)
    assert [file.path for _, file in segment.files] == [
        "s_1700000002.csv.gz",
        "s_1700000001.parquet",
        "s_1700000001.csv",
        "s_1700000000.csv",
    ]


def test_date_folders_come_newest_first_and_only_where_they_are_dates(container: ContainerClient) -> None:
    write(
        container,
        "r/T/2026/11/22/0130/x.csv",
        "r/T/2026/11/22/0230/x.csv",
        "r/T/2025/12/31/2359/x.csv",
        "r/T/2026/13/01/0000/x.csv",
        "r/T/2026/11/notes/0000/x.csv",
    )
    assert [folder.path for folder in date_folders(container, "r/T")] == [
        "r/T/2026/11/22/0230",
        "r/T/2026/11/22/0130",
        "r/T/2025/12/31/2359",
    ]


def test_the_files_of_a_folder_are_those_below_it_at_any_depth(container: ContainerClient) -> None:
    write(container, "r/T/a.csv", "r/T/deep/b.csv", "r/T2/c.csv", "r/d.csv")
    found = files_under(container, "r/T")
    assert [file.path for file in found] == ["r/T/a.csv", "r/T/deep/b.csv"]
    assert {file.size for file in found} == {1}
    assert all(file.etag == container.get_blob_client(file.path).get_blob_properties().etag for file in found)
