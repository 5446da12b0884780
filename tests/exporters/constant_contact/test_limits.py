"""The request limits of a client id hold over all instances together."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from azure.data.tables import TableClient, TableServiceClient

from exporters.constant_contact.limits import (
    API,
    KEPT_FOR_FOLLOWING,
    LATEST_START_SECONDS,
    TOKEN,
    Limit,
    Limiter,
    seconds_to_new_day,
)
from local.azurite import Azurite
from shared.clock import TableClock
from shared.errors import Wait

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


class Time:
    """A clock that only moves when somebody waits."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def limiter(table: TableClient, time: Time, client_id: str = "app") -> Limiter:
    return Limiter(table, client_id, now=time, pause=time.pause)


def test_requests_are_spaced_so_that_no_second_sees_a_fifth(table: TableClient) -> None:
    time, starts = Time(), []
    one, other = limiter(table, time), limiter(table, time)
    for _ in range(10):
        for instance in (one, other):
            instance.take(API)
            starts.append(time.now)
    assert all(later - earlier > 1 for earlier, later in zip(starts, starts[4:], strict=False))


def test_a_client_id_has_slots_of_its_own(table: TableClient) -> None:
    time = Time()
    limiter(table, time, "one").take(API)
    limiter(table, time, "other").take(API)
    assert time.now == NOON


def test_a_slot_that_is_far_away_is_not_waited_for(table: TableClient) -> None:
    time = Time()
    slow = Limit("slow", seconds_apart=10)
    instance = limiter(table, time)
    instance.take(slow)
    with pytest.raises(Wait, match="free slot") as wait:
        instance.take(slow)
    assert 10 <= wait.value.seconds <= 11
    assert time.now == NOON


def test_a_slot_that_was_overslept_is_given_up_for_a_new_one(table: TableClient) -> None:
    time = Time()
    oversleeps = [LATEST_START_SECONDS * 5]

    def pause(seconds: float) -> None:
        time.now += seconds + (oversleeps.pop() if oversleeps else 0)

    instance = Limiter(table, "app", now=time, pause=pause)
    instance.take(API)
    assert not oversleeps
    starts = []
    for _ in range(4):
        instance.take(API)
        starts.append(time.now)
    assert time.now >= NOON + LATEST_START_SECONDS * 5 + 4 * API.seconds_apart - API.seconds_apart


def test_the_days_calls_are_not_exceeded_and_come_back_at_midnight(table: TableClient) -> None:
    time = Time()
    few = Limit("few", seconds_apart=0.3, a_day=3)
    instance = limiter(table, time)
    for _ in range(3):
        instance.take(few)
    with pytest.raises(Wait, match="00:00 UTC") as wait:
        instance.take(few)
    assert 12 * 3600 + 30 - 2 < wait.value.seconds <= 12 * 3600 + 41
    time.now += wait.value.seconds
    instance.take(few)


@pytest.mark.parametrize("seconds", [0.02, 0.17, 0.5])
def test_a_storage_that_takes_its_time_is_reckoned_with(table: TableClient, seconds: float) -> None:
    time = Time()
    instance = limiter(SlowTable(table, time, seconds), time)  # type: ignore[arg-type]
    for _ in range(20):
        instance.take(API)
    assert instance.left_today(API) >= (API.a_day or 0) - 23


def test_a_storage_that_is_too_slow_is_waited_for_and_costs_few_calls(table: TableClient) -> None:
    time = Time()
    slower = itertools.count(1)
    instance = limiter(SlowTable(table, time, lambda: next(slower)), time)  # type: ignore[arg-type]
    with pytest.raises(Wait, match=r"too slow|free slot"):
        instance.take(API)
    assert limiter(table, time).left_today(API) >= (API.a_day or 0) - 3


class SlowTable:
    """A table each of whose calls takes so many seconds of the test's clock."""

    def __init__(self, table: TableClient, time: Time, seconds: float | Callable[[], float]) -> None:
        self._table = table
        self._time = time
        self._seconds = seconds

    def __getattr__(self, name: str) -> Callable[..., object]:
        self._time.now += self._seconds if isinstance(self._seconds, int | float) else self._seconds()
        found: Callable[..., object] = getattr(self._table, name)
        return found


