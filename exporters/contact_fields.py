"""Constant Contact's import columns: their names, their limits, and how a value is made to fit.

Facts: the heading names and lengths of `POST /activities/contacts_file_import` in Constant Contact's V3 API reference.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from exporters.email_address import INVISIBLE_EDGES

EMAIL = "email"
EMAIL_LENGTH = 80
"""Characters of an address that Constant Contact's contacts take; its import reference says 50."""

TEXT_LENGTHS = {
    "first_name": 50,
    "last_name": 50,
    "job_title": 50,
    "company_name": 50,
    "street": 255,
    "street2": 255,
    "city": 50,
    "state": 50,
    "zip": 50,
    "country": 50,
}
"""Text columns and the characters they take; longer values are cut."""

PHONE = "phone"
PHONE_LENGTH = 25
"""Characters of a phone number in a contact (its import takes 50). A longer one is left out: cut, it would be wrong."""

ANNIVERSARY = "anniversary"
BIRTHDAY_MONTH = "birthday_month"
BIRTHDAY_DAY = "birthday_day"
BIRTHDAY = "birthday"
"""Ours: takes a date and fills `birthday_month` and `birthday_day`, which need each other."""

CUSTOM_FIELD = re.compile(r"""cf:[^\s,"'\x00-\x1f\x7f]{1,50}""")
"""`cf:<name>`: a custom field by its name (its label with blanks as underscores), which must exist in the account."""
CUSTOM_FIELD_LENGTH = 255
MAX_CUSTOM_FIELDS = 25
"""Different custom fields in one import."""

IMPORT_ORDER = (
    EMAIL,
    "first_name",
    "last_name",
    "job_title",
    "company_name",
    PHONE,
    "street",
    "street2",
    "city",
    "state",
    "zip",
    "country",
    ANNIVERSARY,
    BIRTHDAY_MONTH,
    BIRTHDAY_DAY,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TIME_OF_DAY = r"(?:[T ][0-9]{1,2}:[0-9]{2}.*)?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME_OF_DAY}")
_MONTH_FIRST = re.compile(rf"([0-9]{{1,2}})([-/])([0-9]{{1,2}})\2([0-9]{{4}}){_TIME_OF_DAY}")
_MONTH_OR_DAY = re.compile(r"[0-9]{1,2}")
# Far longer than any field; a run of accents costs the square of its length to put in order.
_LONGEST_COMPOSED = 1_000
# What .NET and SQL write for a date that was never set.
_NO_DATE_YEAR = 1
_LEAP_YEAR = 2000


def clean_text(raw: str) -> str:
    """The text on one line: trimmed, control characters as blanks, runs of blanks as one, composed (NFC).

    One line matters: Constant Contact names a row of a batch by its line number. Of a text that is not plain ASCII at
    most 1,000 characters are kept, which is more than any field takes.
    """
    if raw.isascii() and raw.isprintable():
        return raw.strip() if "  " not in raw else " ".join(raw.split())
    text = " ".join(_CONTROL.sub(" ", raw).split()).strip(INVISIBLE_EDGES)
    composed = unicodedata.normalize("NFC", text[:_LONGEST_COMPOSED])
    return " ".join(composed.split()).strip(INVISIBLE_EDGES)


def parse_date(raw: str) -> date | None:
    """The day that a text names, or None: ISO dates and date-times, and the formats that Constant Contact takes.

    The day is taken as written, never moved to another time zone. `03/04/2020` is March 4, as there.
    """
    text = raw.strip(INVISIBLE_EDGES)
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = found[1], found[3], found[4]
    elif found := _MONTH_FIRST.fullmatch(text):
        year, month, day = found[4], found[1], found[3]
    else:
        return None
    try:
        parsed = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return None if parsed.year == _NO_DATE_YEAR else parsed


def month_and_day(raw_month: str, raw_day: str) -> tuple[str, str] | None:
    """A birthday as the import takes it (`"2", "29"`), or None where month and day are not one."""
    if not (_MONTH_OR_DAY.fullmatch(raw_month) and _MONTH_OR_DAY.fullmatch(raw_day)):
        return None
    try:
        birthday = date(_LEAP_YEAR, int(raw_month), int(raw_day))
    except ValueError:
        return None
    return str(birthday.month), str(birthday.day)
