"""What the simulator saw: calls, their pace, imports and token refreshes since the last reset."""

from collections import Counter, defaultdict
from typing import Any

from local.constant_contact.limits import SlidingSecond


class CallStatistics:
    """Counters for judging a client: is it within the limits, did it send anything twice."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start all counters at zero."""
        self._answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._seen: defaultdict[str, SlidingSecond] = defaultdict(SlidingSecond)
        self._accepted: defaultdict[str, SlidingSecond] = defaultdict(SlidingSecond)
        self._most_seen = 0
        self._most_accepted = 0
        self._imports: Counter[str | None] = Counter()
        self._token_refreshes = 0

    def answered(self, route: str, answer: str) -> None:
        """Count an answer: its status, or `cut` for a connection closed without one."""
        self._answers[route][answer] += 1

    def seen(self, client_id: str, now: float) -> None:
        """Count a call of an API key that is known by its token, refused or not."""
        self._most_seen = max(self._most_seen, self._seen[client_id].add(now))

    def accepted(self, client_id: str, now: float) -> None:
        """Count a call that the limits let through."""
        self._most_accepted = max(self._most_accepted, self._accepted[client_id].add(now))

    def import_accepted(self, source_file_name: str | None) -> None:
        """Count an import that became an activity (no file name: a JSON import)."""
        self._imports[source_file_name] += 1

    def token_refreshed(self) -> None:
        """Count a refresh that the token endpoint carried out."""
        self._token_refreshes += 1

    def as_json(self) -> dict[str, Any]:
        """The counters as the control endpoint shows them."""
        by_name = {name: count for name, count in self._imports.items() if name is not None}
        return {
            "requests": {route: dict(answers) for route, answers in sorted(self._answers.items())},
            "most_requests_in_a_second": {"all": self._most_seen, "accepted": self._most_accepted},
            "imports_accepted": self._imports.total(),
            "imports_per_source_file_name": by_name,
            "source_file_names_taken_more_than_once": sorted(name for name, count in by_name.items() if count > 1),
            "token_refreshes": self._token_refreshes,
        }
