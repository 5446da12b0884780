"""What is kept for a moment: how old it may be, and who finds it again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from exporters.short_memory import ShortMemory

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOST, LATE = timedelta(seconds=30), timedelta(minutes=5)


class Finder:
    """Finds 1, then 2, then 3 …"""

    def __init__(self) -> None:
        self.found = 0

    def __call__(self) -> int:
        self.found += 1
        return self.found


def asked(memory: ShortMemory, find: Callable[[], int], seconds: float, *, fresh: bool = False) -> tuple[int, float]:
    found, at = memory.recall("k", find, now=NOON + timedelta(seconds=seconds), most=MOST, late=LATE, fresh=fresh)
    return found, (at - NOON).total_seconds()


def test_it_is_found_once_and_kept() -> None:
    memory, find = ShortMemory(), Finder()
    assert [asked(memory, find, seconds) for seconds in (0, 10, 29)] == [(1, 0)] * 3


def test_what_is_fresh_takes_the_place_of_what_was_kept() -> None:
    memory, find = ShortMemory(), Finder()
    assert [asked(memory, find, 0), asked(memory, find, 1, fresh=True), asked(memory, find, 2)] == [
        (1, 0),
        (2, 1),
        (2, 1),
    ]


def test_what_is_late_is_answered_and_found_again_beside() -> None:
    beside: list[Callable[[], object]] = []
    memory, find = ShortMemory(beside.append), Finder()
    assert asked(memory, find, 0) == (1, 0)
    assert asked(memory, find, 60) == (1, 0)
    assert asked(memory, find, 61) == (1, 0)
    (work,) = beside
    work()
    assert asked(memory, find, 62) == (2, 60)


def test_what_is_too_late_is_found_at_once() -> None:
    memory, find = ShortMemory(), Finder()
    asked(memory, find, 0)
    assert asked(memory, find, 301) == (2, 301)


def test_without_a_late_hour_it_is_found_as_soon_as_it_is_old() -> None:
    memory, find = ShortMemory(), Finder()
    for seconds, number in ((0, 1), (29, 1), (30, 2)):
        now = NOON + timedelta(seconds=seconds)
        assert memory.recall("k", find, now=now, most=MOST)[0] == number


def test_what_cannot_be_found_beside_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> int:
        raise ValueError("ana@example.com")

    def at_once(work: Callable[[], object]) -> None:
        work()

    memory = ShortMemory(at_once)
    asked(memory, Finder(), 0)
    with caplog.at_level(logging.WARNING):
        assert asked(memory, fails, 60) == (1, 0)
    assert "ValueError" in caplog.text
    assert "ana@" not in caplog.text
    with pytest.raises(ValueError, match="ana"):
        asked(memory, fails, 400)
    assert asked(memory, Finder(), 401) == (1, 401)


def test_what_was_forgotten_is_found_again() -> None:
    memory, find = ShortMemory(), Finder()
    asked(memory, find, 0)
    memory.forget("k")
    memory.forget("never known")
    assert asked(memory, find, 1) == (2, 1)


def test_what_is_forgotten_while_it_is_being_found_is_not_kept() -> None:
    memory, find = ShortMemory(), Finder()

    def find_what_is_out_of_date_by_then() -> int:
        memory.forget("k")
        return find()

    assert asked(memory, find_what_is_out_of_date_by_then, 0) == (1, 0)
    assert asked(memory, find, 1) == (2, 1)
    assert asked(memory, find, 2) == (2, 1), "what was found since then is kept again"


def test_what_is_forgotten_while_it_is_being_found_beside_is_not_kept() -> None:
    beside: list[Callable[[], object]] = []
    memory, find = ShortMemory(beside.append), Finder()
    asked(memory, find, 0)
    asked(memory, find, 60)
    memory.forget("k")
    beside[0]()
    assert asked(memory, find, 61) == (3, 61)


def test_what_nobody_asks_for_any_more_does_not_stay() -> None:
    memory = ShortMemory()
    for minute in range(20):
        memory.recall(minute, lambda: "rows", now=NOON + timedelta(minutes=minute), most=MOST)
    assert list(memory._kept) == list(range(9, 20))


def test_a_clock_that_goes_back_makes_nothing_young() -> None:
    memory, find = ShortMemory(), Finder()
    asked(memory, find, 100)
    assert asked(memory, find, 0) == (2, 0)


def test_work_beside_is_done_by_another_thread() -> None:
    memory, find = ShortMemory(), Finder()
    asked(memory, find, 0)
    asked(memory, find, 60)
    until = datetime.now(UTC) + timedelta(seconds=10)
    while asked(memory, find, 60)[0] != 2:
        assert datetime.now(UTC) < until
