"""Answers of the token endpoint that are none: waited out or told, and never the end of the only refresh token."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.constant_contact.errors import ConstantContactError
from shared.errors import Wait
from tests.fuzz.token_answers import NOW, refreshed

GOOD: dict[str, object] = {"access_token": "a", "refresh_token": "r", "expires_in": 3600, "scope": "s"}


def answer(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_a_lifetime_of_a_day_is_a_day() -> None:
    assert (refreshed(200, answer(expires_in=86_400)).expires_at - NOW).total_seconds() == 86_400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"7", b"{}", b"\xff\xfe", b"<html>"])
def test_an_answer_without_a_token_is_waited_out(body: bytes) -> None:
    with pytest.raises(Wait):
        refreshed(200, body)


@pytest.mark.parametrize("wrong", [7, [], {}, True])
def test_a_token_of_another_type_is_none(wrong: object) -> None:
    with pytest.raises(Wait):
        refreshed(200, answer(access_token=wrong))


@pytest.mark.parametrize("lifetime", [float("inf"), 1e300, 10**30, -(10**30)])
def test_a_lifetime_without_end_breaks_nothing(lifetime: float) -> None:
    assert refreshed(200, answer(expires_in=lifetime)).expires_at


def test_an_answer_that_is_nested_too_deeply_is_waited_out() -> None:
    with pytest.raises(Wait):
        refreshed(200, b"[" * 100_000)


@pytest.mark.parametrize("token", [None, "", " ", "a\r\nX-Injected: 1", "\0", "é", "日", "\ud800", "x" * 100_000])
def test_a_token_that_no_header_can_carry_is_none(token: str | None) -> None:
    with pytest.raises(Wait):
        refreshed(200, answer(access_token=token))


@settings(max_examples=200, deadline=None)
@given(status=st.integers(300, 599), body=st.binary(max_size=50) | st.just(b'{"error": ["invalid_grant"]}'))
def test_any_refusal_is_waited_out_or_told(status: int, body: bytes) -> None:
    with pytest.raises((Wait, ConstantContactError)) as caught:
        refreshed(status, body)
    assert str(caught.value).isprintable()
