"""The limits of a batch, of a second and of a day hold, however many instances there are."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.batches import Place, cut_batches
from exporters.constant_contact import client, limits
from exporters.constant_contact.limits import API, KEPT_FOR_FOLLOWING, Limit, Limiter, Usage
from exporters.contacts import Contact
from shared.errors import Wait
from shared.tables import DocumentTable, Key, Stored
from tests.exporters.world import World
from tests.promises.promise import SEEDS, Guard, Worlds, examples, replaced
from tests.promises.repeating import whatever_was_changed

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
DAY = 24 * 3600


def no_batch_is_larger_than_constant_contact_takes(worlds: Worlds) -> None:
    """39,999 contacts and less than 4,000,000 bytes, whatever the contacts are; all of them are there, in order."""
    for contacts, width in ((40_001, 3), (80_000, 40), (4_500, 900), (39_999, 73), (40_000, 74)):
        check_batches([f"{number:06}{'ä' * (width // 2)}" for number in range(contacts)])

    @examples(5)
    @given(st.integers(0, 2**32), st.integers(1, 1_500))
    def of_such_contacts(seed: int, longest: int) -> None:
        sizes = random.Random(seed)
        check_batches([f'{number:06}"é' * sizes.randint(0, longest // 9) for number in range(15_000)])

    of_such_contacts()


def the_rate_holds_over_all_instances(worlds: Worlds) -> None:
    """At most four requests in any second, though other instances reserve while one does, and machines are slow."""
    with worlds() as world:
        for seed in range(SEEDS):
            starts = Instances(DocumentTable(world.limits, Usage), seed).starts(API, 40)
            for earlier, later in zip(starts, starts[4:], strict=False):
                assert later - earlier > 1, f"five requests in {later - earlier:.2f} seconds: {starts}"


def the_days_quota_holds_over_all_instances(worlds: Worlds) -> None:
    """On no day are more requests made than the day has, though the clocks of the instances differ by up to 30 s.

    Those of the first 30 seconds count for the day before, so a minute after midnight is looked at by itself.
    """
    few = Limit("few", seconds_apart=0.3, a_day=7)
    with worlds() as world:
        for seed in range(SEEDS):
            clocks = (25, 10, 0, -25)
            starts = Instances(DocumentTable(world.limits, Usage), seed, clocks).starts(few, 40)
            days = {start // DAY for start in starts}
            for day in days:
                first_minute = sum(start // DAY == day and start % DAY < 60 for start in starts)
                later = sum(start // DAY == day and start % DAY >= 60 for start in starts)
                assert later <= 7, f"{later} requests on one day that has 7"
                assert first_minute <= 2 * 7, f"{first_minute} requests on one day that has 7, in its first minute"
            # A slot that was overslept counts too; yet a day's calls are not left unused.
            assert 6 <= len(days) <= 10, f"40 requests at 7 a day took {len(days)} days"


def constant_contact_never_has_to_refuse_for_its_limits(worlds: Worlds) -> None:
    """The simulator keeps the documented limits: 4 requests a second and 10,000 a day. A run never comes upon them.

    It begins with a few calls left: with none for an import, and with some for a part of its batches. What does not
    fit waits until 00:00 UTC, and the run ends exact.
    """
    for left in (3, KEPT_FOR_FOLLOWING + 6):
        with worlds() as world, pytest.MonkeyPatch.context() as patch:
            patch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 1)
            leave_calls(world, left)
            world.write_snapshot("Loyal", [f"p{number}@example.com,P" for number in range(12)])
            began = world.clock.now()
            run = world.run_to_end(world.add_export("Loyal"))
            seen = world.statistics()
            pace = cast("dict[str, int]", seen["most_requests_in_a_second"])["all"]
            assert pace <= 4, f"{pace} requests in a second"
            assert seen["calls_over_the_quota"] == 0, "more than a day's calls"
            assert (run.status, len(world.members())) == ("successful", 12), run.error
            assert world.clock.now().date() > began.date()


# How it is done


def leave_calls(world: World, left: int) -> None:
    """So many of today's calls are left, by the app's count and by Constant Contact's."""
    assert limits.API.a_day
    table, key = DocumentTable(world.limits, Usage), Key(world.client_id, limits.API.name)
    stored = table.get_or_insert(key, Usage())
    today = world.clock.now().date().isoformat()
    table.replace(key, Usage(day=today, calls=limits.API.a_day - left), stored.etag)
    world.simulator.state.limits.set_calls_today(world.client_id, 10_000 - left)


