import pytest

from local.constant_contact.clock import SECONDS_A_DAY, Clock
from local.constant_contact.configuration import Configuration
from local.constant_contact.errors import ApiError
from local.constant_contact.limits import CallLimits, SlidingSecond
from local.constant_contact.server import Simulator
from tests.local.constant_contact.client import Client, client_of, stop_clock


class StandingClock(Clock):
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 1_000.0 * SECONDS_A_DAY

    def now(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


def refusal_of(limits: CallLimits, client_id: str = "app") -> str | None:
    try:
        limits.admit(client_id)
    except ApiError as error:
        return error.body["error_key"] if isinstance(error.body, dict) else "not an object"
    return None


def test_the_fifth_call_in_any_sliding_second_is_throttled() -> None:
    clock = StandingClock()
    limits = CallLimits(Configuration(), clock)
    refusals = []
    for _ in range(5):
        refusals.append(refusal_of(limits))
        clock.advance(0.2)
    assert refusals == [None, None, None, None, "throttled"]


def test_a_call_is_let_in_a_second_after_the_fourth_before_it() -> None:
    clock = StandingClock()
    limits = CallLimits(Configuration(), clock)
    for _ in range(20):
        assert refusal_of(limits) is None
        clock.advance(0.25)


def test_throttled_calls_count_neither_toward_the_second_nor_the_day() -> None:
    clock = StandingClock()
    limits = CallLimits(Configuration(), clock)
    for _ in range(50):
        refusal_of(limits)
    clock.advance(1.0)
    assert refusal_of(limits) is None
    assert limits.calls_today() == {"app": 5}


def test_call_10001_of_a_utc_day_exceeds_the_quota_until_midnight() -> None:
    clock = StandingClock()
    limits = CallLimits(Configuration(), clock)
    for _ in range(10_000):
        assert refusal_of(limits) is None
        clock.advance(1.0)
    assert refusal_of(limits) == "quota_exceeded"
    clock.advance(SECONDS_A_DAY - 10_000 - 1)
    assert refusal_of(limits) == "quota_exceeded"
    clock.advance(1.0)
    assert refusal_of(limits) is None


def test_every_client_id_has_limits_of_its_own() -> None:
    limits = CallLimits(Configuration(), StandingClock())
    for _ in range(4):
        assert refusal_of(limits, "one") is None
    assert refusal_of(limits, "two") is None


def test_a_sliding_second_counts_what_is_less_than_a_second_old() -> None:
    second = SlidingSecond()
    assert second.add(10.0) == 1
    assert second.add(10.9) == 2
    assert second.count(11.0) == 1


def test_the_clock_cannot_go_back() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        Clock().advance(-1)


def test_a_throttled_call_is_answered_429_with_an_object_and_no_hint_when_to_retry(client: Client) -> None:
    stop_clock(client.simulator)
    answers = [client.call_at_once("GET", "/v3/account/summary") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert answers[4].json() == {"error_key": "throttled", "error_message": "Too Many Requests"}
    assert not [header for header in answers[4].headers if "rate" in header.lower() or "retry" in header.lower()]


def test_all_tokens_of_an_app_share_its_limit(simulator: Simulator) -> None:
    clients = [client_of(simulator) for _ in range(5)]
    stop_clock(simulator)
    answers = [client.call_at_once("GET", "/v3/account/summary").status_code for client in clients]
    assert answers == [200, 200, 200, 200, 429]
