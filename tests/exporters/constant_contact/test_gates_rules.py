"""When exactly a gate closes, for how long, and what opens it."""

from __future__ import annotations

import pytest
from azure.data.tables import TableClient

from exporters.constant_contact.errors import (
    ConstantContactError,
    NoAnswer,
    QueueFull,
    Refused,
    ServerError,
    SignInAway,
    Unreachable,
)
from exporters.constant_contact.gates import QUOTA, Gate, Gates
from shared.errors import Wait
from tests.exporters.constant_contact.gating import Time, connection

AWAY = Unreachable("away")


@pytest.fixture
def service(table: TableClient, time: Time) -> Gate:
    return Gates(table, "app", now=time).service()


@pytest.fixture
def queue(table: TableClient, time: Time) -> Gate:
    return Gates(table, "app", now=time).queue(connection("shop"))


@pytest.fixture
def sign_in(table: TableClient, time: Time) -> Gate:
    return Gates(table, "app", now=time).sign_in(connection("shop"))


def fail(gate: Gate, error: ConstantContactError | Wait = AWAY, *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(type(error)), gate.attempt():
            raise error


def wait_at(gate: Gate) -> float:
    """The seconds that the gate stays closed, without what spreads those who wait; 0 where it is open."""
    try:
        with gate.attempt():
            return 0
    except Wait as wait:
        return int(wait.seconds)


def pauses(gate: Gate, time: Time, failures: int) -> list[float]:
    """How long the gate is closed after each further failure."""
    found = []
    for _ in range(failures):
        fail(gate)
        found.append(wait_at(gate))
        time.pass_by(found[-1] + 1)
    return found


def test_the_service_may_fail_twice_in_a_row(service: Gate) -> None:
    fail(service, times=2)
    assert wait_at(service) == 0


def test_the_third_failure_in_a_row_closes_the_service_for_four_seconds(service: Gate) -> None:
    fail(service, times=3)
    assert wait_at(service) == 4


def test_each_further_failure_doubles_the_pause_up_to_five_minutes(service: Gate, time: Time) -> None:
    fail(service, times=2)
    assert pauses(service, time, 9) == [4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_full_queue_is_left_alone_for_a_minute_at_once(queue: Gate) -> None:
    fail(queue, QueueFull("full"))
    assert wait_at(queue) == 60


def test_a_full_queue_does_not_close_the_service_nor_the_other_way_round(service: Gate, queue: Gate) -> None:
    fail(service, QueueFull("full"), times=5)
    assert wait_at(service) == 0
    fail(queue, times=5)
    assert wait_at(queue) == 0


@pytest.mark.parametrize("error", [AWAY, NoAnswer("cut")])
def test_no_connection_and_no_answer_count_alike(service: Gate, error: ConstantContactError) -> None:
    fail(service, error, times=3)
    assert wait_at(service) == 4


def test_a_success_in_between_starts_the_count_anew(service: Gate) -> None:
    fail(service, times=2)
    assert wait_at(service) == 0
    fail(service, times=2)
    assert wait_at(service) == 0


def test_whoever_tries_keeps_the_others_out_for_a_minute(service: Gate, time: Time) -> None:
    fail(service, times=3)
    time.pass_by(5)
    with service.attempt():
        assert wait_at(service) == 60
    assert wait_at(service) == 0


def test_the_next_one_tries_when_whoever_tried_has_died(service: Gate, time: Time) -> None:
    fail(service, times=3)
    time.pass_by(5)
    service._enter()
    time.pass_by(59)
    assert wait_at(service) == 1
    time.pass_by(2)
    assert wait_at(service) == 0


@pytest.mark.parametrize("error", [Wait(3, "no slot"), Refused(400, "no")])
def test_a_trial_that_finds_out_nothing_leaves_the_way_free_for_the_next(
    service: Gate, time: Time, error: ConstantContactError | Wait
) -> None:
    fail(service, times=3)
    time.pass_by(5)
    fail(service, error)
    assert wait_at(service) == 0


def test_what_is_no_answer_of_the_service_does_not_open_its_gate(service: Gate, time: Time) -> None:
    fail(service, times=3)
    time.pass_by(5)
    fail(service, Wait(3, "no slot"))
    fail(service)
    assert wait_at(service) == 8


def test_a_service_that_names_its_pause_is_left_alone_for_so_long_at_once(service: Gate, time: Time) -> None:
    fail(service, ServerError(503, 120))
    assert wait_at(service) == 120
    time.pass_by(121)
    assert wait_at(service) == 0


def test_a_pause_that_the_service_names_makes_none_shorter(service: Gate) -> None:
    fail(service, times=2)
    fail(service, ServerError(503, 1))
    assert wait_at(service) == 4


def test_the_sign_in_service_is_left_alone_after_one_failure_and_ever_longer(sign_in: Gate, time: Time) -> None:
    found = []
    for _ in range(7):
        fail(sign_in, SignInAway("does not answer"))
        found.append(wait_at(sign_in))
        time.pass_by(found[-1] + 1)
    assert found == [15, 30, 60, 120, 240, 300, 300]


def test_a_sign_in_service_that_names_its_pause_is_left_alone_for_so_long(sign_in: Gate) -> None:
    fail(sign_in, SignInAway("refuses for now", 900))
    assert wait_at(sign_in) == 900


def test_a_grant_that_gets_no_token_holds_up_no_other(sign_in: Gate, table: TableClient, time: Time) -> None:
    fail(sign_in, SignInAway("refuses for now"))
    assert wait_at(Gates(table, "app", now=time).sign_in(connection("other"))) == 0
    assert wait_at(Gates(table, "app", now=time).service()) == 0


def test_those_who_wait_come_back_spread_over_a_second(service: Gate) -> None:
    fail(service, times=3)
    seconds = set()
    for _ in range(20):
        with pytest.raises(Wait) as wait, service.attempt():
            pass
        seconds.add(wait.value.seconds)
    assert all(4 <= one < 5 for one in seconds)
    assert len(seconds) > 10


def test_failures_at_the_same_time_are_one_failure(service: Gate) -> None:
    entered = [service._enter() for _ in range(5)]
    for found in entered:
        service._failed(found, AWAY)
    assert service._read().value.failures == 1


def test_of_two_that_come_at_the_same_moment_one_tries(
    service: Gate, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(service, times=3)
    time.pass_by(5)
    write, entered = service._write, []

    def another_is_quicker(*given: object) -> bool:
        monkeypatch.setattr(service, "_write", write)
        entered.append(service._enter())
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(service, "_write", another_is_quicker)
    with pytest.raises(Wait):
        service._enter()
    assert len(entered) == 1


def test_a_failure_that_is_written_at_the_same_moment_as_a_success_is_not_lost(
    service: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(service, times=2)
    write = service._write

    def another_is_quicker(*given: object) -> bool:
        monkeypatch.setattr(service, "_write", write)
        service._change(lambda state: state.model_copy(update={"why": "changed meanwhile"}))
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(service, "_write", another_is_quicker)
    fail(service)
    assert wait_at(service) == 4


@pytest.mark.parametrize(("failures", "seconds"), [(1, 300), (2, 600), (3, 1200), (4, 1800), (20, 1800)])
def test_a_used_up_quota_is_tried_again_after_minutes_and_then_each_half_hour(failures: int, seconds: float) -> None:
    assert QUOTA.pause(failures) == seconds
