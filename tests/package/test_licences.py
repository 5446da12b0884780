"""The licences of what runs: each is known and may be used, and the document tells of every package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from release import licences
from release.lock import read_lock


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    """Of the environment that runs this, which has the same versions of them."""
    return licences.licences_of(Path(sys.executable), {one.name for one in read_lock()})


def test_every_package_has_a_licence_that_may_be_used(known: dict[str, str]) -> None:
    assert known.keys() == {one.name for one in read_lock()}
    assert licences.not_allowed(known) == []


def test_the_document_lists_the_lock(known: dict[str, str]) -> None:
    written = licences.document_with(licences.table(known))

    assert licences.DOCUMENT.read_text(encoding="utf-8") == written, "run `python3 dev.py lock`"


def test_a_package_with_a_licence_of_another_kind_is_named() -> None:
    assert licences.not_allowed({"one": "MIT", "two": "GPL-3.0-only"}) == ["two (GPL-3.0-only)"]


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-2.0-only", True),
        ("MIT AND GPL-2.0-only", False),
        ("MIT AND (BSD-3-Clause OR ISC)", True),
        ("MIT AND (BSD-3-Clause OR GPL-2.0-only)", False),
        ("MIT WITH Classpath-exception-2.0", False),
    ],
)
def test_of_alternatives_one_has_to_be_allowed_and_else_every_part(expression: str, allowed: bool) -> None:
    assert licences.is_allowed(expression) is allowed


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ({"License-Expression": "Apache-2.0 or MIT", "License": ""}, "Apache-2.0 OR MIT"),
        ({"License-Expression": "", "License": "MIT License"}, "MIT"),
        ({"License-Expression": "", "License": "BSD-3-Clause"}, "BSD-3-Clause"),
    ],
)
def test_a_licence_is_read_from_whichever_field_names_it(said: dict[str, str], licence: str) -> None:
    assert licences.licence_of("package", said) == licence


def test_a_package_that_does_not_say_its_licence_is_named() -> None:
    with pytest.raises(licences.UnknownLicence, match="secretive"):
        licences.licence_of("secretive", {"License-Expression": "", "License": "see the web page"})
