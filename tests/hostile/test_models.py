"""model.json made to do harm: refused by name, or read for what it is; always soon and in little memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.snapshots import BadModel, SegmentCatalog, SnapshotError
from shared.snapshots.limits import MAX_MODEL_BYTES
from shared.snapshots.model_file import Model, parse_model, read_model
from shared.snapshots.paths import OutsideContainer, path_in_container
from tests.hostile.bombs import MadeUp, filler
from tests.hostile.measuring import measured

URL = "https://account.blob.core.windows.net/segments"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)

PARTITION = '{"name":"p","location":"segments/r/T/2026/11/22/0130/T_%d.csv"},'
# Start, what is repeated up to 16 MiB, end, and what is said of it (nothing: it is read).
LARGEST_MODELS = {
    "entities that are lists": ('{"entities":[', "[],", "[]]}", "should be an object"),
    "entities that are numbers": ('{"entities":[', "1,", "1]}", "should be an object"),
    "empty entities": ('{"entities":[', "{},", "{}]}", "entities.0.name"),
    "a million entities": ('{"entities":[', '{"name":"T"},', '{"name":"T"}]}', "at most 5000 items"),
    "a million partitions": ('{"entities":[{"name":"T","partitions":[', "{},", "{}]}]}", "at most 100000 items"),
    "partitions that are numbers": ('{"entities":[{"name":"T","partitions":[', "1,", "1]}]}", "should be an object"),
    "attributes that are null": ('{"entities":[{"name":"T","attributes":[', "null,", "1]}]}", "should be an object"),
    "a million attributes": ('{"entities":[{"name":"T","attributes":[', '{"name":"a"},', "{}]}]}", "5000 items"),
    "lists nobody asked for": ('{"entities":[],"x":[', "[],", "1]}", ""),
    "one long name": ('{"entities":[{"name":"', "x", '"}]}', ""),
    "one long number": ('{"entities":[],"x":', "9", "}", "number out of range"),
    "nothing but blanks": ("", " ", "", "Invalid JSON"),
    "open brackets": ("", "[", "", "recursion limit"),
    "open objects": ("", '{"a":', "", "recursion limit"),
    "many names": ('{"entities":[],', '"a":1,', '"b":1}', ""),
}


def parse_the_largest() -> str:
    """Parse each of these models, as large as one may be; what was said of each, as JSON."""
    told = {}
    for name, (start, unit, end, _) in LARGEST_MODELS.items():
        content = start + unit * ((MAX_MODEL_BYTES - len(start) - len(end)) // len(unit)) + end
        told[name] = ""
        try:
            parse_model("r/model.json", content.encode(), URL, WHEN)
        except BadModel as error:
            told[name] = str(error)
    return json.dumps(told)


def test_the_largest_model_of_any_shape_takes_little_memory_and_gets_a_short_answer() -> None:
    ended = measured(parse_the_largest, address_space=2_048)
    assert ended.error == "", ended
    for name, told in json.loads(ended.said).items():
        said = LARGEST_MODELS[name][3]
        assert said in told, name
        assert bool(said) == bool(told), name
        assert len(told) < 1_000
    assert ended.seconds < 30
    assert ended.peak < 1_200


def read_gigabyte() -> Model | None:
    """Read a model of 1 GiB."""
    return read_model(MadeUp(1024**3, filler(b"{", b" ")), "r")  # type: ignore[arg-type]


def test_a_gigabyte_of_model_is_refused_by_its_size_alone() -> None:
    ended = measured(read_gigabyte, address_space=512)
    assert (ended.error, "larger than 16 MiB" in ended.said) == ("BadModel", True)
    assert ended.peak < 150


def choose_among_many() -> str:
    """Look for a segment in a container of 100 tables whose model names as many partitions as one may."""
    entities = [
        {"name": f"T{number}", "partitions": [{"location": f"segments/r/T{number}/2026/11/22/0130/{n}.csv"} for n in
         range(25)]}
        for number in range(3_900)
    ]  # fmt: skip
    model = parse_model("r/model.json", json.dumps({"entities": entities}).encode(), URL, WHEN)
    found = [model.entity_of(f"r/T{number}") for number in range(100)]
    return f"{sum(len(entity.partitions) for entity in found if entity)} partitions"


def test_a_model_with_as_many_partitions_as_one_may_have_is_searched_soon() -> None:
    ended = measured(choose_among_many, address_space=1_024)
    assert ended.said == "2500 partitions"
    assert ended.seconds < 10


@pytest.mark.parametrize(
    "content",
    [
        b'{"entities": [{"name": "\x00"}]}',
        b'{"entities": [{"name": "\\ud800"}]}',
        b'{"entities": [{"name": "\xed\xa0\x80"}]}',
        b'{"entities": [{"name": 1e400}]}',
        b'{"entities": [{"name": NaN}]}',
        b'{"entities": [{"name": "T", "partitions": {"0": {}}}]}',
        b'{"entities": [{"name": "T", "partitions": [{"hasHeader": "perhaps"}]}]}',
        b'{"entities": [{"name": "T", "partitions": [{"fileFormatSettings": {"delimiter": "\\u0000"}}]}]}',
        b'{"entities": {"name": "T"}}',
        b'{"entities": []} {"entities": []}',
        b"\x1f\x8b\x08",
        '{"entities": []}'.encode("utf-16"),
    ],
)
def test_what_is_no_model_is_refused_by_its_name(content: bytes) -> None:
    with pytest.raises(BadModel, match=r"'r/model\.json'"):
        parse_model("r/model.json", content, URL, WHEN)


@pytest.mark.parametrize(
    "content",
    [
        b'{"entities": [1], "entities": []}',
        b'{"entities": [], "version": 1e400, "x": -1e-400, "y": ' + b"9" * 4_000 + b"}",
        b'{"entities": [], "\\u0000": "\\u0000"}',
    ],
)
def test_what_nobody_asks_of_a_model_does_no_harm_and_of_two_equal_names_the_last_one_counts(content: bytes) -> None:
    assert parse_model("r/model.json", content, URL, WHEN).entities == ()


def test_a_name_in_an_error_is_cut_put_on_one_line_and_shows_no_address() -> None:
    name = "ana@example.com\n" + "x" * 100_000
    content = json.dumps({"entities": [{"name": name, "partitions": [{"name": name, "location": "/../x"}]}]})
    model = parse_model("r/model.json", content.encode(), URL, WHEN)
    with pytest.raises(BadModel) as caught:
        model.entity_of(f"r/{name}")
    assert len(str(caught.value)) < 1_000
    assert str(caught.value).isprintable()
    assert "ana" not in str(caught.value)


NAMES = (
    *("entities", "name", "attributes", "partitions", "location", "hasHeader"),
    *("fileFormatSettings", "columnHeaders", "delimiter", "encoding", "quoteStyle"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("segments/r/T/a.csv"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


def entity(name: st.SearchStrategy[object], partition: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries(
        {"name": name}, optional={"attributes": JSON, "partitions": st.lists(partition, max_size=3) | JSON}
    )


PIECES = (
    *("https://", "a.example", "/", "segments", "..", "%2e", "%2f", "\\", "@", "?", "\0", "[", "T", "abfss://"),
    *("2026/11/22/0130", ":99999", "//", "%", "\n", " "),
)
LOCATION = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=30)
MODELS = st.fixed_dictionaries(
    {"entities": st.lists(entity(st.text(max_size=5), st.fixed_dictionaries({"location": LOCATION})), max_size=3)}
)


@settings(max_examples=400, deadline=None)
@given(content=(MODELS | JSON).map(lambda value: json.dumps(value).encode()) | st.binary())
def test_any_model_is_read_or_refused_by_name_without_a_line_break_or_an_address(content: bytes) -> None:
    said, paths = "'r/model.json'", []
    try:
        model = parse_model("r/model.json", content, URL, WHEN)
        paths = [partition.path for entity in model.entities for partition in entity.partitions]
        for table in ("r/T", "T", "r/"):
            model.entity_of(table)
    except SnapshotError as error:
        said = str(error)
    assert "'r/model.json'" in said
    assert said.isprintable()
    assert all(map(is_plain, paths))


@settings(max_examples=400, deadline=None)
@given(location=LOCATION, root=st.sampled_from(["", "r", "a/b"]))
def test_no_location_leads_out_of_the_container(location: str, root: str) -> None:
    try:
        path = path_in_container(location, URL, root)
    except OutsideContainer as error:
        path = str(error)
    assert is_plain(path)


def is_plain(path: str) -> bool:
    parts = path.split("/")
    return path.isprintable() and "\\" not in path and not {"", ".", ".."} & set(parts) and len(path) <= 2_048


@pytest.mark.parametrize(
    "location",
    [
        f"{URL}/" + "x" * 2_000,
        f"{URL}/" + "%41" * 100_000,
        f"{URL}/r/T/%252e%252e/%252e%252e/x\0",
        f"{URL}/r//T.csv",
        f"{URL}/r/T/\u202e.csv",
        "https://evil.example/segments\\..\\x",
        "https://a@b@c/segments/../x",
        "//[::1",
        "javascript:alert(1)",
    ],
)
def test_a_location_with_tricks_is_refused(location: str) -> None:
    with pytest.raises(OutsideContainer):
        path_in_container(location, URL, "r")


def test_what_is_encoded_twice_is_a_name_and_no_way_up() -> None:
    assert path_in_container(f"{URL}/r/%252e%252e/T.csv", URL, "r") == "r/%2e%2e/T.csv"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(st.characters(codec="ascii"), min_size=1, max_size=10), min_size=1, max_size=3))
def test_the_name_of_a_segment_never_breaks_the_search(names: list[str]) -> None:
    catalog = SegmentCatalog(Empty(), quiet=WHEN - WHEN)  # type: ignore[arg-type]
    for name in names:
        assert catalog.choose(name, WHEN).segment == name  # type: ignore[union-attr]


class Empty:
    """A container that holds nothing."""

    url = URL

    def walk_blobs(self, **_: object) -> list[object]:
        return []
