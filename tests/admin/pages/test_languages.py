"""The languages: which one a request gets, and that every text is there in each of them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from admin.pages.languages import CODES, LANGUAGE_COOKIE, TRANSLATIONS, language, language_of
from tests.admin.pages.messages import messages

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TRANSLATED = CODES[1:]


def catalogs(code: str) -> dict[str, Catalog]:
    """What each area of the site has in this language."""
    found = {}
    for path in sorted((TRANSLATIONS / code).glob("*.po")):
        with path.open("rb") as file:
            found[path.stem] = read_po(file, locale=code)
    return found


def entries(code: str) -> list[Message]:
    """Every text of the language, whatever its area."""
    return [message for one in catalogs(code).values() for message in one if message.id]


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|%%", text))


def forms(message: Message) -> list[str]:
    """What it is translated to: one text, or one for each kind of number."""
    return [message.string or ""] if isinstance(message.string, str | None) else list(message.string)


def pairs(code: str) -> list[tuple[Message, str, str]]:
    """Each message with each of its forms and the English that it stands for: the plural for all but the first."""
    found = []
    for message in entries(code):
        english = [message.id] if isinstance(message.id, str) else list(message.id)
        found += [(message, english[min(at, len(english) - 1)], form) for at, form in enumerate(forms(message))]
    return found


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("it", "it"),
        ("it-CH,it;q=0.9,en;q=0.8", "it"),
        ("RO", "ro"),
        ("de-DE,de;q=0.9,ro;q=0.4,it;q=0.5", "it"),
        ("it;q=0,de", "en"),
        ("en-GB,it;q=0.9", "en"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        ("it;q=a lot, ro;q=0.1", "ro"),
        ("x," * 100_000 + "it", "en"),
    ],
)
def test_the_best_language_that_the_browser_asks_for_is_taken(header: str, code: str) -> None:
    assert language_of({"accept-language": header}, {}).code == code


def test_the_language_that_was_chosen_comes_before_that_of_the_browser() -> None:
    assert language_of({"accept-language": "it"}, {LANGUAGE_COOKIE: "ro"}).code == "ro"


def test_a_cookie_with_a_language_that_is_not_there_counts_for_nothing() -> None:
    assert language_of({"accept-language": "it"}, {LANGUAGE_COOKIE: "../it"}).code == "it"


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_is_translated_and_no_translation_is_left_over(code: str) -> None:
    wanted = {message.id for message in messages() if message.id}
    there = {message.id for message in entries(code)}
    assert {"missing": wanted - there, "left over": there - wanted} == {"missing": set(), "left over": set()}
    assert not any(one.obsolete for one in catalogs(code).values())


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_text_is_translated_in_one_area_alone(code: str) -> None:
    """Else two files could say different things for it, and which of them counts would be chance."""
    counted = Counter(message.id for message in entries(code))
    assert [text for text, times in counted.items() if times > 1] == []


def test_every_language_has_the_same_areas() -> None:
    areas = {code: set(catalogs(code)) for code in TRANSLATED}
    assert len({frozenset(one) for one in areas.values()}) == 1, areas


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_translation_is_empty_or_a_guess(code: str) -> None:
    assert [message.id for message, _, form in pairs(code) if not form.strip() or message.fuzzy] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_translation_fills_in_the_same_values(code: str) -> None:
    assert [form for _, english, form in pairs(code) if placeholders(form) != placeholders(english)] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_ends_as_the_text_does(code: str) -> None:
    """A sentence stays a sentence, a question a question, and what is followed by a list keeps its colon."""
    ends = {english: form for _, english, form in pairs(code) if english[-1] in ".?:" or form[-1] in ".?:"}
    assert {form for english, form in ends.items() if form[-1] != english[-1]} == set()


@pytest.mark.parametrize(("code", "opens", "closes"), [("it", "“", "”"), ("ro", "„", "”")])
def test_quotes_are_those_of_the_language(code: str, opens: str, closes: str) -> None:
    wrong = [form for _, _, form in pairs(code) if not set(form) & set('“”„«»"') <= {opens, closes}]
    assert wrong == []
    assert [form for _, _, form in pairs(code) if form.count(opens) != form.count(closes)] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_there_is_a_form_for_every_number(code: str) -> None:
    plurals = [message for message in entries(code) if isinstance(message.id, tuple)]
    assert plurals
    wanted = {one.num_plurals for one in catalogs(code).values()}
    assert {len(forms(message)) for message in plurals} == wanted


def test_romanian_counts_as_romanians_do() -> None:
    said = [
        language("ro").translations.ngettext("Remove %(num)s export", "Remove %(num)s exports", n) for n in (1, 2, 20)
    ]
    assert said == ["Eliminați %(num)s export", "Eliminați %(num)s exporturi", "Eliminați %(num)s de exporturi"]


def test_each_language_is_offered_under_its_own_name() -> None:
    assert [language(code).name for code in CODES] == ["English", "Italiano", "Română"]


@pytest.mark.parametrize(
    ("code", "ago", "exactly", "month", "number"),
    [
        ("en", "3 days ago", "Nov 19, 2026, 9:30:00\u202fAM UTC", "November 2026", "1,234"),
        ("it", "3 giorni fa", "19 nov 2026, 09:30:00 UTC", "novembre 2026", "1.234"),
        ("ro", "acum 3 zile", "19 nov. 2026, 09:30:00 UTC", "noiembrie 2026", "1.234"),
    ],
)
def test_times_and_numbers_are_written_as_in_the_language(
    code: str, ago: str, exactly: str, month: str, number: str
) -> None:
    spoken, moment = language(code), NOW - timedelta(days=3)
    assert spoken.ago(moment, NOW) == ago
    assert spoken.exactly(moment) == exactly
    assert spoken.month(date(2026, 11, 1)) == month
    assert spoken.number(1234) == number


def test_what_is_to_come_is_told_too() -> None:
    assert language("en").ago(NOW + timedelta(hours=2), NOW) == "in 2 hours"


@pytest.mark.parametrize("seconds", [0, 30, -30])
def test_what_has_just_been_is_not_counted_in_seconds(seconds: int) -> None:
    """Clocks differ: what another machine wrote may seem to be in the future."""
    assert language("en").ago(NOW - timedelta(seconds=seconds), NOW) == "just now"
