"""Requests to the site that are made to do harm: each is answered, never with a 5xx, and a refusal says why."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.body_limit import MAX_BODY_BYTES
from admin.site import make_api
from admin.start_request import started_by
from tests.admin.api.conftest import client
from tests.admin.api.test_exports import export
from tests.exporters.conftest import world
from tests.exporters.world import World
from tests.fuzz.asking_the_site import EXPORT, LOOP, SERVICES, SITE, ask, ask_the_site
from tests.hostile.measuring import measured

__all__ = ["client", "world"]

MAPPED = "mapping"


def post(body: bytes, path: str = "/api/exports") -> tuple[int, str]:
    """Status and detail of the problem that a body is."""
    status, kind, content = ask("POST", path, b"", body)
    assert kind == b"application/problem+json", content
    return status, json.loads(content)["detail"]


@pytest.mark.parametrize("path", ["/api/exports", "/api/connections"])
def test_a_body_beyond_a_mebibyte_is_refused_with_413(path: str) -> None:
    status, said = post(b" " * (MAX_BODY_BYTES + 1), path)
    assert (status, said) == (413, "The body of the request is larger than 1 MiB.")


def test_a_body_of_a_mebibyte_is_read() -> None:
    assert post(b" " * MAX_BODY_BYTES)[0] == 400


def test_a_body_that_says_that_it_is_too_large_is_not_read() -> None:
    assert read_of_endless([(b"content-length", b"1" + b"0" * 30)]) == (413, 0)


def test_a_body_that_never_ends_is_read_no_further_than_its_limit() -> None:
    status, pieces = read_of_endless([])
    assert status == 413
    assert pieces <= 17


def read_of_endless(headers: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """The status, and how many pieces of 64 KiB were read of a body that has no end."""
    pieces = 0
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        nonlocal pieces
        pieces += 1
        assert pieces < 1_000
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/exports", "query_string": b"", "headers": headers}
    LOOP.run_until_complete(SITE(scope, receive, send))
    return int(sent[0]["status"]), pieces


LARGE_BODIES = {
    "wrong segments": ('{"segments":[', "1,", "1]}"),
    "wrong mapping": ('{"mapping":{', '"%d":1,', '"x":1}}'),
    "unknown fields": ("{", '"%d":1,', '"x":1}'),
    "nested lists": ('{"mapping":', "[", ""),
    "empty lists": ('{"reading":[', "[],", "[]]}"),
    "a long name": ('{"name":"', "x", '"}'),
    "a long key": ('{"', "x", '":1}'),
    "a long list id": ('{"list_id":"', "0", '"}'),
    "a long number": ('{"name":', "9", "}"),
    "blanks": ("", " ", ""),
}


def ask_with_large_bodies() -> str:
    """Post each of the large bodies; the longest answer."""
    longest = 0
    for start, unit, end in LARGE_BODIES.values():
        times = (MAX_BODY_BYTES - len(start) - len(end)) // (len(unit) + 4 * ("%" in unit))
        body = start + "".join(unit % n if "%" in unit else unit for n in range(times)) + end
        status, _, answer = ask("POST", "/api/exports", b"", body.encode())
        assert status in (400, 413, 422), (start, status)
        longest = max(longest, len(answer))
    return f"{longest} bytes"


def test_the_largest_body_of_any_shape_takes_little_memory_and_gets_a_short_answer() -> None:
    ended = measured(ask_with_large_bodies, address_space=1_024)
    assert ended.error == "", ended
    assert int(ended.said.split()[0]) < 5_000
    assert ended.peak < 500
    assert ended.seconds < 30


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"name": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"name": 1e400, "segments": [NaN, -Infinity]}',
        b'{"name": ' + b"9" * 5_000 + b"}",
        b'{"name": "a", "name": "b"}',
        '{"name": "x"}'.encode("utf-16"),
        b"\xff\xfe\x00",
        b"",
        b"null",
        b'{"reading": {"encoding": "' + b"x" * 1_000 + b'"}}',
        b'{"reading": {"encoding": "idna"}}',
        b'{"reading": {"encoding": "utf_7"}}',
        b'{"reading": {"delimiter": "\\u0000"}}',
    ],
)
def test_what_is_no_export_is_told_in_words(body: bytes) -> None:
    status, said = post(body)
    assert status in (400, 422)
    assert said.isprintable()


def test_an_address_in_the_name_of_a_field_is_not_repeated() -> None:
    assert "ana@" not in post(b'{"ana@example.com": 1, "mapping": {"ana@example.com": "x"}}')[1]


@pytest.mark.parametrize("offset", ["-1", "1e400", "9" * 30, str(2**63 - 1), str(2**63), "NaN", "%00", "٣"])
def test_an_offset_that_cannot_be_counted_to_is_refused(offset: str) -> None:
    status, kind, body = ask("GET", "/api/exports/shop/runs/x/rejected-rows", b"after=" + offset.encode(), b"")
    assert (status, kind) == (422, b"application/problem+json"), body


@pytest.mark.parametrize(
    "path",
    [
        *(
            "..",
            "../../x",
            "..%2f..%2fx",
            "%00",
            "a%0d%0ab",
            "a'b",
            "a/b\\c",
            "%ff",
            "x" * 5_000,
            "%F0%9F%98%80",
            "slot",
        ),
        *("a' or PartitionKey ne '", "shop/runs/slot/rejected-rows", "shop/runs/20261122T013005123-4f2a9c"),
    ],
)
def test_an_id_with_tricks_is_not_found(path: str) -> None:
    for where in ("exports", "connections"):
        assert ask("GET", f"/api/{where}/{unquote(path)}", b"", b"")[0] == 404


@pytest.mark.parametrize("query", [b"", b"n\xf4=2", b"limit=\xff", b"=&;%"])
def test_a_slash_too_many_is_not_found_whatever_follows(query: bytes) -> None:
    assert ask("GET", "/api/exports/shop/", query, b"")[0] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "\0"])
def test_another_method_is_refused(method: str) -> None:
    status, kind, _ = ask(method, "/api/exports", b"", b"")
    assert (status, kind) == (405, b"application/problem+json")


def test_what_nobody_foresaw_is_answered_as_a_problem_too() -> None:
    def broken() -> Any:
        raise RuntimeError("a secret detail")

    answer = TestClient(make_api(broken, SERVICES.settings)).get("/api/exports")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"[" * 100_000,
            b'{"started_by": "\\ud800"}',
            b'{"started_by": "a\\u0000"}',
            b'{"started_by": 1e400}',
            b"\xff",
        ),
        *(b'{"started_by": "' + b"x" * 201 + b'"}', b'{"started_by": ""}', b"[]", b'{"a": ' + b"9" * 5_000 + b"}"),
        b" " * (MAX_BODY_BYTES + 1),
    ],
)
def test_a_start_by_nobody_that_can_be_named_is_told_in_words(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The body .*\.$"):
        started_by(body, otherwise="function key")


@pytest.mark.parametrize(
    ("body", "name"), [(b"", "function key"), (b" {} ", "function key"), ('{"started_by": "Ană"}'.encode(), "Ană")]
)
def test_a_start_names_who_started_or_the_key(body: bytes, name: str) -> None:
    assert started_by(body, otherwise="function key") == name


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(sorted(EXPORT.model_dump())), VALUES).map(
    lambda changes: json.dumps(json.loads(EXPORT.model_dump_json(include={"name", MAPPED, "segments"})) | changes)
)


@settings(max_examples=300, deadline=None)
@given(choice=st.integers(0, 4), content=BODIES.map(str.encode) | st.binary(max_size=200) | st.text().map(str.encode))
def test_any_request_is_answered_and_refused_as_a_problem(choice: int, content: bytes) -> None:
    ask_the_site(bytes([choice]) + content)


@pytest.mark.parametrize(
    "name", ["\0", "a\0b", "\u202egnp.exe", "<script>", "=cmd()", "x" * 100, "😀" * 100, "\u0301" * 100]
)
def test_an_odd_name_is_kept_in_the_real_tables_as_it_is(world: World, client: TestClient, name: str) -> None:
    made = client.post("/api/exports", json=export(world, name=name, segments=[name], mapping={"email": name}))
    assert made.status_code == 201, made.text
    kept = client.get(f"/api/exports/{made.json()['id']}").json()
    assert (kept["name"], kept["segments"], kept["mapping"]) == (name, [name], {"email": name})
