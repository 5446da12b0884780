"""The numbers that Constant Contact and the product document, as they stand in the code: nobody moves one unseen."""

from __future__ import annotations

import pytest

from exporters import batches, profiles
from exporters.constant_contact import limits, tokens
from exporters.contact_fields import EMAIL_LENGTH, MAX_CUSTOM_FIELDS, PHONE_LENGTH, TEXT_LENGTHS


@pytest.mark.parametrize(
    ("name", "value", "documented"),
    [
        ("rows of a file, 40,000 with its header", batches.MAX_CONTACTS, 39_999),
        ("bytes that a file stays under", batches.MAX_BYTES, 4_000_000),
        ("contacts of an export", profiles.MOST_CONTACTS, 1_000_000),
        ("characters of an address", EMAIL_LENGTH, 80),
        ("characters of a phone number", PHONE_LENGTH, 25),
        ("custom fields of an import", MAX_CUSTOM_FIELDS, 25),
        ("characters of a street", TEXT_LENGTHS["street"], 255),
        ("characters of a name", TEXT_LENGTHS["first_name"], 50),
        ("seconds that a lease lasts at the most", tokens._LEASE_SECONDS, 60),
    ],
)
def test_a_limit_is_as_documented(name: str, value: float, documented: float) -> None:
    assert value == documented, name


def test_five_requests_take_more_than_a_second_and_a_day_has_fewer_than_ten_thousand() -> None:
    assert 4 * limits.API.seconds_apart - limits.LATEST_START_SECONDS > 1
    assert 4 * (limits.API.seconds_apart - 0.01) - limits.LATEST_START_SECONDS < 1.2
    assert limits.API.a_day is not None
    assert 9_000 < limits.API.a_day < 10_000
    assert limits.TOKEN.seconds_apart > 1
    assert limits.TOKEN.a_day is None