def test_a_pause_that_the_service_asks_of_one_is_kept_by_all(table: TableClient) -> None:
    time = Time()
    one, other = limiter(table, time), limiter(table, time)
    one.take(API)
    one.hold_back(API, 90)
    for instance in (one, other):
        with pytest.raises(Wait, match="free slot") as wait:
            instance.take(API)
        assert 90 <= wait.value.seconds <= 91
    time.now += 90
    other.take(API)
    assert one.left_today(API) == (API.a_day or 0) - 2, "a pause is no call"


def test_a_shorter_pause_does_not_end_a_longer_one(table: TableClient) -> None:
    time = Time()
    instance = limiter(table, time)
    instance.hold_back(API, 90)
    instance.hold_back(API, 1)
    with pytest.raises(Wait) as wait:
        instance.take(API)
    assert wait.value.seconds >= 90


def test_a_pause_of_one_limit_is_none_of_another(table: TableClient) -> None:
    time = Time()
    instance = limiter(table, time)
    instance.hold_back(API, 90)
    instance.take(TOKEN)
    assert time.now == NOON


def test_the_last_calls_of_a_day_are_kept_for_following(table: TableClient) -> None:
    few = Limit("few", seconds_apart=0.3, a_day=5)
    instance = limiter(table, Time())
    for _ in range(3):
        instance.take(few, keep=2)
    with pytest.raises(Wait, match="00:00 UTC"):
        instance.take(few, keep=2)
    assert instance.left_today(few) == 2
    instance.take(few)
    instance.take(few)
    assert instance.left_today(few) == 0


def test_more_is_kept_than_the_first_seconds_of_a_day_can_spend() -> None:
    """Constant Contact counts 10,000 from 00:00 UTC; ours begin 30 seconds later."""
    assert (API.a_day or 0) + 30 / API.seconds_apart <= 10_000
    assert 0 < KEPT_FOR_FOLLOWING < (API.a_day or 0)


def test_a_day_begins_when_it_has_begun_by_every_clock() -> None:
    assert seconds_to_new_day(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) == 32
    assert seconds_to_new_day(datetime(2027, 1, 1, 0, 0, 29, tzinfo=UTC).timestamp()) == 2
    assert seconds_to_new_day(datetime(2027, 1, 1, 0, 0, 30, tzinfo=UTC).timestamp()) == 24 * 3600 + 1


def test_a_day_that_began_by_one_clock_is_not_ended_by_a_slower_one(table: TableClient) -> None:
    few = Limit("few", seconds_apart=0.3, a_day=3)
    quick = limiter(table, Time(NOON + 12 * 3600 + 30.5))
    slow = Limiter(table, "app", now=Time(NOON + 12 * 3600 + 29.5), pause=lambda _: None)
    quick.take(few)
    slow.take(few)
    quick.take(few)
    for instance in (slow, quick):
        with pytest.raises(Wait, match="00:00 UTC"):
            instance.take(few)


def test_an_instance_whose_clock_is_wrong_neither_hurries_nor_holds_the_others_up(table: TableClient) -> None:
    time, starts = Time(), []

    def wrong_by(seconds: float) -> Limiter:
        return Limiter(table, "app", now=lambda: time() + seconds, clock=time, pause=time.pause)

    slow, right, fast = wrong_by(-10), wrong_by(0), wrong_by(10)
    for _ in range(5):
        for instance in (fast, right, slow):
            instance.take(API)
            starts.append(time.now)
    assert all(later - earlier > 1 for earlier, later in zip(starts, starts[4:], strict=False))
    assert time.now < NOON + 15 * API.seconds_apart + 0.1


def test_instances_that_ask_at_once_stay_within_the_limit(
    azurite: Azurite, table: TableClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real clock and the real table, four instances in four threads."""
    slots: list[float] = []
    reserve = Limiter._reserve

    def noted(self: Limiter, limit: Limit, keep: int) -> float | None:
        slot = reserve(self, limit, keep)
        if slot is not None:
            slots.append(slot)
        return slot

    monkeypatch.setattr(Limiter, "_reserve", noted)

    def work() -> None:
        with TableServiceClient.from_connection_string(azurite.connection_string) as service:
            client = service.get_table_client(table.table_name)
            instance = Limiter(client, "app", clock=TableClock(client).time)
            taken = 0
            while taken < 3:
                try:
                    instance.take(API)
                except Wait as wait:
                    time.sleep(min(wait.seconds, 0.5))
                    continue
                taken += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slots.sort()
    assert len(slots) >= 12
    # A call begins this much later at the most: who comes later than that takes another slot.
    apart = 1 + LATEST_START_SECONDS
    assert all(later - earlier > apart for earlier, later in zip(slots, slots[4:], strict=False))
