"""What a promise and a guard are, and how a guard is taken away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.exporters.world import World

Worlds = Callable[[], AbstractContextManager[World]]
Promise = Callable[[Worlds], None]
Removal = Callable[[pytest.MonkeyPatch], object]

# What is tried in so many random ways, always the same: which examples Hypothesis draws depends on what is imported, so
# that a guard whose absence shows with some alone would not be proved by them.
SEEDS = 6


@dataclass(frozen=True)
class Guard:
    """A part that protects a promise: without it the promise fails, and the failure says `shows`."""

    promise: Promise
    name: str
    removed: Removal
    shows: str

    def __str__(self) -> str:
        return f"{self.promise.__name__} without {self.name}".replace(" ", "_")


def replaced(owner: object, name: str, by: object) -> Removal:
    """The guard is the attribute `name`; in its place is something that guards nothing."""
    return lambda monkeypatch: monkeypatch.setattr(owner, name, by)


def examples(most: int) -> settings:
    """Always the same examples: the fuzz tests look for new ones."""
    return settings(
        max_examples=most,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
