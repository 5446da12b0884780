"""Specifies how the rows of CSV partitions are read, and what is refused."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
from collections.abc import Sequence

import pytest
from azure.storage.blob import ContainerClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from local.azurite import Azurite
from shared.snapshots import (
    BadRow,
    ColumnMissing,
    HeaderUnclear,
    ReadOptions,
    Row,
    SchemaMismatch,
    SnapshotChanged,
    SnapshotError,
    UnreadableFile,
    columns,
    preview,
    read_rows,
)
from shared.snapshots.completeness import partition_of
from shared.snapshots.folders import files_under
from shared.snapshots.limits import MAX_CELL_CHARS, MAX_COLUMNS, MAX_ROW_CHARS
from shared.snapshots.models import Header
from shared.snapshots.partition_file import RANGE_BYTES
from tests.shared.snapshots.conftest import Store

MODEL = ("Id", "EMail")
PROFILES = [("1", "a@example.com"), ("2", "b@example.com")]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def values(rows: Sequence[Row | BadRow]) -> list[tuple[str, ...]]:
    assert not [row for row in rows if isinstance(row, BadRow)]
    return [row.values for row in rows if isinstance(row, Row)]


def test_wanted_columns_come_in_the_order_asked_for_with_partition_and_line(store: Store) -> None:
    assert store.read("Id,EMail,X\n1,a@example.com,x\n2,b@example.com,y\n", ["X", "Id"]) == [
        Row(0, 2, ("x", "1")),
        Row(0, 3, ("y", "2")),
    ]


def test_a_line_is_the_physical_one_where_the_row_starts(store: Store) -> None:
    rows = store.read('\n"E\nMail"\r\n"a\r\n\r\nb"\rc\r\n\n\nd', ["E\nMail"])
    assert rows == [Row(0, 4, ("a\r\n\r\nb",)), Row(0, 7, ("c",)), Row(0, 10, ("d",))]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_line_end_and_declared_encoding_gives_the_same_rows(store: Store, line_end: str, encoding: str) -> None:
    content = line_end.join(["Id,EMail", 'é,"a, ""b"""', "2,"]).encode(encoding)
    assert values(store.read(content, ["Id", "EMail"], encoding=encoding)) == [("é", 'a, "b"'), ("2", "")]


def test_utf_16_is_refused_unless_it_is_stated(store: Store) -> None:
    with pytest.raises(UnreadableFile, match="not encoded in utf-8 but in utf-16"):
        store.read("Id\né".encode("utf-16"), ["Id"])


def test_a_byte_order_mark_is_no_part_of_the_first_cell(store: Store) -> None:
    assert values(store.read(b"\xef\xbb\xbf" + "Id\né".encode(), ["Id"])) == [("é",)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXT, TEXT), max_size=5), delimiter=st.sampled_from(",;\t|"), compressed=st.booleans())
