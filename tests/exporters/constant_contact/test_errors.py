"""Every shape of error that Constant Contact is known to answer with is understood."""

from __future__ import annotations

import pytest

from exporters.constant_contact.errors import (
    ConstantContactError,
    QueueFull,
    QuotaExceeded,
    Refused,
    ServerError,
    Throttled,
    answer_error,
    error_text,
    without_addresses,
)


def error(
    status: int, body: bytes, retry_after: str | None = None, *, queues_work: bool = True
) -> ConstantContactError:
    return answer_error(status, body, retry_after=retry_after, queues_work=queues_work)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'[{"error_key":"contacts.api.validation.error","error_message":"create_source is missing"}]',
            "create_source",
        ),
        (b'{"error_key":"unauthorized","error_message":"Unauthorized"}', "Unauthorized"),
        (b'{"message":"Forbidden"}', "Forbidden"),
        (b'{"error":"invalid_grant","error_description":"The refresh token is invalid or expired."}', "is invalid"),
        (b'{"error":"invalid_grant"}', "invalid_grant"),
        (b'{"errorCode":"E0000021","errorSummary":"HTTP media type not supported."}', "media type"),
        (b'[{"error_message":"one"},{"error_message":"two"}]', "one; two"),
        (b"", "did not say why"),
        (b"<html>Bad gateway</html>", "did not say why"),
        (b"null", "did not say why"),
        (b'{"error_message": 7}', "did not say why"),
        (b"[" * 100_000, "did not say why"),
        (b"\xff\xfe", "did not say why"),
    ],
)
def test_what_the_body_says_is_told(body: bytes, said: str) -> None:
    assert said in error_text(body)


@pytest.mark.parametrize(
    ("status", "body", "queues_work", "kind"),
    [
        (429, b'{"error_key":"throttled","error_message":"Too Many Requests"}', True, Throttled),
        (429, b'{"error_key":"quota_exceeded","error_message":"Limit Exceeded"}', True, QuotaExceeded),
        (429, b'{"error_key":"quota_exceeded","error_message":"Limit Exceeded"}', False, QuotaExceeded),
        (429, b"", True, QueueFull),
        (429, b'{"error_key":"something.else"}', True, QueueFull),
        (429, b"", False, Throttled),
        (500, b"", True, ServerError),
        (503, b"<html>", True, ServerError),
        (400, b"[]", True, Refused),
        (403, b'{"message":"Forbidden"}', True, Refused),
        (404, b"[]", False, Refused),
        (409, b"[]", False, Refused),
        (415, b"", True, Refused),
    ],
)
def test_an_answer_means(status: int, body: bytes, queues_work: bool, kind: type[ConstantContactError]) -> None:
    assert type(error(status, body, queues_work=queues_work)) is kind


def test_a_wait_that_the_service_asks_for_is_honoured_though_it_documents_none() -> None:
    throttled = error(429, b'{"error_key":"throttled"}', "17")
    assert isinstance(throttled, Throttled)
    assert throttled.seconds == 17


@pytest.mark.parametrize("odd", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "", "soon"])
def test_a_wait_that_is_no_number_of_seconds_is_passed_over(odd: str) -> None:
    throttled = error(429, b'{"error_key":"throttled"}', odd)
    assert isinstance(throttled, Throttled)
    assert throttled.seconds == 1


def test_an_address_in_an_error_is_taken_out() -> None:
    body = b'[{"error_message":"Email ana@example.com already exists for contact 7"}]'
    assert error_text(body) == "Email [address] already exists for contact 7"


@pytest.mark.parametrize("address", ["o'brien@example.com", '"ana b"@example.com', "ana+tag@mail.example.com"])
def test_an_odd_address_is_taken_out_whole(address: str) -> None:
    assert without_addresses(f"Line 3: {address} is invalid") == "Line 3: [address] is invalid"


def test_a_long_error_is_cut() -> None:
    assert len(without_addresses("x" * 5_000)) == 300
