"""What can go wrong on demand: the table of faults, and those that are armed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

IMPORT_PATHS = ("/activities/contacts_file_import", "/activities/contacts_json_import")


class Stage(StrEnum):
    """The point of a call at which a fault strikes."""

    BEFORE = "before the call is processed"
    AFTER = "after the call was processed"
    ACCEPTING = "when an import is accepted"
    PROCESSING = "when an import is processed"
    TOKEN = "at the token endpoint"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """When a fault strikes and what it does."""

    stage: Stage
    description: str


FAULTS = {
    "throttled": FaultKind(Stage.BEFORE, "429, throttled: too many calls in a second"),
    "quota-exceeded": FaultKind(Stage.BEFORE, "429, the day's quota is used up: the run waits until 00:00 UTC"),
    "unauthorized": FaultKind(Stage.BEFORE, "401, as for an expired access token"),
    "forbidden": FaultKind(Stage.BEFORE, "403, as for a user without the privilege"),
    "server-error": FaultKind(Stage.BEFORE, "500 with an HTML body"),
    "unavailable": FaultKind(Stage.BEFORE, "503 with an empty body"),
    "slow": FaultKind(Stage.BEFORE, "the answer comes late (after 5 seconds)"),
    "cut-before": FaultKind(Stage.BEFORE, "the connection is closed and nothing is processed"),
    "cut-after": FaultKind(Stage.AFTER, "the call is processed, then the connection is closed without an answer"),
    "answer-lost": FaultKind(Stage.AFTER, "the call is processed, then answered with 503"),
    "queue-full": FaultKind(Stage.ACCEPTING, "429, as for 1,000 queued activities"),
    "poison-contact": FaultKind(Stage.ACCEPTING, "400 for a whole import that contains a certain e-mail address"),
    "activity-failed": FaultKind(Stage.PROCESSING, "the activity ends as failed and imports nothing"),
    "activity-timed-out": FaultKind(Stage.PROCESSING, "the activity ends as timed_out and imports nothing"),
    "activity-cancelled": FaultKind(Stage.PROCESSING, "the activity ends as cancelled and imports nothing"),
    "rows-refused": FaultKind(Stage.PROCESSING, "the first three rows of an import fail"),
    "token-unavailable": FaultKind(Stage.TOKEN, "the token endpoint answers 503"),
    "invalid-grant": FaultKind(Stage.TOKEN, "the token endpoint answers 400 invalid_grant"),
    "refresh-answer-lost": FaultKind(Stage.TOKEN, "the refresh token is used up, then the connection is closed"),
}
_NEED_MATCH = ("poison-contact",)
# Those of which a command line can give all that there is to give: the name, and how often it strikes.
BY_NAME = tuple(name for name in FAULTS if name not in _NEED_MATCH)


class UnknownFaultError(ValueError):
    """A fault that is not in the table, or that lacks what it needs."""


@dataclass(slots=True)
class ArmedFault:
    """A fault that strikes until its times are used up (times None: until cleared)."""

    name: str
    times: int | None = None
    delay_seconds: float = 5.0
    match: str | None = None
    path: str | None = None
    hits: int = 0

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise UnknownFaultError(f"There is no fault {self.name!r}; choose one of: {', '.join(FAULTS)}.")
        if self.name in _NEED_MATCH and not self.match:
            raise UnknownFaultError(f"The fault {self.name!r} needs match: a part of an e-mail address.")

    @property
    def stage(self) -> Stage:
        """When it strikes."""
        return FAULTS[self.name].stage

    def strikes(self, path: str, content: bytes) -> bool:
        """Whether it hits a call of this path with this (import) content."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.stage in (Stage.BEFORE, Stage.AFTER):
            return self.path in path if self.path else path.endswith(IMPORT_PATHS)
        if self.name == "poison-contact" and self.match:
            return self.match.lower().encode() in content.lower()
        if self.name == "refresh-answer-lost":
            return content == b"refresh_token"
        return True

    def as_json(self) -> dict[str, Any]:
        """The fault as the control endpoint shows it."""
        remaining = None if self.times is None else self.times - self.hits
        return {
            "name": self.name,
            "times": self.times,
            "hits": self.hits,
            "remaining": remaining,
            "delay_seconds": self.delay_seconds if self.name == "slow" else None,
            "match": self.match,
            "path": self.path,
        }


def by_name(name: str, times: int | None = None) -> ArmedFault:
    """The fault that a command line asks for; UnknownFaultError when its name does not say enough."""
    if name in FAULTS and name not in BY_NAME:
        more = "POST it to /_simulator/faults once everything is running"
        raise UnknownFaultError(f"The fault {name!r} needs a part of an e-mail address too: {more}.")
    if name not in FAULTS:
        raise UnknownFaultError(f"There is no fault {name!r}; choose one of: {', '.join(BY_NAME)}.")
    return ArmedFault(name, times)


class Faults:
    """The armed faults; the one armed first strikes first."""

    def __init__(self) -> None:
        self._armed: list[ArmedFault] = []

    def arm(self, fault: ArmedFault) -> None:
        """Let a fault strike from the next call on."""
        self._armed.append(fault)

    def take(self, stage: Stage, path: str = "", content: bytes = b"") -> ArmedFault | None:
        """The fault that strikes here, if any, counted as a hit."""
        for fault in self._armed:
            if fault.stage is stage and fault.strikes(path, content):
                fault.hits += 1
                return fault
        return None

    def all(self) -> list[ArmedFault]:
        """Every fault armed since the last clear, with its hits, also those used up."""
        return list(self._armed)

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()