def test_whatever_text_is_written_as_csv_is_read_back(
    store: Store, rows: list[tuple[str, str]], delimiter: str, compressed: bool
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([MODEL, *rows])
    content = written.getvalue().encode()
    assert values(store.read(gzip.compress(content) if compressed else content, MODEL)) == rows


def test_unquoted_files_keep_their_quotes(store: Store) -> None:
    assert values(store.read('Id,EMail\n"1,a"b\n', MODEL, quoting="none")) == [('"1', 'a"b')]


def test_control_characters_and_nul_are_read_as_they_are(store: Store) -> None:
    assert values(store.read(b"Id,EMail\n\x00\x01,\x7f\x0c\n", MODEL)) == [("\x00\x01", "\x7f\x0c")]


def test_a_ragged_row_is_told_and_the_others_are_read_on(store: Store) -> None:
    assert store.read("Id,EMail\n1\n1,2\n1,2,3\n", ["Id"]) == [
        BadRow(0, 2, "1 cells instead of 2"),
        Row(0, 3, ("1",)),
        BadRow(0, 4, "3 cells instead of 2"),
    ]


def test_a_header_without_rows_is_a_snapshot_without_profiles(store: Store) -> None:
    assert store.read("Id,EMail\r\n", ["Id"]) == []


def test_no_error_shows_what_is_in_a_profile(store: Store) -> None:
    with pytest.raises(HeaderUnclear) as caught:
        store.read("1,a@example.com\n", ["Nr"], columns=MODEL, header="yes")
    assert "@" not in str(caught.value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(min_size=1) | st.text("'\",;|\t\r\nIdEMail@.é\0", min_size=1).map(str.encode),
    start=st.sampled_from([b"", b"\x1f\x8b\x08", b"\xff\xfe", b"Id,EMail\n", b"PAR1"]),
    name=st.sampled_from(["a.csv", "a.csv.gz", "a.parquet"]),
    model=st.sampled_from([None, MODEL]),
    encoding=st.sampled_from([None, "utf-16", "utf-7", "cp1252", "idna", "utf-32"]),
)
@example(content=b"x\xff", start=b"Id,EMail\n", name="a.csv", model=None, encoding="idna")
def test_whatever_a_file_holds_its_rows_come_or_an_error_that_names_it(
    store: Store, content: bytes, start: bytes, name: str, model: tuple[str, ...] | None, encoding: str | None
) -> None:
    said = name
    try:
        store.read(start + content, ["Id"], name=name, columns=model, encoding=encoding)
    except SnapshotError as error:
        said = str(error)
    assert name in said


@pytest.mark.parametrize(
    ("stated", "option", "first_line", "header"),
    [
        ("yes", "no", "Nr,Mail", True),
        ("no", "yes", "7,c@example.com", False),
        ("auto", "yes", "Nr,Mail", True),
        ("auto", "no", "7,c@example.com", False),
        ("auto", "auto", "7,c@example.com", False),
        ("auto", "auto", "Id,EMail", True),
        ("no", "auto", "Id,EMail", True),
        ("no", "no", "id, email ", True),
    ],
)
def test_the_model_then_the_option_then_its_names_decide_about_a_header(
    store: Store, stated: Header, option: Header, first_line: str, header: bool
) -> None:
    content = f"{first_line}\n1,a@example.com\n"
    snapshot = store.snapshot(store.put("a.csv", content), columns=MODEL, header=stated)
    assert len(preview(store.container, snapshot, ReadOptions(header=option)).rows) == (1 if header else 2)
    expected = tuple(first_line.split(",")) if header else MODEL
    assert columns(store.container, snapshot, ReadOptions(header=option)) == expected


@pytest.mark.parametrize(
    ("content", "option", "problem"),
    [
        ("1,a@example.com\n", "auto", "first row is a profile"),
        ("Id,Name\n", "auto", "does not hold 'EMail'"),
        ("Id,EMail\n", "no", "said to have no header row"),
        ("1,a@example.com\n", "yes", "said to have a header row, but its first row is a profile"),
    ],
)
def test_without_a_model_an_unclear_header_is_refused(store: Store, content: str, option: Header, problem: str) -> None:
    with pytest.raises(HeaderUnclear, match=rf"VIP_1\.csv' of segment 'VIP'.*{problem}"):
        store.read(content, ["EMail"], ReadOptions(header=option))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_without_a_model_the_delimiter_is_seen_in_the_header(store: Store, delimiter: str) -> None:
    content = f'Id{delimiter}"a,b;c|d"{delimiter}EMail\n1{delimiter},;|{delimiter}a@example.com\n'
    if delimiter != "\t":
        content = content.replace(",;|", "x")
    assert values(store.read(content, ["EMail", "Id"])) == [("a@example.com", "1")]


def test_a_header_that_another_delimiter_would_make_too_wide_is_read(store: Store) -> None:
    """Commas in the name of a column are no columns."""
    content = "EMail;Note" + "," * MAX_COLUMNS + "\na@example.com;x\n"
    assert store.read(content, ["EMail"]) == [Row(0, 2, ("a@example.com",))]


def test_the_models_delimiter_counts_before_the_option(store: Store) -> None:
    rows = store.read("Id;EMail\n1;2\n", ["Id"], ReadOptions(delimiter=","), delimiter=";")
    assert values(rows) == [("1",)]


def test_a_column_is_found_by_its_exact_name_else_ignoring_case(store: Store) -> None:
    assert values(store.read("email,Email, Id \n1,2,3\n", ["Email", "ID"])) == [("2", "3")]


@pytest.mark.parametrize(
    ("header", "wanted", "problem"),
    [
        ("Id,Name", "EMail", r"Column 'EMail' is not in segment 'VIP' .*Found: 'Id', 'Name'\."),
        ("email,EMAIL", "Email", "more than once"),
        ("EMail,EMail", "EMail", "more than once"),
        (",".join(f"c{n}" for n in range(40)), "EMail", "'c29' and 10 more"),
    ],
)
def test_a_column_that_is_missing_or_not_unique_is_named(store: Store, header: str, wanted: str, problem: str) -> None:
    with pytest.raises(ColumnMissing, match=problem):
        store.read(f"{header}\n", [header.split(",")[-1], wanted], ReadOptions(header="yes"))


def test_partitions_with_different_headers_are_two_schemas(store: Store) -> None:
    snapshot = store.snapshot(store.put("a.csv", "Id,EMail\n1,2\n"), store.put("b.csv", "EMail,Id\n2,1\n"))
    rows = read_rows(store.container, snapshot, ["Id"])
    assert next(rows) == Row(0, 2, ("1",))
    with pytest.raises(SchemaMismatch, match=r"'a\.csv' and 'b\.csv'"):
        next(rows)


@pytest.mark.parametrize("second", ["City,Street\nRome,x\n", "a@example.com,1\n"])
def test_a_partition_without_the_header_that_the_first_has_is_another_schema(store: Store, second: str) -> None:
    snapshot = store.snapshot(store.put("a.csv", "Id,EMail\n1,2\n"), store.put("b.csv", second))
    with pytest.raises(SchemaMismatch, match=r"'a\.csv'.*'b\.csv'"):
        list(read_rows(store.container, snapshot, ["Id"]))


def test_a_ragged_row_at_the_top_of_a_headerless_file_costs_only_itself(store: Store) -> None:
    partition = store.put("VIP_1.csv", "short\n2,two\n3,three\n")
    snapshot = store.snapshot(partition, columns=("Id", "Name"))
    rows = list(read_rows(store.container, snapshot, ["Id"]))
    assert rows == [BadRow(0, 1, "1 cells instead of 2"), Row(0, 2, ("2",)), Row(0, 3, ("3",))]


def test_a_headerless_file_that_does_not_fit_the_model_is_refused(store: Store) -> None:
    with pytest.raises(SchemaMismatch, match=r"VIP_1\.csv.*2 columns are expected and 3 found"):
        store.read("1,2,3\n", ["Id"], columns=MODEL)


def test_partitions_follow_each_other_each_with_its_own_lines(store: Store) -> None:
    snapshot = store.snapshot(store.put("a.csv", "1,2\n"), store.put("b.csv", "Id,EMail\n3,4\n"), columns=MODEL)
    assert list(read_rows(store.container, snapshot, ["EMail"])) == [Row(0, 1, ("2",)), Row(1, 2, ("4",))]


def test_a_gzip_is_known_by_its_bytes_too(store: Store) -> None:
    content = gzip.compress(b"Id,EMail\n1,") + gzip.compress(b"2\n")
    assert values(store.read(content, MODEL, name="named.csv")) == [("1", "2")]


def test_a_truncated_gzip_is_refused_and_named(store: Store) -> None:
    content = gzip.compress(b"Id,EMail\n" + b"1,2\n" * 1000)[:-12]
    with pytest.raises(UnreadableFile, match=r"'VIP_1\.csv\.gz' of segment 'VIP'.*ends too early"):
        store.read(content, ["Id"], name="VIP_1.csv.gz")


@pytest.mark.parametrize(
    "content",
    [b"Id,EMail\n1,2\n", gzip.compress(b"Id,EMail\n1,2\n")[:-8] + b"\0" * 8],
    ids=["no gzip", "a wrong checksum"],
)
def test_a_damaged_gzip_is_refused_and_named(store: Store, content: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"'VIP_1\.csv\.gz' of segment 'VIP'.*damaged"):
        store.read(content, ["Id"], name="VIP_1.csv.gz")


@pytest.mark.parametrize("zeros", [0, 7, 20_000])
def test_behind_a_gzip_may_be_zeros_and_nothing_else(store: Store, zeros: int) -> None:
    content = gzip.compress(b"Id,EMail\n1,2\n") + b"\0" * zeros
    assert values(store.read(content, MODEL, name="VIP_1.csv.gz")) == [("1", "2")]
    with pytest.raises(UnreadableFile, match=r"'VIP_1\.csv\.gz' of segment 'VIP'.*damaged"):
        store.read(content + b"X" * 20, ["Id"], name="VIP_1.csv.gz")


@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_that_holds_too_much_is_refused(store: Store, compressed: bool) -> None:
    content = b"Id,EMail\n" + b"1,2\n" * 1000
    with pytest.raises(UnreadableFile, match="more than 4,000 bytes"):
        store.read(gzip.compress(content) if compressed else content, ["Id"], max_bytes=4_000)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_a_header_or_profiles_is_refused_only_without_a_model(store: Store, content: str) -> None:
    assert store.read(content, ["Id"], columns=MODEL) == []
    with pytest.raises(UnreadableFile, match=r"'VIP_1\.csv' of segment 'VIP'.*no header row"):
        store.read(content, ["Id"])


@pytest.mark.parametrize("rows_before", [3, 5_000])
def test_a_byte_that_is_not_in_the_encoding_is_named_by_its_line(store: Store, rows_before: int) -> None:
    content = b"Id,EMail\r\n" + b"1,2\r\n" * rows_before + b"1,\xe9\r\n"
    with pytest.raises(UnreadableFile, match=f"line {rows_before + 2} is not encoded in utf-8"):
        store.read(content, ["Id"])


@pytest.mark.parametrize("encoding", ["klingon", "hex", "a\0b", ""])
def test_an_option_for_an_encoding_that_is_none_is_refused_before_anything_is_read(encoding: str) -> None:
    with pytest.raises(ValidationError, match="no text encoding"):
        ReadOptions(encoding=encoding)


def test_an_unknown_encoding_is_refused(store: Store) -> None:
    with pytest.raises(UnreadableFile, match="encoding 'klingon' is not known"):
        store.read("Id\n", ["Id"], encoding="klingon")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('Id,EMail\n1,"2\n3,4\n', r"a quote is not closed before the end of line 3"),
        ('Id,EMail\n1,"2"x\n', r"goes on after its closing quote before the end of line 2"),
        ("Id,EMail\n1," + "x" * (MAX_CELL_CHARS + 1), "a cell is longer than 1,048,576 characters"),
        ("Id,EMail\n" + "x" * (MAX_ROW_CHARS + 1), "row around line 2 is longer than"),
        ("Id,EMail" + ",x" * 5_000, "5,002 columns"),
    ],
)
def test_what_makes_no_table_is_refused_with_its_line(store: Store, content: str, problem: str) -> None:
    with pytest.raises(UnreadableFile, match=problem):
        store.read(content, ["Id"], max_bytes=100_000_000)


