"""Answers of Constant Contact's, or of whoever answers in its place, that are made to do harm."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from exporters.batches import place_of_line
from exporters.constant_contact.answers import Activity, ActivityPage, parsed
from exporters.constant_contact.errors import (
    ConstantContactError,
    NoAnswer,
    Throttled,
    Unreadable,
    answer_error,
    error_text,
    without_addresses,
)
from tests.hostile.measuring import measured
from tests.hostile.speaking import account, endless_chunks, gzip_bomb, http, large_error, speaking, wide_list

ACTIVITY = {"activity_id": "7", "state": "completed"}


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (gzip_bomb, "NoAnswer", "too large"),
        (endless_chunks, "NoAnswer", "too large"),
        (large_error, "Refused", "did not say why"),
        (wide_list, "Unreadable", "cannot be read"),
    ],
)
def test_an_answer_that_is_huge_takes_little_memory(ask: Callable[[], str], error: str, said: str) -> None:
    ended = measured(ask, address_space=1_536)
    assert (ended.error, said in ended.said) == (error, True), ended
    assert ended.peak < 1_000
    assert ended.seconds < 20


def trickling_body() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    yield from repeat(b" ")


def trickling_chunk() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n"
    yield from repeat(b" ")


def trickling_gzip() -> Iterator[bytes]:
    """A gzip header whose file name never ends: nothing comes out of it, however much goes in."""
    yield b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n\x1f\x8b\x08\x08" + b"\0" * 6
    yield from repeat(b"a")


def trickling_header() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX: "
    yield from repeat(b"a")


def endless_continue() -> Iterator[bytes]:
    yield from repeat(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize(
    "answer", [trickling_body, trickling_chunk, trickling_gzip, trickling_header, endless_continue]
)
def test_an_answer_that_trickles_in_for_ever_is_given_up_when_a_request_would_be(
    answer: Callable[[], Iterator[bytes]],
) -> None:
    with speaking(answer, pause=0.01) as url:
        began = time.monotonic()
        with pytest.raises(NoAnswer):
            account(url, seconds=0.5).contact_list("x")
        assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9, 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 100_000,
        b"HTTP/1.1 999999999999999999999 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"\0" * 10,
        b"",
        http(b"{}", "Content-Encoding: br"),
        http(b"{}", "Content-Encoding: gzip"),
        http(b"{}", "Content-Encoding: gzip, gzip"),
        http(b"\x1f\x8b\x08\x00", "Content-Encoding: gzip"),
        http('{"list_id": "ü"}'.encode("latin-1"), "Content-Type: application/json; charset=latin-1"),
        http(b'{"list_id": "x"}'.decode().encode("utf-16"), "Content-Type: application/json; charset=\xff"),
        http(b'{"list_id": "\\ud800"}'),
        http(b'{"list_id": 1e400}'),
        http(b"[" * 100_000),
        http(b'{"list_id": ' + b"9" * 100_000 + b"}"),
        http(b"", status="204 No Content"),
    ],
)
def test_an_answer_that_is_none_is_told_as_unclear(answer: bytes) -> None:
    with speaking(lambda: [answer]) as url, pytest.raises((NoAnswer, Unreadable)):
        account(url).contact_list("x")


def page(**more: object) -> ActivityPage:
    answer = requests.Response()
    answer.status_code, answer._content = 200, json.dumps({"activities": [], **more}).encode()
    return parsed(ActivityPage, answer)


@pytest.mark.parametrize(
    "href",
    [
        *("http://[", "//[::1", "/v3@evil.example/", "/v3/contact_lists", "../../x", "/v3/activities/../x"),
        *("/v3/activities/7", "javascript:alert(1)", "/v3/activitiesx", "\0", "/v3/activities?" + "x" * 5_000),
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(href: str) -> None:
    with pytest.raises(Unreadable, match="cannot be followed"):
        page(_links={"next": {"href": href}}).next_path()


@pytest.mark.parametrize("links", [None, {}, {"next": 7}, {"next": {"href": ["x"]}}, {"next": {"href": ""}}])
def test_a_page_without_a_link_is_the_last_one(links: object) -> None:
    assert page(_links=links).next_path() is None


def test_links_that_are_always_new_end_too() -> None:
    asked = iter(range(1_000))

    def answer() -> list[bytes]:
        link = f"/v3/activities?cursor={next(asked)}"
        return [http(json.dumps({"activities": [], "_links": {"next": {"href": link}}}).encode())]

    with speaking(answer) as url:
        assert list(account(url).activities()) == []
    assert next(asked) == 50


@pytest.mark.parametrize(
    ("given", "percent"),
    [("1e400", None), ("-1e400", None), ("NaN", None), ("-5", 0), ("1e300", 100), ("33.3", 33.3), ("null", None)],
)
def test_a_progress_that_is_no_percentage_is_none(given: str, percent: float | None) -> None:
    activity = Activity.model_validate_json('{"activity_id": "7", "percent_done": ' + given + "}")
    assert activity.percent_done == percent


def test_a_count_is_neither_negative_nor_without_end() -> None:
    status = {"items_total_count": -7, "error_count": 10**30, "person_count": -(10**30)}
    found = Activity.model_validate({**ACTIVITY, "status": status}).status
    assert (found.items_total_count, found.error_count, found.person_count) == (0, 1_000_000_000, 0)


def test_what_an_activity_complains_of_is_cut_to_what_can_be_stored() -> None:
    activity = Activity.model_validate({**ACTIVITY, "activity_errors": ["x" * 1_000_000] * 3 + ["y"] * 100_000})
    assert len(activity.activity_errors) == 40_000
    assert max(map(len, activity.activity_errors)) <= 300


@pytest.mark.parametrize("activity_id", ["../contact_lists/7", "7?x=1", "", "7\n", "x" * 101, "é"])
def test_an_id_that_would_change_the_address_that_is_asked_is_refused(activity_id: str) -> None:
    with pytest.raises(ValidationError):
        Activity.model_validate({"activity_id": activity_id})


@pytest.mark.parametrize("line", [-(10**30), -1, 0, 1, 4, 10**30])
def test_a_line_that_a_batch_does_not_have_has_no_place(line: int) -> None:
    assert place_of_line(b"0,0,2\n0,0,3\n", line) is None


def test_every_line_of_a_batch_is_found_soon() -> None:
    places = b"".join(b"0,0,%d\n" % line for line in range(39_999))
    began = time.process_time()
    assert all(place_of_line(places, line) for line in range(2, 40_001))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("retry_after", ["²", "٣", "1e400", "-1", "NaN", "0x10", "1_0", "", " "])
def test_a_wait_in_odd_digits_is_passed_over(retry_after: str) -> None:
    error = answer_error(429, b'{"error_key":"throttled"}', retry_after=retry_after, queues_work=False)
    assert isinstance(error, Throttled)
    assert error.seconds == 1


def test_a_wait_without_end_is_an_hour() -> None:
    error = answer_error(429, b'{"error_key":"throttled"}', retry_after="9" * 10_000, queues_work=False)
    assert isinstance(error, Throttled)
    assert error.seconds == 3_600


@pytest.mark.parametrize("text", ["a" * 10_000_000, '"' * 1_000_000, "a " * 1_000_000, "@" * 1_000_000, "a@" * 100_000])
def test_addresses_are_taken_out_of_any_text_in_no_time(text: str) -> None:
    began = time.process_time()
    assert len(without_addresses(text)) <= 300
    assert time.process_time() - began < 5


def test_what_was_cut_out_of_a_long_text_is_no_half_address() -> None:
    addresses = f"{'x' * 200}@example.com " * 100
    for blanks in range(300):
        assert "x" not in without_addresses(" " * blanks + addresses)


@pytest.mark.parametrize(
    "text", ["a:@example.com is wrong", "(ana)@example.com", "ana @example.com", '"a"b@example.com']
)
def test_what_is_no_address_loses_its_domain_all_the_same(text: str) -> None:
    assert "example.com" not in without_addresses(text)


def test_an_error_of_many_messages_is_told_in_a_few() -> None:
    body = json.dumps([{"error_message": "something is wrong with it"}] * 10_000).encode()
    assert len(error_text(body)) < 2_000


def test_half_a_character_in_an_error_can_still_be_stored() -> None:
    assert error_text(b'[{"error_message": "a\\ud800b\\u0000c\\u001b[31m"}]') == "a b c [31m"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("ana@example.com"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(("error_key", "error_message", "error", "message", "activities", "_links", "next", "href"))
            | st.sampled_from(("activity_id", "state", "percent_done", "activity_errors", "status", "error_count")),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)
BODIES = JSON.map(lambda value: json.dumps(value).encode()) | st.binary()


@settings(max_examples=300, deadline=None)
@given(status=st.integers(100, 999), body=BODIES, retry_after=st.none() | st.text(max_size=5), queues=st.booleans())
def test_any_error_is_one_of_the_named_ones_on_one_line_without_an_address(
    status: int, body: bytes, retry_after: str | None, queues: bool
) -> None:
    error = answer_error(status, body, retry_after=retry_after, queues_work=queues)
    assert isinstance(error, ConstantContactError)
    assert str(error).isprintable()
    assert len(str(error)) < 2_000
    assert "ana@" not in str(error)


@settings(max_examples=300, deadline=None)
@given(body=BODIES)
def test_any_page_is_a_page_or_unreadable(body: bytes) -> None:
    answer = requests.Response()
    answer.status_code, answer._content = 200, body
    path: str | None = "/activities"
    with contextlib.suppress(Unreadable):
        path = parsed(ActivityPage, answer).next_path()
    assert path is None or path.startswith("/activities")


@settings(max_examples=300, deadline=None)
@given(
    before=st.text(max_size=20),
    local=st.from_regex(r"[a-z0-9.!#$%&*+/=?^_{|}~'-]{1,30}", fullmatch=True),
    after=st.text(max_size=20),
)
def test_no_address_stays_in_a_text(before: str, local: str, after: str) -> None:
    assert "@example.com" not in without_addresses(f"{before} {local}@example.com {after}")
