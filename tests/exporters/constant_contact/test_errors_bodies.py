"""What is read of an error body, and how much of it: the edges of each rule."""

from __future__ import annotations

import json

import pytest

from exporters.constant_contact.errors import (
    QueueFull,
    Refused,
    ServerError,
    Throttled,
    answer_error,
    error_keys,
    error_text,
    without_addresses,
)


def error(status: int, body: bytes = b"", retry_after: str | None = None, *, queues_work: bool = False) -> Exception:
    return answer_error(status, body, retry_after=retry_after, queues_work=queues_work)


@pytest.mark.parametrize(("length", "shown"), [(299, 299), (300, 300), (301, 300), (5_000, 300)])
def test_a_text_is_shown_up_to_300_characters(length: int, shown: int) -> None:
    text = without_addresses("x" * length)
    assert len(text) == shown
    assert text.endswith("…") is (length > 300)


@pytest.mark.parametrize("length", [9_999, 10_000, 10_001, 20_000])
def test_an_address_at_the_end_of_what_is_looked_at_does_not_show_in_part(length: int) -> None:
    blanks = " " * (length - len("said ana@example.com"))
    assert "ana" not in without_addresses(f"said{blanks} ana@example.com")


@pytest.mark.parametrize("beyond", [0, 1, 5, 12])
def test_an_address_that_goes_on_beyond_what_is_looked_at_does_not_show(beyond: int) -> None:
    text = "(" * (10_000 - len("ana@example.com") + beyond - 1) + " ana@example.com is wrong"
    assert "ana" not in without_addresses(text)


@pytest.mark.parametrize("count", [1, 5, 6, 50])
def test_five_messages_of_a_body_are_shown(count: int) -> None:
    body = json.dumps([{"error_message": f"m{number}"} for number in range(count)]).encode()
    assert error_text(body) == "; ".join(f"m{number}" for number in range(min(count, 5)))


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_body_of_more_than_a_mebibyte_says_nothing(beyond: int) -> None:
    frame = len(json.dumps({"error_message": "", "x": ""}))
    body = json.dumps({"error_message": "why", "x": "y" * (1024 * 1024 - frame - 3 + beyond)}).encode()
    assert len(body) == 1024 * 1024 + beyond
    assert error_text(body) == ("it did not say why" if beyond else "why")


@pytest.mark.parametrize("body", [b"", b"<html>", b"7", b'"text"', b"[7]", b"[" * 200_000])
def test_a_body_without_an_object_says_nothing(body: bytes) -> None:
    assert error_text(body) == "it did not say why"
    assert error_keys(body) == set()


@pytest.mark.parametrize(
    "name", ["error_message", "error_description", "errorSummary", "message", "error_key", "error"]
)
def test_a_message_is_found_under_any_of_its_names(name: str) -> None:
    assert error_text(json.dumps({name: "why"}).encode()) == "why"


@pytest.mark.parametrize("name", ["error_key", "error", "errorCode"])
def test_a_key_is_found_under_any_of_its_names_in_lower_case(name: str) -> None:
    assert error_keys(json.dumps([{name: "Throttled"}]).encode()) == {"throttled"}


def test_a_key_that_is_no_text_is_none() -> None:
    assert error_keys(b'{"error": 7, "error_key": null}') == set()


def test_the_first_message_of_an_object_is_told_and_an_empty_one_passed_over() -> None:
    assert error_text(b'{"error_message": "", "message": "second", "error": "third"}') == "second"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(302, Refused), (399, Refused), (400, Refused), (499, Refused), (408, ServerError), (500, ServerError)],
)
def test_a_status_means(status: int, kind: type[Exception]) -> None:
    assert isinstance(error(status), kind)


def test_a_redirect_says_which_settings_to_check_and_a_refusal_does_not() -> None:
    assert "CONSTANT_CONTACT_API_URL" in str(error(399))
    assert "CONSTANT_CONTACT_API_URL" not in str(error(400))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("3600", 3600.0), ("9999", 3600.0), ("0", 1.0), ("", 1.0), ("soon", 1.0), ("²", 1.0)],
)
def test_the_wait_that_is_asked_for_is_kept_up_to_an_hour(header: str, seconds: float) -> None:
    found = error(429, retry_after=header)
    assert isinstance(found, Throttled)
    assert found.seconds == seconds


def test_a_full_queue_is_only_met_by_what_queues_work() -> None:
    assert isinstance(error(429, queues_work=True), QueueFull)
    assert isinstance(error(429, queues_work=False), Throttled)
    assert isinstance(error(429, b'{"error_key": "throttled"}', queues_work=True), Throttled)


def test_each_error_says_what_happened() -> None:
    assert str(error(429)) == "Constant Contact asked to slow down"
    assert str(error(503)) == "Constant Contact has a problem (HTTP 503)"
    assert str(error(403, b'{"message": "no"}')) == "Constant Contact refused the request (HTTP 403): no"
