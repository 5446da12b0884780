"""What Constant Contact says of rows is told in words that are ours: no value of a profile is in them."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from exporters.constant_contact.answers import Activity
from exporters.constant_contact.errors import Refused, answer_error, error_text
from exporters.constant_contact.their_words import NOT_TOLD, SENTENCES, line_of, told, without_line, without_values

FORMS = (
    "Line 3: phone '{}' of {} is not valid",
    "Line 3: Invalid email {}",
    "Line 3: {} is longer than 50 characters",
    "Line 3: {}",
    "{}",
    "{} on line 3: Invalid email",
    "Line 3: Email {} already exists for contact {}",
    "The file is not valid CSV: '{}' near {}.",
    "Unknown column: cf:{}.",
    'first_name “{}” / last_name "{}" could not be saved; see `{}`',
    "create_source is missing, {}",
    "Missing {}",
    "Contact {} could not be saved",
)
# A profile may be called what our own sentences say, or a line; that tells nothing of it.
ALL_SENTENCES = " | ".join(SENTENCES)
CELLS = (
    st.text(min_size=3, max_size=30)
    | st.from_regex(r"[+]?[0-9][0-9 ()-]{2,18}", fullmatch=True)
    | st.lists(
        st.sampled_from(("Anna", "Müller", "phone", "email", "invalid", "missing", "Line 7:", "'", "”")), min_size=2
    ).map(" ".join)
)


def of_an_import(text: str) -> str:
    """What is told of an import that was refused with these words."""
    body = json.dumps([{"error_key": "contacts.api.validation.error", "error_message": text}]).encode()
    error = answer_error(400, body, retry_after=None, queues_work=True)
    assert isinstance(error, Refused)
    return error.text


def of_an_activity(text: str) -> str:
    """What is told of a line of an activity's errors."""
    return Activity.model_validate({"activity_id": "a1", "activity_errors": [text]}).activity_errors[0]


@given(form=st.sampled_from(FORMS), cell=CELLS)
@example(form=FORMS[0], cell="+39 055 1234567")
@example(form=FORMS[0], cell="Bartholomäus Müller")
@example(form=FORMS[0], cell="O'Brien")
@example(form=FORMS[3], cell="Company Address Missing Ltd")
@example(form=FORMS[4], cell="Unknown column Müller")
def test_no_value_of_a_row_is_in_what_is_told(form: str, cell: str) -> None:
    assume(cell not in ALL_SENTENCES and not re.match(r"\s*(line|row)\s", cell, re.IGNORECASE))
    for said in (of_an_activity(form.replace("{}", cell)), of_an_import(form.replace("{}", cell))):
        assert cell not in said
        assert without_line(said) in SENTENCES


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Line 355: Invalid email", "Line 355: Invalid email"),
        ("Line 3: first_name is longer than 50 characters", "Line 3: first_name is longer than 50 characters"),
        ("Line 3: email address is not valid", "Line 3: email address is not valid"),
        ("Line 4: Contact could not be saved", "Line 4: Contact could not be saved"),
        ("LINE 2 - Missing email", "Line 2: Missing email"),
        ("Line 3: phone '+39 055 1234567' of Bartholomäus Müller is not valid", "Line 3: phone is not valid"),
        ("Line 3: ana@example.com is not a valid e-mail address", "Line 3: email is not valid"),
        ("Line 3: The e-mail address ana@example.com exceeds the length", "Line 3: email is too long"),
        ("Line 3: cf:level is longer than 255 characters", "Line 3: a custom field is too long"),
        ("Email 'ana@example.com' already exists for contact 7", "email exists already"),
        ("The import could not be processed.", "The import could not be processed"),
        ("The file is not valid CSV: unexpected “Müller”.", "The file is not valid CSV"),
        ("Unknown column: cf:loyalty.", "a column of the file is not known there"),
        ("list_id 5c1d was not found.", "list_ids is not known"),
        ("Bartholomäus Müller", NOT_TOLD),
        ("", NOT_TOLD),
    ],
)
def test_what_is_recognised_still_says_why(words: str, said: str) -> None:
    assert told(words) == said


def test_a_documented_key_is_told_where_the_words_are_not() -> None:
    assert told("Müller", "contacts.api.conflict") == f"{NOT_TOLD} (contacts.api.conflict)"
    assert told("Müller", "mueller") == NOT_TOLD
    assert told("Invalid email", "contacts.api.conflict") == "Invalid email"


@pytest.mark.parametrize(
    ("words", "line"),
    [("Line 3: Müller", 3), ("Müller, line 3", None), ("Line 123456: Müller", None), ("Streamline 3", None)],
)
def test_a_line_is_named_at_the_beginning_alone(words: str, line: int | None) -> None:
    assert line_of(told(words)) == line


@pytest.mark.parametrize("text", ["a" * 5_000_000, "'" * 1_000_000, "line 3: " + "cf:" * 1_000_000, " " * 5_000_000])
def test_any_text_is_told_in_no_time(text: str) -> None:
    began = time.process_time()
    assert without_line(told(text)) in SENTENCES
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the name 'O'Brien' is taken", "the name […] is taken"),
        ('the name "Müller is taken', "the name […]"),
        ("the account doesn't take it, and can't", "the account doesn't take it, and can't"),
        ("call +39 055 1234567 or 0551234", "call [number] or [number]"),
        ("at most 1000 lists", "at most 1000 lists"),
        ("“a” „b“ «c» `d` ‘e’", " ".join(["[…]"] * 5)),
    ],
)
def test_of_other_words_what_is_quoted_and_long_numbers_are_left_out(text: str, left: str) -> None:
    assert without_values(text) == left
    assert error_text(json.dumps({"message": text}).encode()) == left
