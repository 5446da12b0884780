"""How much of an answer is read, for how long, and what is made of it."""

from __future__ import annotations

import gzip
import io
import json
import time
from typing import Any

import pytest
import requests
from pydantic import ValidationError
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from exporters.constant_contact import answers
from exporters.constant_contact.answers import Activity, ActivityPage, ContactList, parsed, read_body
from exporters.constant_contact.errors import NoAnswer, Unreadable

SOON = 1_000.0


class Broken(io.BytesIO):
    def read(self, *_: Any) -> bytes:
        raise ProtocolError("broke off")

    read1 = read


def answer(body: bytes | io.BytesIO, **headers: str) -> requests.Response:
    found = requests.Response()
    found.status_code = 200
    found.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    stream = io.BytesIO(body) if isinstance(body, bytes) else body
    found.raw = HTTPResponse(stream, preload_content=False, headers=dict(found.headers))
    return found


def read(body: bytes | io.BytesIO, *, seconds: float = SOON, **headers: str) -> bytes:
    found = answer(body, **headers)
    read_body(found, time.monotonic() + seconds)
    return found.content


@pytest.mark.parametrize("body", [b"", b"x", b"x" * 200_000])
def test_a_body_is_read_whole(body: bytes) -> None:
    assert read(body) == body


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_a_compressed_body_is_unpacked(encoding: str) -> None:
    assert read(gzip.compress(b"x" * 100_000), Content_Encoding=encoding) == b"x" * 100_000


@pytest.mark.parametrize("encoding", ["", "identity", "br"])
def test_a_body_of_any_other_encoding_stays_as_it_is(encoding: str) -> None:
    packed = gzip.compress(b"x")
    assert read(packed, Content_Encoding=encoding) == packed
    assert read(packed) == packed


def test_a_body_that_is_no_gzip_after_all_stays_as_it_is() -> None:
    assert read(b"not packed", Content_Encoding="gzip") == b"not packed"


@pytest.mark.parametrize(("size", "is_read"), [(100, True), (101, False)])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_is_not_larger_than_an_answer_is(
    monkeypatch: pytest.MonkeyPatch, encoding: str, size: int, is_read: bool
) -> None:
    monkeypatch.setattr(answers, "LARGEST_ANSWER", 100)
    body = b"x" * size
    sent = gzip.compress(body) if encoding == "gzip" else body
    if is_read:
        assert read(sent, Content_Encoding=encoding) == body
    else:
        with pytest.raises(NoAnswer, match="too large"):
            read(sent, Content_Encoding=encoding)


def test_an_answer_that_is_not_there_in_time_is_given_up() -> None:
    with pytest.raises(NoAnswer, match="took too long"):
        read(b"x", seconds=-1)


def test_an_answer_that_breaks_off_is_none() -> None:
    with pytest.raises(NoAnswer, match="broke off"):
        read(Broken())


def test_an_answer_of_another_shape_cannot_be_read() -> None:
    found = answer(b"")
    found._content = b'{"name": "no id"}'
    with pytest.raises(Unreadable, match="HTTP 200"):
        parsed(ContactList, found)


def activity(**fields: object) -> Activity:
    return Activity.model_validate_json(json.dumps({"activity_id": "a", **fields}))


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ("completed", True),
        ("failed", True),
        ("timed_out", True),
        ("cancelled", True),
        ("processing", False),
        ("", False),
    ],
)
def test_an_activity_has_ended_in_a_final_state(state: str, ended: bool) -> None:
    assert activity(state=state).ended is ended


@pytest.mark.parametrize(
    ("given", "percent"), [(None, None), (0, 0), (-5, 0), (41.5, 41.5), (100, 100), (101, 100), (1e300, 100)]
)
def test_a_progress_is_a_percentage(given: float | None, percent: float | None) -> None:
    assert activity(percent_done=given).percent_done == percent


@pytest.mark.parametrize(("given", "count"), [(-1, 0), (0, 0), (7, 7), (10**9, 10**9), (10**12, 10**9)])
def test_a_counter_counts_from_nothing_to_a_thousand_million(given: int, count: int) -> None:
    status = activity(status={"error_count": given}).status
    assert (status.error_count, status.items_total_count, status.correctable_count) == (count, 0, 0)
    assert (status.person_count, status.cannot_add_to_list_count) == (0, 0)


def test_what_is_null_counts_as_left_out() -> None:
    found = activity(state=None, percent_done=None, source_file_name=None, activity_errors=None, status=None)
    assert found == activity()
    assert (found.state, found.source_file_name, found.activity_errors) == ("", None, ())
    assert ContactList.model_validate({"list_id": "l", "name": None}).name == ""


@pytest.mark.parametrize(("length", "is_taken"), [(0, False), (1, True), (100, True), (101, False)])
def test_an_id_has_one_to_a_hundred_characters(length: int, is_taken: bool) -> None:
    body = json.dumps({"activity_id": "a" * length})
    if is_taken:
        assert Activity.model_validate_json(body).activity_id == "a" * length
    else:
        with pytest.raises(ValidationError):
            Activity.model_validate_json(body)


def next_of(links: object) -> str | None:
    return ActivityPage.model_validate({"activities": [], "_links": links}).next_path()


@pytest.mark.parametrize(
    "links", [None, {}, {"next": None}, {"next": {}}, {"next": {"href": ""}}, {"next": {"href": 7}}]
)
def test_a_page_without_a_link_is_the_last(links: object) -> None:
    assert next_of(links) is None


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/v3/activities?cursor=2", "/activities?cursor=2"),
        ("activities?cursor=2", "/activities?cursor=2"),
        ("/v3/activities", "/activities"),
        ("https://elsewhere.example/v3/activities?cursor=2", "/activities?cursor=2"),
    ],
)
def test_of_a_link_the_path_and_the_query_are_used(href: str, path: str) -> None:
    assert next_of({"next": {"href": href}}) == path


@pytest.mark.parametrize("href", ["/v3/contacts?cursor=2", "/v4/activities", "/", "http://[", "/v3/activities/../x"])
def test_a_link_to_anything_else_is_not_followed(href: str) -> None:
    with pytest.raises(Unreadable, match="cannot be followed"):
        next_of({"next": {"href": href}})


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_link_has_at_most_two_thousand_characters(beyond: int) -> None:
    href = "/v3/activities?cursor="
    href += "x" * (2_000 - len(href) + beyond)
    if beyond:
        with pytest.raises(Unreadable):
            next_of({"next": {"href": href}})
    else:
        assert next_of({"next": {"href": href}}) == href.removeprefix("/v3")
