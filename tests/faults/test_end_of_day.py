"""The end of a day: both sides have as many calls left, and the new day begins by the hosts' clocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableClient

from exporters.constant_contact.limits import API, Usage
from local.azurite import Azurite
from local.constant_contact.server import Simulator
from local.constant_contact.state import LOCAL_APP
from local.stand import Stand
from shared.tables import DocumentTable, Key
from tests.faults import end_of_day
from tests.faults.end_of_day import CALLS_LEFT, EndOfDay
from tests.faults.events import DAYS_END, Events
from tests.faults.storage_gate import gates_before
from tests.simulators import Simulators

QUOTA = 10_000


@dataclass(frozen=True)
class Surroundings:
    stand: Stand
    events: Events
    simulator: Simulator
    limits: TableClient

    def calls_of_service(self) -> int:
        return self.simulator.state.limits.calls_today().get(LOCAL_APP.client_id, 0)


@pytest.fixture
def around(azurite: Azurite, simulators: Simulators) -> Iterator[Surroundings]:
    with (
        simulators.running() as simulator,
        gates_before(azurite) as gates,
        TableClient.from_connection_string(azurite.connection_string, "Limits") as limits,
    ):
        try:
            limits.create_table()
        except ResourceExistsError:
            limits.delete_entity(LOCAL_APP.client_id, API.name)
        # All of a stand that it needs.
        stand = SimpleNamespace(
            azurite=azurite,
            simulator_url=simulator.url,
            settings={"CONSTANT_CONTACT_CLIENT_ID": LOCAL_APP.client_id},
        )
        yield Surroundings(cast("Stand", stand), Events(cast("Stand", stand), gates), simulator, limits)


def test_the_clocks_are_moved_to_shortly_before_midnight() -> None:
    day = EndOfDay(timedelta(seconds=50))

    at = (datetime.now(UTC) + timedelta(seconds=day.offset + 50)).timetuple()
    assert (at.tm_hour, at.tm_min) == (0, 0)


def test_a_little_before_midnight_both_sides_have_few_calls_left_and_after_it_the_service_has_all(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to: list[int] = []
    set_count = end_of_day._set_count_of_service

    def noted(stand: Stand, calls: int) -> None:
        set_to.append(calls)
        set_count(stand, calls)

    monkeypatch.setattr(end_of_day, "_set_count_of_service", noted)
    day = EndOfDay(timedelta(seconds=4), timedelta(seconds=3))

    day.happen(around.stand, around.events)

    found = DocumentTable(around.limits, Usage).get(Key(LOCAL_APP.client_id, API.name))
    before_midnight = datetime.now(UTC) + timedelta(seconds=day.offset - 60)
    assert found is not None
    assert (found.value.calls, found.value.day) == ((API.a_day or 0) - CALLS_LEFT, before_midnight.date().isoformat())
    assert set_to == [QUOTA - CALLS_LEFT, 0]
    assert around.calls_of_service() == 0
    assert around.events.done == {DAYS_END: 1}


def test_when_it_is_canceled_before_its_time_nothing_happens(around: Surroundings) -> None:
    day = EndOfDay()
    day.cancel()

    day.happen(around.stand, around.events)

    assert not around.events.done
    assert around.calls_of_service() == 0