def check_batches(values: list[str]) -> None:
    placed = [(Place(0, 0, line), Contact(value, (value, ""))) for line, value in enumerate(values)]
    batches = list(cut_batches(placed, ("email", "first_name")))
    for batch in batches:
        rows = batch.content.count(b"\r\n") - 1
        assert rows <= 39_999, f"a batch of {rows} contacts"
        assert rows == batch.contacts == batch.places.count(b"\n")
        assert len(batch.content) < 4_000_000, f"a batch of {len(batch.content)} bytes"
    assert sum(batch.contacts for batch in batches) == len(values)
    for one, following in pairwise(batches):
        # No smaller than needed either: its next contact would have been too much.
        first = following.content.split(b"\r\n", 2)[1]
        assert one.contacts == 39_999 or len(one.content) + len(first) + 2 >= 4_000_000


class Instances:
    """Several instances at one table, on one clock that moves when one of them waits.

    Between any two requests of one to the table, another may do all of its own.
    """

    def __init__(self, table: DocumentTable[Usage], seed: int, clocks: tuple[float, ...] = (0, 0, 0, 0)) -> None:
        """`clocks`: by how many seconds that of each instance is ahead; slots are in one time for all."""
        self._random = random.Random(seed)
        self._now = NOON
        self._client_id = f"client-{seed}-{self._random.random()}"
        self._table = table
        self._limiters = [
            Limiter(
                table._client,
                self._client_id,
                now=lambda ahead=ahead: self._now + ahead,  # type: ignore[misc]
                clock=lambda: self._now,
                pause=self._pause,
            )
            for ahead in clocks
        ]
        self._starts: list[float] = []
        self._inside = False

    def starts(self, limit: Limit, wanted: int) -> list[float]:
        """The moments at which this many requests left."""
        replace = DocumentTable.replace

        def late(table: DocumentTable[Any], key: Key, value: Any, etag: str) -> Stored[Any]:
            if not self._inside and self._random.random() < 0.5:
                self._inside = True
                self._take(limit)
                self._inside = False
            return replace(table, key, value, etag)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DocumentTable, "replace", late)
            while len(self._starts) < wanted:
                self._take(limit)
        return sorted(self._starts[:wanted])

    def _take(self, limit: Limit) -> None:
        try:
            self._random.choice(self._limiters).take(limit)
        except Wait as wait:
            if not self._inside:
                self._now += wait.seconds
        else:
            self._starts.append(self._now)

    def _pause(self, seconds: float) -> None:
        """Most wake in time, some too late."""
        self._now += seconds + (self._random.random() if self._random.random() < 0.2 else 0)


# What protects it

GUARDS = [
    Guard(
        no_batch_is_larger_than_constant_contact_takes,
        "the most contacts of a batch",
        lambda patch: patch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 10**9),
        "a batch of .* contacts",
    ),
    Guard(
        no_batch_is_larger_than_constant_contact_takes,
        "the most bytes of a batch",
        lambda patch: patch.setitem(cut_batches.__kwdefaults__ or {}, "max_bytes", 10**9),
        "a batch of .* bytes",
    ),
    Guard(
        the_rate_holds_over_all_instances,
        "compare-and-set",
        replaced(DocumentTable, "replace", whatever_was_changed),
        "five requests in",
    ),
    Guard(
        the_rate_holds_over_all_instances,
        "a latest start",
        replaced(limits, "LATEST_START_SECONDS", 10.0),
        "five requests in",
    ),
    Guard(
        the_days_quota_holds_over_all_instances,
        "compare-and-set",
        replaced(DocumentTable, "replace", whatever_was_changed),
        "requests on one day",
    ),
    Guard(
        the_days_quota_holds_over_all_instances,
        "counting",
        replaced(Limiter, "_used", lambda *_: 0),
        "requests on one day",
    ),
    Guard(
        the_days_quota_holds_over_all_instances,
        "a day that never begins twice",
        replaced(Limiter, "_day", lambda self, _: limits._day_of(self._now()).isoformat()),
        "requests on one day",
    ),
    Guard(
        the_days_quota_holds_over_all_instances,
        "a day that begins late",
        replaced(limits, "_DAY_BEGINS_LATE", timedelta(0)),
        "requests on one day",
    ),
    Guard(
        constant_contact_never_has_to_refuse_for_its_limits,
        "the distance of requests",
        replaced(client, "API", dataclasses.replace(limits.API, seconds_apart=0.2)),
        "[5-9] requests in a second",
    ),
    Guard(
        constant_contact_never_has_to_refuse_for_its_limits,
        "the day's quota",
        replaced(client, "API", dataclasses.replace(limits.API, a_day=11_000)),
        "more than a day's calls",
    ),
]
