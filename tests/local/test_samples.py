"""The sample segments: their layout, their awkward rows, and that they are what they say they are."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from local.samples import COLUMNS, DATE_FOLDER, SEGMENTS, Samples, segment_ranges, write_samples

PROFILES = 2_000
EMAIL = list(COLUMNS).index("EMail")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return write_samples(tmp_path_factory.mktemp("samples"), PROFILES)


def rows_of(samples: Samples, segment: str) -> list[list[str]]:
    files = sorted(samples.folder.glob(f"*/*/{segment}/{DATE_FOLDER}/*.csv"))
    rows = []
    for file in files:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows += list(csv.reader(text))
    return rows


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_segment_holds_as_many_rows_as_it_says(samples: Samples, segment: str) -> None:
    assert len(rows_of(samples, segment)) == samples.rows[segment]


def test_every_row_read_ends_in_exactly_one_expected_count(samples: Samples) -> None:
    for segments in [list(SEGMENTS), ["LoyaltyMembers"]]:
        expected = samples.expected(segments)
        assert expected.sent + expected.duplicates + expected.rejected == expected.read
        assert min(expected.sent, expected.duplicates, expected.rejected) > 0


def test_the_expected_contacts_are_the_different_valid_addresses(samples: Samples) -> None:
    addresses = set()
    for segment in SEGMENTS:
        for row in rows_of(samples, segment):
            address = row[EMAIL].strip().lower() if len(row) == len(COLUMNS) else ""
            valid = address.count("@") == 1 and len(address) < 200 and not set(address) & set(" ,")
            if valid and all(address.split("@")):
                addresses.add(address)

    assert len(addresses) == samples.expected().sent


def test_the_segments_overlap(samples: Samples) -> None:
    customers = [{row[0] for row in rows_of(samples, segment)} for segment in SEGMENTS]

    assert len(customers[0] & customers[1]) == PROFILES * 3 // 10
    assert len(customers[0] | customers[1]) == PROFILES


@pytest.mark.parametrize("profiles", [1, 2, 3, 8, 28])
def test_each_segment_of_however_few_profiles_has_a_valid_one_in_a_partition(profiles: int, tmp_path: Path) -> None:
    few = write_samples(tmp_path, profiles)

    for segment in SEGMENTS:
        assert len(rows_of(few, segment)) == few.rows[segment] == len(segment_ranges(profiles)[segment])
        assert few.expected([segment]).sent > 0
    assert few.expected().sent <= profiles


def test_every_address_is_at_a_domain_kept_for_examples(samples: Samples) -> None:
    rows = [row for segment in SEGMENTS for row in rows_of(samples, segment) if len(row) == len(COLUMNS)]
    domains = {row[EMAIL].strip().lower().rpartition("@")[2] for row in rows}

    kept = (".example.com", ".example.org", ".example.net")
    assert [domain for domain in domains if "." in domain and not f".{domain}".endswith(kept)] == []


def test_the_model_names_every_partition_of_the_newest_date_folder_and_no_other(samples: Samples) -> None:
    (model_file,) = samples.folder.glob("*/*/model.json")
    entities = json.loads(model_file.read_text(encoding="utf-8"))["entities"]
    named = {part["location"].partition("/segments/")[2] for entity in entities for part in entity["partitions"]}

    written = samples.folder.glob(f"*/*/*/{DATE_FOLDER}/*.csv")
    assert named == {path.relative_to(samples.folder).as_posix() for path in written}
    assert len(named) >= 6


def test_the_same_seed_writes_the_same_bytes(samples: Samples, tmp_path: Path) -> None:
    again = write_samples(tmp_path, PROFILES)

    def contents(folder: Path) -> dict[str, bytes]:
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    assert contents(again.folder) == contents(samples.folder)
    assert again.expected() == samples.expected()


def test_the_files_have_a_byte_order_mark_line_breaks_in_cells_and_diacritics(samples: Samples) -> None:
    contents = [file.read_bytes() for file in samples.folder.glob(f"*/*/*/{DATE_FOLDER}/*.csv")]

    assert sum(content.startswith(b"\xef\xbb\xbf") for content in contents) == 2
    assert any("\n" in cell for row in rows_of(samples, "LoyaltyMembers") for cell in row)
    assert any("ș" in cell or "ț" in cell for row in rows_of(samples, "LoyaltyMembers") for cell in row)
