"""How the table service's time is measured: by the quickest of a few calls, and again every five minutes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from shared.clock import TableClock
from shared.errors import Conflict, Wait
from shared.tables import Stored

THERE = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Table:
    """A table whose calls take as long as they are told (the last of them for ever on), and whose service has a time
    of its own.
    """

    def __init__(self, *takes: float) -> None:
        self.now = 1_000.0
        self.takes: Iterator[float] = itertools.chain(takes, itertools.repeat(takes[-1]))
        self.calls = 0
        self.numbers: list[int] = []
        self.conflicts = 0
        self.overwritten = 0
        self._etag = 0

    def elapsed(self) -> float:
        return self.now

    def get_or_insert(self, _: object, value: Any) -> Stored[Any]:
        return Stored(value.model_copy(update={"number": len(self.numbers)}), str(self._etag), THERE)

    def replace(self, _: object, value: Any, etag: str) -> Stored[Any]:
        took = next(self.takes)
        self.calls += 1
        self.written_at = THERE + timedelta(seconds=self.now - 1_000 + took / 2)
        self.now += took
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("somebody else was quicker")
        self.numbers.append(value.number)
        self._etag += 1
        return Stored(value, str(self._etag), self.written_at)

    def get(self, _: object) -> Stored[Any]:
        if self.overwritten:
            self.overwritten -= 1
            return Stored(None, "another", self.written_at + timedelta(hours=1))
        return Stored(None, str(self._etag), self.written_at)


def clock_of(table: Table) -> TableClock:
    nobody: Any = None
    clock = TableClock(nobody, elapsed=table.elapsed)
    clock._table = cast("Any", table)
    return clock


def there(table: Table) -> float:
    """What the service's clock shows at this moment."""
    return THERE.timestamp() + table.now - 1_000


@pytest.mark.parametrize(
    ("takes", "calls"),
    [((0.01,), 1), ((0.05,), 1), ((0.2, 0.04), 2), ((0.2, 0.3, 0.1, 0.06, 0.07), 5)],
)
def test_the_first_quick_call_will_do_and_otherwise_the_quickest_of_five(takes: tuple[float, ...], calls: int) -> None:
    table = Table(*takes, 0.0)
    assert clock_of(table).time() == pytest.approx(there(table), abs=1e-6)
    assert len(table.numbers) == calls


def test_a_slower_call_does_not_spoil_a_quicker_one() -> None:
    """The service wrote late within the slow call, and in the middle of the quick one."""
    table = Table(0.06, 0.5, 0.5, 0.5, 0.5)
    clock = clock_of(table)
    replace = table.replace

    def late(*given: Any) -> Stored[Any]:
        written = replace(*given)
        if len(table.numbers) > 1:
            table.written_at += timedelta(seconds=0.2)
        return written

    table.replace = late  # type: ignore[method-assign, assignment]
    assert clock.time() == pytest.approx(there(table), abs=1e-6)


def test_each_call_writes_another_number() -> None:
    table = Table(0.2, 0.2, 0.2, 0.2, 0.2)
    clock_of(table).time()
    assert table.numbers == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("seconds", "measured"), [(299, 1), (300, 1), (301, 2)])
def test_it_is_measured_again_after_five_minutes(seconds: float, measured: int) -> None:
    table = Table(0.01, 0.01)
    clock = clock_of(table)
    clock.time()
    table.now = 1_000.0 + seconds
    assert clock.time() == pytest.approx(there(table), abs=1e-6)
    assert len(table.numbers) == measured


def test_a_call_that_another_instance_got_ahead_of_is_made_again() -> None:
    table = Table(0.01, 0.01, 0.01)
    table.conflicts = 2
    assert clock_of(table).time() == pytest.approx(there(table), abs=1e-6)
    assert table.numbers == [1]


def test_a_clock_that_would_be_more_than_half_a_second_out_is_not_used() -> None:
    table = Table(1.5, 1.2, 1.01, 1.3, 1.4)
    with pytest.raises(Wait, match="too slow"):
        clock_of(table).time()
    assert table.calls == 5


def test_a_clock_that_may_be_half_a_second_out_is_used() -> None:
    table = Table(1.5, 1.2, 1.0, 1.3, 1.4)
    assert clock_of(table).time() == pytest.approx(there(table), abs=1e-6)


def test_a_clock_that_could_not_be_measured_is_measured_when_it_is_asked_again() -> None:
    table = Table(*[1.5] * 5, 0.01)
    clock = clock_of(table)
    with pytest.raises(Wait):
        clock.time()
    assert clock.time() == pytest.approx(there(table), abs=1e-6)


def test_a_clock_that_drifts_is_not_read_on_when_it_cannot_be_measured_again() -> None:
    table = Table(0.01, 1.5)
    clock = clock_of(table)
    clock.time()
    table.now += 400
    with pytest.raises(Wait):
        clock.time()


@pytest.mark.parametrize("in_the_way", ["conflicts", "overwritten"])
def test_instances_that_are_always_quicker_are_given_way_to_after_twenty_tries(in_the_way: str) -> None:
    table = Table(0.01)
    setattr(table, in_the_way, 1_000)
    with pytest.raises(Wait, match="too slow"):
        clock_of(table).time()
    assert table.calls == 20


def test_a_time_stamp_of_another_instances_call_is_not_taken() -> None:
    table = Table(0.01, 0.01)
    table.overwritten = 1
    assert clock_of(table).time() == pytest.approx(there(table), abs=1e-6)
    assert len(table.numbers) == 2
