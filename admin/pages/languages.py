"""The languages of the pages: which one a request gets, its texts, and its way to write dates and numbers.

A text is written in English where it is used; the other languages have it in `translations/<code>/<area>.po`, one file
for each area of the site, which is read as it is, without a step that compiles it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

TRANSLATIONS = Path(__file__).parent / "translations"
LANGUAGE_COOKIE = "language"
CODES = ("en", "it", "ro")
"""English first: the texts are written in it, and it is what somebody gets whose languages are not here."""

_LONGEST_HEADER = 1000
# In Babel's order.
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Language:
    """One language: `name` is what its speakers call it."""

    code: str
    name: str
    locale: Locale
    translations: NullTranslations

    def text(self, message: str) -> str:
        """The message in this language."""
        return str(self.translations.gettext(message))

    def counted(self, singular: str, plural: str, count: int) -> str:
        """The message in the form for this number."""
        return str(self.translations.ngettext(singular, plural, count))

    def number(self, value: int) -> str:
        """A whole number with this language's separators."""
        return format_decimal(value, locale=self.locale)

    def exactly(self, moment: datetime) -> str:
        """Date and time to the second, in UTC: the server does not know where the reader is."""
        return f"{format_datetime(moment, 'medium', tzinfo=UTC, locale=self.locale)} UTC"

    def ago(self, moment: datetime, now: datetime) -> str:
        """How long before or after `now` it is, roughly: “3 days ago”, “in 2 hours”."""
        passed = now - moment
        if abs(passed) < timedelta(minutes=1):
            return self.text("just now")
        return format_timedelta(-passed, add_direction=True, locale=self.locale)

    def weekday(self, name: str) -> str | None:
        """A day of the week by its English name in small letters: “luni” for "monday"; None when it is none."""
        return self.locale.days["format"]["wide"][_WEEKDAYS.index(name)] if name in _WEEKDAYS else None

    def month(self, first: date) -> str:
        """A month of a year: “November 2026”."""
        return format_date(first, "LLLL y", locale=self.locale)


@cache
def language(code: str) -> Language:
    """One of the languages in `CODES`. Its translations are read from the .po files themselves, once."""
    locale = Locale.parse(code)
    name = locale.get_display_name(code) or code
    return Language(code, name[:1].upper() + name[1:], locale, _translations(code))


def languages() -> tuple[Language, ...]:
    """All of them, in the order in which they are offered."""
    return tuple(language(code) for code in CODES)


def language_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> Language:
    """The language that was chosen on a page before; else the best of those that the browser asks for."""
    chosen = cookies.get(LANGUAGE_COOKIE, "")
    if chosen in CODES:
        return language(chosen)
    for asked in _asked(headers.get("accept-language", "")):
        code = asked.partition("-")[0]
        if code in CODES:
            return language(code)
    return language(CODES[0])


def _asked(header: str) -> list[str]:
    """The languages of an Accept-Language header, the most wanted first; what is malformed is left out."""
    wanted: list[tuple[float, str]] = []
    for part in header[:_LONGEST_HEADER].split(","):
        tag, _, weight = part.strip().lower().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if quality > 0:
            wanted.append((-quality, tag.strip()))
    return [tag for _, tag in sorted(wanted, key=lambda one: one[0])]


def _translations(code: str) -> NullTranslations:
    if code == CODES[0]:
        return NullTranslations()
    first, *others = (_compiled(path, code) for path in sorted((TRANSLATIONS / code).glob("*.po")))
    for other in others:
        first.merge(other)
    return first


def _compiled(path: Path, code: str) -> Translations:
    """The texts of one file."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)
