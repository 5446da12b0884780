"""Specifies which e-mail addresses are taken, in what form, and why others are not."""

from __future__ import annotations

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.email_address import AddressFault, InvalidAddress, clean, comparison_key

ATEXT = "abzAZ09!#$%&'*+-/=?^_`{|}~."


def fault(raw: str, max_length: int = 80) -> AddressFault:
    with pytest.raises(InvalidAddress) as caught:
        clean(raw, max_length)
    return caught.value.reason


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (" \t\u00a0\u200b\ufeffAda@example.com\u200b \r\n", "Ada@example.com"),
        ("Ada.Lovelace+news@EXAMPLE.Com", "Ada.Lovelace+news@example.com"),
        ("Info@example.com", "Info@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@mail.test", "ada@mail.test"),
        ("ada@host.invalid", "ada@host.invalid"),
        ("ada@a-b.example", "ada@a-b.example"),
        ("o'neil@example.com", "o'neil@example.com"),
    ],
)
def test_an_address_is_trimmed_and_its_domain_is_lower_case_ascii(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", AddressFault.MISSING),
        (" \u200b\u00a0", AddressFault.MISSING),
        ("ada", AddressFault.MALFORMED),
        ("@example.com", AddressFault.MALFORMED),
        ("ada@", AddressFault.MALFORMED),
        ("a@b@example.com", AddressFault.MALFORMED),
        ("a b@example.com", AddressFault.MALFORMED),
        (".a@example.com", AddressFault.MALFORMED),
        ("a..b@example.com", AddressFault.MALFORMED),
        ('"a b"@example.com', AddressFault.MALFORMED),
        ("Ada <ada@example.com>", AddressFault.MALFORMED),
        ("a@example.com, b@example.com", AddressFault.MALFORMED),
        ("äda@example.com", AddressFault.LOCAL_PART_NOT_ASCII),
        ("ada@localhost", AddressFault.DOMAIN_INVALID),
        ("ada@[127.0.0.1]", AddressFault.DOMAIN_INVALID),
        ("ada@127.0.0.1", AddressFault.DOMAIN_INVALID),
        ("ada@-example.com", AddressFault.DOMAIN_INVALID),
        ("ada@example..com", AddressFault.DOMAIN_INVALID),
        ("ada@exa mple.com", AddressFault.DOMAIN_INVALID),
        ("ada@example.com.", AddressFault.DOMAIN_INVALID),
        ("a" * 65 + "@example.com", AddressFault.TOO_LONG),
        ("a@" + "b" * 1_000_000, AddressFault.TOO_LONG),
    ],
)
def test_what_is_no_address_is_refused_with_a_fixed_reason(raw: str, reason: AddressFault) -> None:
    assert fault(raw) is reason


def test_a_reason_never_holds_the_address() -> None:
    with pytest.raises(InvalidAddress) as caught:
        clean("secret name@example.com")
    assert str(caught.value) == "malformed"
    assert caught.value.__cause__ is None


def test_the_length_counts_in_the_form_that_is_sent() -> None:
    longest = "a" * 68 + "@example.com"
    assert len(longest) == 80
    shorter = "a" * 60 + "@sub.sub.example.co"
    assert clean(shorter) == shorter
    assert fault(f"{shorter}m.it") is AddressFault.TOO_LONG
    assert clean("a@bücher.example", 24) == "a@xn--bcher-kva.example"
    assert fault("a@bücher.example", 22) is AddressFault.TOO_LONG


def test_two_spellings_of_one_address_are_the_same_by_key() -> None:
    assert comparison_key(clean("ADA@Example.com")) == comparison_key(clean("ada@example.COM "))


@given(st.text() | st.tuples(st.text(), st.text()).map("@".join) | st.text(ATEXT + "@\u00e9 \u200b", max_size=30))
def test_any_text_is_cleaned_or_refused_and_cleaning_again_changes_nothing(raw: str) -> None:
    try:
        cleaned = clean(raw)
    except InvalidAddress:
        return
    assert clean(cleaned) == cleaned
    assert len(cleaned) <= 80
    assert cleaned.isascii()


@given(
    st.text(ATEXT + '\u00e9"\\ ', min_size=1, max_size=70),
    st.text("abZ09-.\u00fc_", min_size=1, max_size=20).map(lambda text: f"{text}.example") | st.text(max_size=8),
)
def test_the_library_agrees_on_every_address(local: str, domain: str) -> None:
    raw = f"{local}@{domain}".strip()
    try:
        checked = email_validator.validate_email(raw, check_deliverability=False, allow_smtputf8=False, strict=True)
        expected = checked.ascii_email if len(checked.ascii_domain.rpartition(".")[2]) > 1 else None
    except email_validator.EmailNotValidError:
        expected = None
    try:
        ours = clean(raw, 254)
    except InvalidAddress:
        ours = None
    assert (ours or "").lower() == (expected or "").lower()
