"""Cleans an e-mail address, or says in a few fixed words why it is none."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

import email_validator

# Blanks and invisible marks that spreadsheets and web pages leave around a value: Unicode's white space, zero-width
# characters, byte order mark, soft hyphen. They are part of no address and no name.
INVISIBLE_EDGES = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\xad\u1680\u180e"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f"
    "\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)

# RFC 5322's dot-atom, which is all that the library takes without quotes and without SMTPUTF8.
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LOCAL_PART_LENGTH = 64
_DOMAIN_LENGTH = 253

# The library refuses .test, .invalid, .local ...; its documentation says to edit this list. Whether such an address
# is reachable is Constant Contact's to say, and test data has no others.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


class AddressFault(StrEnum):
    """Why a text is no usable e-mail address; never holds the text itself."""

    MISSING = "missing"
    TOO_LONG = "too long"
    MALFORMED = "malformed"
    LOCAL_PART_NOT_ASCII = "non-ASCII local part"
    DOMAIN_INVALID = "invalid domain"


class InvalidAddress(ValueError):
    """The text is no e-mail address that Constant Contact would take."""

    def __init__(self, reason: AddressFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


def clean(raw: str, max_length: int = 80) -> str:
    """The address without surrounding blanks, its domain as lower-case ASCII (Punycode), its local part as written.

    The local part is a plain ASCII dot-atom of at most 64 characters (RFC 5321), the domain what the `email-validator`
    library accepts, reserved names included; it needs a dot and at least two characters behind it. `max_length` counts
    the characters of the result: Constant Contact's contacts take 80, its import documents 50. Raises InvalidAddress.
    """
    trimmed = raw.strip(INVISIBLE_EDGES)
    if not trimmed:
        raise InvalidAddress(AddressFault.MISSING)
    local, at, domain = trimmed.rpartition("@")
    if not (local and at and domain):
        raise InvalidAddress(AddressFault.MALFORMED)
    if not _LOCAL_PART.fullmatch(local):
        raise InvalidAddress(AddressFault.MALFORMED if local.isascii() else AddressFault.LOCAL_PART_NOT_ASCII)
    if len(domain) > _DOMAIN_LENGTH:
        raise InvalidAddress(AddressFault.TOO_LONG)
    ascii_domain = _ascii_domain(domain)
    if ascii_domain is None:
        raise InvalidAddress(AddressFault.DOMAIN_INVALID)
    if len(local) > _LOCAL_PART_LENGTH or len(local) + 1 + len(ascii_domain) > max_length:
        raise InvalidAddress(AddressFault.TOO_LONG)
    return f"{local}@{ascii_domain}"


def comparison_key(address: str) -> str:
    """What makes two cleaned addresses the same: the address in lower case."""
    return address.lower()


@lru_cache(maxsize=50_000)
def _ascii_domain(domain: str) -> str | None:
    """Checked once a domain, because that takes about 24 microseconds and contacts share few domains."""
    try:
        ascii_domain = email_validator.validate_email(f"a@{domain}", check_deliverability=False).ascii_domain
    except email_validator.EmailNotValidError:
        return None
    # No top-level domain has one letter; the library leaves that to the DNS, which is not asked here.
    return ascii_domain if len(ascii_domain.rpartition(".")[2]) > 1 else None
