"""What Constant Contact says is wrong with rows, told in words that cannot be those of a profile.

Its own words may repeat what stands in a row: a phone number, a name. So none of them is kept. What they say is
recognised, and said with a line number and the sentences of this module; what is not recognised is not told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NOT_TOLD = "it gave a reason that is not shown, because it may repeat what stands in a profile"
"""Stands for words that are not recognised."""

NO_LONGER_KNOWN = "it no longer knows the activity"

# The service's messages are short; of a longer one only this much is looked at, so that no text takes long.
_LOOKED_AT = 2_000
# At the beginning alone: further on, the words may be those of a row.
_LINE = re.compile(r"\s*(?:line|row)\s+([0-9]{1,5})\b[\s:.,-]*", re.IGNORECASE)

_FIELDS: Mapping[str, str] = {
    "email": r"e-?mail(?:[ _]address(?:es)?)?",
    "first_name": r"first[ _]?name",
    "last_name": r"last[ _]?name",
    "phone": r"(?:tele)?phone(?:[ _]number)?",
    "job_title": r"job[ _]?title",
    "company_name": r"company(?:[ _]?name)?",
    "anniversary": r"anniversary",
    "birthday_month": r"birthday_month",
    "birthday_day": r"birthday_day",
    "birthday": r"birthday",
    "street2": r"street2",
    "street": r"street",
    "city": r"city",
    "state": r"state",
    "zip": r"zip(?:[ _]?code)?|postal[ _]?code",
    "country": r"country",
    "sms_number": r"sms_number",
    "sms_consent_date": r"sms_consent_date",
    "list_ids": r"list_ids?",
    "a custom field": r"cf:[^\s:,]+|custom[ _]field",
}
_FIELD = "|".join(f"(?P<f{number}>{pattern})" for number, pattern in enumerate(_FIELDS.values()))
_FIND_FIELD = re.compile(rf"(?<!\w)(?:{_FIELD})(?!\w)", re.IGNORECASE)
_VERDICTS: Mapping[str, str] = {
    "is too long": r"too long|longer than|exceeds|at most|maximum length",
    "is missing": r"missing|required|empty|blank",
    "exists already": r"already exists|exists already|duplicate",
    "is not known": r"unknown|not found|does not exist",
    "is not allowed": r"not allowed|not permitted|blocked",
    "could not be saved": r"(?:could not|cannot|can't) be (?:saved|imported|processed)",
    "is not valid": r"invalid|malformed|not(?: an?)? valid|incorrect|in an? (?:wrong|invalid) format",
}
_VERDICT = "|".join(f"(?P<v{number}>{pattern})" for number, pattern in enumerate(_VERDICTS.values()))
_FIND_VERDICT = re.compile(rf"(?<!\w)(?:{_VERDICT})(?!\w)", re.IGNORECASE)

# Between marks of quotation stands what is not the service's own. An apostrophe within a word is none.
_QUOTED = re.compile(
    r"""(?<!\w)'(?:.*?'(?!\w)|.*)|"(?:[^"]*"|.*)|“(?:[^”]*”|.*)|„(?:[^“”]*[“”]|.*)|«(?:[^»]*»|.*)|‘(?:.*?’(?!\w)|.*)|`(?:[^`]*`|.*)"""
)
_FIVE_DIGITS = re.compile(r"(?<![\w-])\+?\(?\d(?:[ ()./-]{0,3}\d){4,}")

# Sentences that are known are told as they are. Only names of columns and lengths that it is known to have differ.
_LENGTHS = ("10", "16", "25", "50", "64", "80", "100", "255", "500", "2000")
_COLUMNS = tuple(name for name in _FIELDS if " " not in name)
_KNOWN = frozenset(
    {
        *(f"{name} is longer than {length} characters" for name in _COLUMNS for length in _LENGTHS),
        *(f"Invalid {name}" for name in _COLUMNS),
        *(f"Missing {name}" for name in _COLUMNS),
        *(f"{name} is missing" for name in _COLUMNS),
        "Invalid birthday, month and day require each other",
        "email address is not valid",
        "Contact could not be saved",
        "The import could not be processed",
        "The import contains a contact that cannot be imported",
        "The import needs an email or an sms_number column",
        "The import has the same column twice",
        "Unauthorized",
        "Forbidden",
        "Too Many Requests",
        "Request forbidden due to insufficient user privileges",
        "Request forbidden due to insufficient scope",
        "file is missing",
        NO_LONGER_KNOWN,
    }
)
_AS_KNOWN = {sentence.casefold(): sentence for sentence in _KNOWN}
_NO_CSV = "The file is not valid CSV"
_COLUMN_NOT_KNOWN = "a column of the file is not known there"
_BROKEN_FILE = re.compile(r"(?:the )?file is not valid csv\b", re.IGNORECASE)
_UNKNOWN_COLUMN = re.compile(r"unknown (?:column|heading)s?\b", re.IGNORECASE)
_KEYS = frozenset(
    {
        "contacts.api.validation.error",
        "contacts.api.not_found",
        "contacts.api.conflict",
        "contacts.api.unsupported_media_type",
        "access_denied",
        "unauthorized",
    }
)

SENTENCES = (
    _KNOWN
    | {NOT_TOLD, _NO_CSV, _COLUMN_NOT_KNOWN}
    | {f"{NOT_TOLD} ({key})" for key in _KEYS}
    | {f"{field} {verdict}" for field in _FIELDS for verdict in _VERDICTS}
)
"""Whatever can be told, without the line."""


def told(text: str, key: str = "") -> str:
    """What a message about a row or a file says: `Line 3: phone is not valid`, with its line if it names one.

    Every answer is made of sentences of this module and a line number, whatever the text is. `key` is the
    machine-readable key that came with it; a documented one is told where the words are not.
    """
    line = _LINE.match(text)
    said = _sentence(" ".join(text[line.end() if line else 0 :][:_LOOKED_AT].split()))
    if said == NOT_TOLD and key in _KEYS:
        said = f"{said} ({key})"
    return f"Line {int(line[1])}: {said}" if line else said


def line_of(told: str) -> int | None:
    """The line that a message in our words names; 1 is the header."""
    line = _LINE.match(told)
    return int(line[1]) if line else None


def without_line(told: str) -> str:
    """A message in our words without its line."""
    return _LINE.sub("", told, count=1)


def without_values(text: str) -> str:
    """A text on one line, without what stands in quotation marks and without numbers of five digits and more."""
    return _FIVE_DIGITS.sub("[number]", _QUOTED.sub("[…]", " ".join(text.split())))


def _sentence(text: str) -> str:
    if known := _AS_KNOWN.get(text.rstrip(" .").casefold()):
        return known
    if _BROKEN_FILE.match(text):
        return _NO_CSV
    if _UNKNOWN_COLUMN.match(text):
        return _COLUMN_NOT_KNOWN
    own = _QUOTED.sub(" ", text)
    field, verdict = _FIND_FIELD.search(own), list(_FIND_VERDICT.finditer(own))
    if not verdict or field is None:
        return NOT_TOLD
    return f"{_name(field, 'f', tuple(_FIELDS))} {_name(verdict[-1], 'v', tuple(_VERDICTS))}"


def _name(found: re.Match[str], prefix: str, names: tuple[str, ...]) -> str:
    return next(name for number, name in enumerate(names) if found[f"{prefix}{number}"])
