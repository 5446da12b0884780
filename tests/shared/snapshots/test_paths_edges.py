"""The edges of what a path says: every ending, the first and last moment, every way to name a container."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.snapshots.paths import OutsideContainer, flat_file, is_data_file, path_in_container, stem_of

URL = "https://127.0.0.1:1/account/segments"


@pytest.mark.parametrize("ending", [".csv.gz", ".tsv.gz", ".txt.gz", ".csv", ".tsv", ".txt", ".gz", ".parquet", ".CSV"])
def test_every_ending_of_a_data_file_is_no_part_of_its_stem(ending: str) -> None:
    assert is_data_file(f"r/Loyal_1{ending}")
    assert stem_of(f"r/Loyal_1{ending}") == "Loyal_1"


def seconds(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("number", "is_flat"),
    [(seconds(2000) - 1, False), (seconds(2000), True), (seconds(2100) - 1, True), (seconds(2100), False)],
)
def test_a_number_is_a_moment_from_2000_to_2100(number: int, is_flat: bool) -> None:
    assert (flat_file(f"Loyal_{number}.csv") is not None) is is_flat


@pytest.mark.parametrize(
    "location",
    [
        "https://account.blob.core.windows.net/segments/a/b.csv",
        "https://127.0.0.1:1/account/segments/a/b.csv",
        "segments/a/b.csv",
        "/segments/a/b.csv",
        "https://account.blob.core.windows.net/segments/a/b.csv?sig=x#y",
        "https://account.blob.core.windows.net/segments/a%2Fb.csv",
        *(f"{scheme}://segments@account.dfs.core.windows.net/a/b.csv" for scheme in ("abfs", "abfss", "wasb", "wasbs")),
    ],
)
def test_a_location_in_the_container_means_its_path(location: str) -> None:
    assert path_in_container(location, URL, "root") == "a/b.csv"
    assert path_in_container(location, f"{URL}/", "root") == "a/b.csv"


@pytest.mark.parametrize(
    "location",
    [
        "https://segments@account.blob.core.windows.net/a/b.csv",
        "abfss://account.dfs.core.windows.net/a/b.csv",
        "others/a/b.csv",
        "segments/./b.csv",
        "segments/../b.csv",
        "segments//b.csv",
        "segments/a/",
        "segments/a\\b.csv",
        "segments/a%0Ab.csv",
        "segments",
        "http://[",
    ],
)
def test_any_other_location_is_outside(location: str) -> None:
    with pytest.raises(OutsideContainer):
        path_in_container(location, URL, "root")


def test_a_copied_snapshot_is_found_below_the_folder_of_its_model() -> None:
    location = "https://else.example/other/x/y/Loyal/2026/11/22/0130/Loyal_1.csv"
    assert path_in_container(location, URL, "root") == "root/Loyal/2026/11/22/0130/Loyal_1.csv"


@pytest.mark.parametrize(("length", "is_taken"), [(1_000, True), (1_100, False)])
def test_a_path_is_not_longer_than_a_blobs_name_can_be(length: int, is_taken: bool) -> None:
    location = f"segments/{'x' * length}.csv"
    if is_taken:
        assert path_in_container(location, URL, "root") == f"{'x' * length}.csv"
    else:
        with pytest.raises(OutsideContainer):
            path_in_container(location, URL, "root")
