"""How many calls an API key may make: in any sliding second and on a UTC day."""

from collections import deque

from local.constant_contact import errors
from local.constant_contact.clock import SECONDS_A_DAY, Clock
from local.constant_contact.configuration import Configuration


class SlidingSecond:
    """The moments of the last second, oldest first."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque()

    def count(self, now: float) -> int:
        """How many moments lie less than a second before now."""
        while self._moments and self._moments[0] <= now - 1.0:
            self._moments.popleft()
        return len(self._moments)

    def add(self, now: float) -> int:
        """Note one more moment and say how many the last second holds now."""
        self._moments.append(now)
        return self.count(now)


class CallLimits:
    """The calls of every API key. Limits are per key, whatever the account or the access token.

    Whether refused calls count is not documented: here they count neither toward the second nor toward the day,
    so a client that keeps knocking is let in as soon as its own accepted calls are old enough.
    """

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        self._configuration = configuration
        self._clock = clock
        self._seconds: dict[str, SlidingSecond] = {}
        self._token_seconds: dict[str, SlidingSecond] = {}
        self._day = -1
        self._calls_today: dict[str, int] = {}
        # Calls that came although the day's quota was used up.
        self.calls_over_the_quota = 0

    def admit(self, client_id: str) -> None:
        """Count one API call, or raise ApiError 429 (quota_exceeded, throttled)."""
        now = self._clock.now()
        used = self.calls_today().get(client_id, 0)
        if used >= self._configuration.requests_per_day:
            self.calls_over_the_quota += 1
            raise errors.quota_exceeded()
        second = self._seconds.setdefault(client_id, SlidingSecond())
        if second.count(now) >= self._configuration.requests_per_second:
            raise errors.throttled()
        second.add(now)
        self._calls_today[client_id] = used + 1

    def admit_token_request(self, client_id: str) -> None:
        """Count one call of the token endpoint, or raise ApiError 429: one request a second."""
        now = self._clock.now()
        second = self._token_seconds.setdefault(client_id, SlidingSecond())
        if second.count(now) >= 1:
            raise errors.throttled()
        second.add(now)

    def set_calls_today(self, client_id: str, calls: int) -> None:
        """Let an API key have made so many calls since 00:00 UTC."""
        self.calls_today()[client_id] = calls

    def calls_today(self) -> dict[str, int]:
        """Accepted calls of every API key since 00:00 UTC."""
        today = int(self._clock.now() // SECONDS_A_DAY)
        if today != self._day:
            self._day = today
            self._calls_today.clear()
        return self._calls_today