@pytest.mark.parametrize("change", ["overwritten", "deleted"])
def test_a_blob_that_changes_after_it_was_chosen_is_noticed_even_while_it_is_read(store: Store, change: str) -> None:
    content = b"Id,EMail\n" + b"1,a@example.com\n" * (RANGE_BYTES // 8)
    snapshot = store.snapshot(store.put("a.csv", content))
    rows = read_rows(store.container, snapshot, ["Id"])
    next(rows)
    if change == "deleted":
        store.container.delete_blob("a.csv")
    else:
        store.put("a.csv", content)
    with pytest.raises(SnapshotChanged, match=r"'a\.csv' of segment 'VIP'"):
        list(rows)
    with pytest.raises(SnapshotChanged):
        list(read_rows(store.container, snapshot, ["Id"]))


def test_an_etag_from_a_listing_pins_a_blob(store: Store) -> None:
    store.put("f/a.csv", "Id\n1\n")
    (file,) = files_under(store.container, "f")
    pinned = store.snapshot("f/a.csv").model_copy(update={"partitions": (partition_of(file),)})
    assert values(list(read_rows(store.container, pinned, ["Id"]))) == [("1",)]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_is_fetched_in_a_few_large_ranges(azurite: Azurite, store: Store, compressed: bool) -> None:
    content = b"Id,EMail\n" + os.urandom(RANGE_BYTES).hex(",", 8).encode().replace(b",", b",x\n")
    path = store.put("a.csv", gzip.compress(content) if compressed else content)
    snapshot = store.snapshot(path)
    requests: list[str] = []
    counting = ContainerClient.from_connection_string(
        azurite.connection_string,
        store.container.container_name,
        raw_response_hook=lambda response: requests.append(response.http_request.method),
    )
    with counting:
        assert sum(1 for _ in read_rows(counting, snapshot, ["Id"])) > 100_000
    assert requests == ["GET"] * math.ceil(snapshot.partitions[0].size / RANGE_BYTES)


def test_a_preview_shows_the_columns_and_the_first_rows(store: Store) -> None:
    snapshot = store.snapshot(store.put("a.csv", "Id;EMail\n1;a@example.com\n2\n3;b@example.com\n"))
    shown = preview(store.container, snapshot, rows=3)
    assert shown.columns == MODEL
    assert shown.rows == (("1", "a@example.com"), ("3", "b@example.com"))


def test_a_header_with_the_models_names_in_another_order_is_a_header(store: Store) -> None:
    assert store.read("EMail,Id\na@example.com,7\n", ["Id"], columns=MODEL) == [Row(0, 2, ("7",))]


def test_a_first_row_that_may_be_a_profile_is_not_repeated_in_an_error(store: Store) -> None:
    with pytest.raises(HeaderUnclear, match=r"none of the mapped columns") as caught:
        store.read("4711,Maria,+39 333 1234567\n", ["EMail"], ReadOptions(header="yes"))
    assert "Maria" not in str(caught.value)
