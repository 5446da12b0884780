"""docs/errors.md: a section for everything that can go wrong, with the words that people see."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from admin.pages import export_words, words
from admin.pages.error_words import ERRORS
from admin.pages.help_words import CONNECTING, CONNECTION_STATES
from admin.pages.run_words import PROBLEMS
from admin.problems import ABOUT
from exporters.problem_codes import ProblemCode
from tests.docs.reading import document

HEADLINES: dict[str, str] = {
    **{str(code): headline for code, (headline, _) in PROBLEMS.items()},
    **{str(code): headline for code, (headline, _, _) in CONNECTION_STATES.items()},
    **{code: headline for code, (headline, _) in ERRORS.items()},
    "connecting": CONNECTING[0],
}


def sections() -> dict[str, str]:
    """The text of each section by its anchor."""
    parts = re.split(r'^<a id="(\w+)"></a>\n', document("docs/errors.md").text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_there_is_a_section_for_everything_that_can_go_wrong_and_for_nothing_else() -> None:
    assert set(get_args(ProblemCode)) <= set(HEADLINES)
    assert set(sections()) == set(HEADLINES)


@pytest.mark.parametrize("code", HEADLINES)
def test_a_section_begins_with_the_words_that_people_see(code: str) -> None:
    statuses = ", ".join(str(status.value) for status, about in ABOUT.items() if about == code)
    heading = sections()[code].splitlines()[0]
    assert heading == f"### `{code}`{f' ({statuses})' if statuses else heading_status(heading)}: {HEADLINES[code]}"


def heading_status(heading: str) -> str:
    """The status of what only pages answer, as the heading has it."""
    found = re.search(r" \(\d{3}\)(?=:)", heading)
    return found[0] if found else ""


@pytest.mark.parametrize("code", get_args(ProblemCode))
def test_a_section_of_a_run_says_what_became_of_the_profiles_what_to_do_and_who(code: ProblemCode) -> None:
    said = " ".join(sections()[code].split())
    assert all(part in said for part in ("*Profiles:*", "*What to do:*", "*Who:*"))


def test_every_reason_of_a_sign_in_that_did_not_go_through_has_a_row() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", sections()["connecting"], re.MULTILINE)) == set(words.PROBLEMS)


def test_every_reason_for_which_a_row_is_rejected_has_a_row() -> None:
    last = document("docs/errors.md").text.partition("## Rejected rows")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", last, re.MULTILINE)) == {*export_words.REASONS, "constant_contact"}
