"""The limits of a batch, of a second and of a day hold, however many instances there are."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.batches import Place, cut_batches
from exporters.constant_contact import limits
from exporters.constant_contact.limits import API, Limit, Limiter, Usage
from exporters.contacts import Contact
from shared.errors import Wait
from shared.tables import DocumentTable, Key, Stored
from tests.promises.promise import Guard, Worlds, examples, replaced
from tests.promises.repeating import whatever_was_changed

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
SEEDS = 6


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
    """On no day are more requests made than the day has, and on the next day they begin anew."""
    few = Limit("few", seconds_apart=0.3, a_day=7)
    with worlds() as world:
        for seed in range(SEEDS):
            starts = Instances(DocumentTable(world.limits, Usage), seed).starts(few, 20)
            days = [datetime.fromtimestamp(start, UTC).date() for start in starts]
            for day in set(days):
                assert days.count(day) <= 7, f"{days.count(day)} requests on one day that has 7"
            # A slot that was overslept counts too.
            assert 3 <= len(set(days)) <= 5, f"20 requests at 7 a day took {len(set(days))} days"


def the_limits_are_those_of_the_service(worlds: Worlds) -> None:
    """4 requests a second and 10,000 a day."""
    assert limits.API.seconds_apart * 4 > 1, "five requests in a second"
    assert limits.API.a_day is not None, "no limit a day"
    assert limits.API.a_day <= 10_000, "more than a day's calls"


# How it is done


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

    def __init__(self, table: DocumentTable[Usage], seed: int) -> None:
        self._random = random.Random(seed)
        self._now = NOON
        self._client_id = f"client-{seed}-{self._random.random()}"
        self._table = table
        self._limiters = [
            Limiter(table._client, self._client_id, now=lambda: self._now, pause=self._pause) for _ in range(4)
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
        the_limits_are_those_of_the_service,
        "the distance of requests",
        replaced(limits, "API", Limit("api", seconds_apart=0.2)),
        "five requests in a second",
    ),
    Guard(
        the_limits_are_those_of_the_service,
        "the day's quota",
        replaced(limits, "API", Limit("api", seconds_apart=0.33, a_day=10_001)),
        "more than a day's calls",
    ),
]
