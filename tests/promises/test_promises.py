"""Each promise is kept; and without any one of the parts that protect it, it is broken."""

from __future__ import annotations

import pytest

from tests.promises import (
    bounds,
    canceling,
    choosing,
    contents,
    counting,
    keeping,
    once,
    outages,
    privacy,
    reach,
    repeating,
    sameness,
    tokens,
)
from tests.promises.promise import Guard, Promise, Worlds
from tests.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MODULES = (
    *(repeating, once, outages, counting, sameness, choosing, contents),
    *(bounds, tokens, privacy, reach, keeping, canceling),
)
GUARDS: list[Guard] = [guard for module in MODULES for guard in module.GUARDS]
PROMISES: list[Promise] = [
    *dict.fromkeys(guard.promise for guard in GUARDS),
    repeating.a_worker_may_die_at_any_other_request,
]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_it_is_kept_that(promise: Promise, worlds: Worlds) -> None:
    promise(worlds)


@pytest.mark.parametrize("guard", GUARDS, ids=str)
def test_it_is_broken_that(guard: Guard, worlds: Worlds, monkeypatch: pytest.MonkeyPatch, scanner: Scanner) -> None:
    guard.removed(monkeypatch)
    with pytest.raises(AssertionError, match=guard.shows):
        guard.promise(worlds)
    # A guard of privacy was taken away: what is logged without it is what the promise itself has to find.
    scanner.found = []
