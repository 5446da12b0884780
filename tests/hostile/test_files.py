"""Whatever lies in a partition: rows come, or an error that names the file, in words that may be stored and shown."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from azure.storage.blob import ContainerClient
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.snapshots import BadRow, ColumnMissing, Row, Snapshot, SnapshotError, UnreadableFile, read_rows
from shared.snapshots.errors import AmbiguousSegment, name_shown
from shared.snapshots.models import Partition
from tests.fuzz.targets import WHEN, in_words, read_csv
from tests.hostile.bombs import MadeUp, read_all, snapshot


def held(*contents: bytes, columns: tuple[str, ...] | None = None, **said: object) -> tuple[MadeUp, Snapshot]:
    """A container and a snapshot of partitions that hold the same bytes each."""
    (content,) = set(contents)
    partitions = tuple(
        Partition(path=f"VIP_{number}.csv", etag="1", size=len(content), **said) for number, _ in enumerate(contents)
    )
    taken = Snapshot(segment="VIP", id="s", taken_at=WHEN, partitions=partitions, columns=columns)
    return MadeUp(len(content), lambda offset, length: content[offset : offset + length]), taken


@settings(max_examples=300, deadline=None)
@given(
    choice=st.integers(0, 63),
    content=st.binary(max_size=200) | st.text("'\",;|\t\r\nIdEMail@.é\0", max_size=60).map(str.encode),
    start=st.sampled_from([b"", b"Id,EMail\n", b"\x1f\x8b\x08\0", b"\xff\xfe", gzip.compress(b"Id,EMail\n1,2\n")]),
)
def test_any_bytes_are_rows_or_an_error_in_words(choice: int, content: bytes, start: bytes) -> None:
    read_csv(bytes([choice]) + start + content)


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, CELL), max_size=6),
    members=st.integers(1, 5),
    padding=st.integers(0, 3),
)
def test_a_gzip_in_any_number_of_members_gives_back_what_was_written(
    rows: list[tuple[str, str]], members: int, padding: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("Id", "EMail"), *rows])
    content = text.getvalue().encode()
    size = len(content) // members + 1
    packed = b"".join(gzip.compress(content[at : at + size]) for at in range(0, len(content), size)) + b"\0" * padding
    container, taken = held(packed, gzip=True, header="yes")
    read = list(read_rows(container, taken, ["Id", "EMail"]))  # type: ignore[arg-type]
    assert [row.values for row in read if isinstance(row, Row)] == rows
    assert not [row for row in read if isinstance(row, BadRow)]


def test_the_rows_of_all_partitions_count_together() -> None:
    container, taken = held(*[b"Id,EMail\n1,2\n3,4\n"] * 3)
    rows = read_rows(container, taken, ["Id"], max_rows=8)  # type: ignore[arg-type]
    with pytest.raises(UnreadableFile, match=r"'VIP_2\.csv'.*more than 8 rows.*Split the segment"):
        list(rows)


def test_the_bytes_of_all_partitions_count_together() -> None:
    container, taken = held(*[b"Id,EMail\n1,2\n3,4\n"] * 3)
    rows = read_rows(container, taken, ["Id"], max_bytes=40)  # type: ignore[arg-type]
    with pytest.raises(UnreadableFile, match=r"'VIP_2\.csv'.*more than 40 bytes.*Split the segment"):
        list(rows)


@pytest.mark.parametrize("encoding", ["idna", "utf-7", "punycode", "x" * 1_000_000, "a\nb@example.com"])
def test_an_encoding_that_a_model_makes_up_is_refused_in_few_words(encoding: str) -> None:
    container, taken = held(b"Id,EMail\n", encoding=encoding)
    with pytest.raises(UnreadableFile, match="is not known") as caught:
        read_all(container, taken, "Id")
    in_words(caught.value, "VIP_0.csv")


def test_long_column_names_and_addresses_among_them_do_not_fill_an_error() -> None:
    names = ["EMail", *(f"{'x' * 100_000}{number}" for number in range(50)), "Ana <ana@example.com>", "a\nb"]
    text = io.StringIO(newline="")
    csv.writer(text).writerow(names)
    container, taken = held(text.getvalue().encode(), header="yes")
    with pytest.raises(ColumnMissing, match="and 23 more") as caught:
        read_all(container, taken, "EMail", "Name")
    in_words(caught.value, "VIP_0.csv")
    assert len(str(caught.value)) < 5_000


@given(name=st.text(max_size=300))
def test_a_name_is_shown_shortly(name: str) -> None:
    assert len(name_shown(name)) <= 100


def test_a_segment_that_lies_in_many_places_is_told_with_some_of_them() -> None:
    error = AmbiguousSegment("VIP", [f"{'folder/' * 100}{number}/VIP" for number in range(10_000)])
    assert "and 9990 more" in str(error)
    in_words(error, "VIP")


def test_a_message_is_never_too_long_to_be_stored_and_still_ends_with_what_to_do() -> None:
    error = SnapshotError("File '" + "x" * 1_000_000 + "' cannot be read. Have the segment exported again.")
    assert len(str(error)) < 10_000
    assert str(error).endswith("Have the segment exported again.")


@pytest.mark.parametrize(
    ("tail", "problem"),
    [(b"garbage", "damaged"), (b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"name" * 1_000, "ends too early")],
)
def test_what_follows_a_gzip_member_and_is_none_is_refused(
    container: ContainerClient, tail: bytes, problem: str
) -> None:
    content = gzip.compress(b"Id,EMail\n1,2\n") + tail
    taken = container.upload_blob("VIP_1.csv.gz", content).get_blob_properties()
    with pytest.raises(UnreadableFile, match=problem):
        read_all(container, snapshot("VIP_1.csv.gz", taken.size, taken.etag), "Id")
