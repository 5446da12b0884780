"""A service that keeps failing is left alone by all instances but one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from azure.data.tables import TableClient

from exporters.constant_contact.errors import ConstantContactError, QueueFull, Refused, ServerError, Unreachable
from exporters.constant_contact.gates import QUEUE, SERVICE, Gates
from shared.errors import Wait
from tests.exporters.constant_contact.gating import Time, connection

AWAY = Unreachable("Constant Contact cannot be reached")


@pytest.fixture
def gates(table: TableClient, time: Time) -> Gates:
    return Gates(table, "app", now=time)


def fail(gates: Gates, error: ConstantContactError = AWAY) -> None:
    with pytest.raises(type(error)), gates.service().attempt():
        raise error


def succeed(gates: Gates) -> None:
    with gates.service().attempt():
        pass


def closed_for(gates: Gates) -> float:
    with pytest.raises(Wait) as wait:
        succeed(gates)
    return wait.value.seconds


def close(gates: Gates) -> None:
    for _ in range(SERVICE.closes_after):
        fail(gates)


def test_a_few_failures_are_no_outage(gates: Gates) -> None:
    for _ in range(SERVICE.closes_after - 1):
        fail(gates)
    succeed(gates)
    for _ in range(SERVICE.closes_after - 1):
        fail(gates)
    succeed(gates)


def test_an_outage_stops_everybody_and_says_why(gates: Gates, table: TableClient, time: Time) -> None:
    close(gates)
    with pytest.raises(Wait, match="cannot be reached"), Gates(table, "app", now=time).service().attempt():
        pass


def test_other_client_ids_are_not_concerned(gates: Gates, table: TableClient, time: Time) -> None:
    close(gates)
    succeed(Gates(table, "another", now=time))


def test_after_the_pause_one_tries_and_the_others_wait_for_what_becomes_of_it(gates: Gates, time: Time) -> None:
    close(gates)
    time.pass_by(SERVICE.first_pause)
    with gates.service().attempt():
        assert closed_for(gates) > 0
    succeed(gates)


def test_each_time_it_fails_again_the_pause_is_longer_up_to_five_minutes(gates: Gates, time: Time) -> None:
    close(gates)
    pauses = []
    for _ in range(9):
        pauses.append(round(closed_for(gates) - 0.5))
        time.pass_by(301)
        fail(gates)
    assert [round(pause / 10) for pause in pauses] == [0, 1, 2, 3, 6, 13, 26, 30, 30]


def test_an_outage_of_three_hours_costs_fewer_than_fifty_tries(gates: Gates, time: Time) -> None:
    tries, began = 0, time.now
    while time.now < began + timedelta(hours=3):
        try:
            with gates.service().attempt():
                tries += 1
                raise AWAY
        except Unreachable:
            pass
        except Wait as wait:
            time.pass_by(wait.seconds)
    assert SERVICE.closes_after <= tries < 50
    time.pass_by(301)
    succeed(gates)
    succeed(gates)


def test_one_who_dies_while_trying_holds_the_others_up_for_a_minute(gates: Gates, time: Time) -> None:
    close(gates)
    time.pass_by(SERVICE.first_pause)
    gates.service().attempt().__enter__()
    assert closed_for(gates) > 50
    time.pass_by(61)
    succeed(gates)


def test_one_who_could_not_try_lets_the_next_one_try_at_once(gates: Gates, time: Time) -> None:
    close(gates)
    time.pass_by(SERVICE.first_pause)
    with pytest.raises(Wait, match="slot"), gates.service().attempt():
        raise Wait(1, "no slot")
    succeed(gates)


def test_failures_at_the_same_time_count_once(gates: Gates) -> None:
    attempts = [gates.service().attempt() for _ in range(SERVICE.closes_after + 2)]
    for attempt in attempts:
        attempt.__enter__()
    for attempt in attempts:
        assert not attempt.__exit__(ServerError, ServerError(503), None)
    succeed(gates)


def test_a_refusal_is_an_answer_and_no_outage(gates: Gates) -> None:
    for _ in range(SERVICE.closes_after):
        fail(gates, Refused(400, "no"))
    succeed(gates)


def test_a_full_queue_stops_the_uploads_of_its_account_alone(gates: Gates) -> None:
    full, other = gates.queue(connection("full")), gates.queue(connection("other"))
    with pytest.raises(QueueFull), full.attempt():
        raise QueueFull("1,000 activities are waiting")
    with pytest.raises(Wait, match="1,000 activities") as wait, full.attempt():
        pass
    assert QUEUE.first_pause <= wait.value.seconds <= QUEUE.first_pause + 1
    with other.attempt():
        pass
    succeed(gates)
