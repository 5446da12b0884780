"""One row of an import: its vocabulary, its rules, and what breaks them."""

import re
from dataclasses import dataclass

_ADDRESS_LIMITS = {"street": 255, "street2": 255, "city": 50, "state": 50, "zip": 50, "country": 50}

# The headings of a CSV import with their longest values in characters (None: a rule of its own).
CSV_LIMITS: dict[str, int | None] = {
    "email": None,
    "first_name": 50,
    "last_name": 50,
    "phone": 50,
    "job_title": 50,
    "company_name": 50,
    "anniversary": None,
    "birthday_day": None,
    "birthday_month": None,
    **_ADDRESS_LIMITS,
    "sms_number": 16,
    "sms_consent_date": 16,
}
# A JSON import knows more phones and addresses.
JSON_LIMITS: dict[str, int | None] = {
    **CSV_LIMITS,
    **{f"{kind}_phone": 50 for kind in ("home", "work", "mobile", "other")},
    **{f"{kind}_{key}": limit for kind in ("home", "work", "other") for key, limit in _ADDRESS_LIMITS.items()},
}
CUSTOM_FIELD_PREFIX = "cf:"
CUSTOM_FIELD_LIMIT = 255

# A dot-atom of ASCII before the @ (at most 64), after it labels of letters, digits and inner hyphens (at most 63)
# that end in a top-level domain. Other scripts must come as punycode.
_EMAIL = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9])"
)
# MM/DD/YYYY, M/D/YYYY, YYYY/MM/DD, YYYY/M/D, YYYY-MM-DD, YYYY-M-D, M-D-YYYY, M-DD-YYYY
_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_ANNIVERSARY = re.compile(
    rf"{_MONTH}/{_DAY}/\d{{4}}|\d{{4}}/{_MONTH}/{_DAY}|\d{{4}}-{_MONTH}-{_DAY}|{_MONTH}-{_DAY}-\d{{4}}"
)
_MONTH_NUMBER, _DAY_NUMBER = re.compile(_MONTH), re.compile(_DAY)
_SMS_NUMBER = re.compile(r"\d{10}|\d{3}-\d{3}-\d{4}")


@dataclass(slots=True, eq=False)
class Row:
    """A row that can become a contact; `key` is the address in lower case. None and absent fields change nothing."""

    line: int
    key: str
    email: str
    first_name: str | None
    last_name: str | None
    fields: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that cannot: line 1 is the header. Correctable ones could be mended in the web application."""

    line: int
    reason: str
    correctable: bool

    def __str__(self) -> str:
        return f"Line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RowRules:
    """What holds for all rows of one import."""

    limits: dict[str, int | None]
    email_max_length: int
    consent_date_required: bool

    def check(self, line: int, values: dict[str, str]) -> Row | Refusal:
        """The row, or why it is refused. Blank values count as absent; of several faults the first is told."""
        email = first_name = last_name = None
        fields: dict[str, str] = {}
        for name, value in values.items():
            if not value or not (text := value.strip()):
                continue
            limit = self.limits.get(name, CUSTOM_FIELD_LIMIT)
            if limit is not None and len(text) > limit:
                return Refusal(line, f"{name} is longer than {limit} characters", correctable=False)
            if name == "email":
                email = text
            elif name == "first_name":
                first_name = text
            elif name == "last_name":
                last_name = text
            else:
                fields[name] = text
        # A contact with a text message number only is possible in the real service; e-mail lists have no use for it.
        if email is None:
            return Refusal(line, "Missing email", correctable=True)
        key = email.lower()
        if not _EMAIL.fullmatch(key):
            return Refusal(line, "Invalid email", correctable=True)
        if len(email) > self.email_max_length:
            return Refusal(line, f"email is longer than {self.email_max_length} characters", correctable=False)
        if fields and (refusal := self._check_formats(line, fields)):
            return refusal
        return Row(line, key, email, first_name, last_name, fields or None)

    def _check_formats(self, line: int, fields: dict[str, str]) -> Refusal | None:
        month, day = fields.get("birthday_month"), fields.get("birthday_day")
        if (month is None) != (day is None):
            return Refusal(line, "Invalid birthday, month and day require each other", correctable=True)
        if month and day and not (_MONTH_NUMBER.fullmatch(month) and _DAY_NUMBER.fullmatch(day)):
            return Refusal(line, "Invalid birthday", correctable=True)
        anniversary = fields.get("anniversary")
        if anniversary and not _ANNIVERSARY.fullmatch(anniversary):
            return Refusal(line, "Invalid anniversary", correctable=True)
        sms_number = fields.get("sms_number")
        if sms_number and not _SMS_NUMBER.fullmatch(sms_number):
            return Refusal(line, "Invalid sms_number", correctable=False)
        if sms_number and self.consent_date_required and "sms_consent_date" not in fields:
            return Refusal(line, "Missing sms_consent_date", correctable=False)
        return None
