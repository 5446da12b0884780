"""What the gates are asked with: a clock that a test moves, and connections by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.models import Connection


class Time:
    """A clock that stands still until a test lets time pass by."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def connection(name: str) -> Connection:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Connection(id=name, display_name=name, secret_name=name, created_at=at, created_by="test")
