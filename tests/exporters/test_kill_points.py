"""A worker may die between any two lines: its message comes again, and the run ends exact with nothing sent twice.

Everything that a step does to the world outside is a request: to storage, to Key Vault, to Constant Contact. So the
process is killed just before, and just after, each request of a run, one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from exporters.runs import Run
from tests.exporters.world import World

PEOPLE = [f"person{number}@example.com" for number in range(5)]
# Longer than any claim: the host delivers the message of a dead worker again some time later.
AGAIN_AFTER_SECONDS = 30


class Killed(BaseException):
    """The process is gone: no handler runs, as after kill -9."""


class Executioner:
    """Counts the requests of the steps and kills at one of them."""

    def __init__(self) -> None:
        self.armed = False
        self.requests = 0
        self.kill_at: int | None = None
        self.after = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        self.armed = True
        try:
            yield
        finally:
            self.armed = False

    def request(self) -> bool:
        """Count a request; whether this is the one."""
        if not self.armed:
            return False
        self.requests += 1
        return self.requests == self.kill_at


@pytest.fixture
def executioner(monkeypatch: pytest.MonkeyPatch) -> Executioner:
    executioner = Executioner()
    send = requests.Session.send

    def send_or_die(session: requests.Session, *given: object, **options: object) -> requests.Response:
        dies = executioner.request()
        if dies and not executioner.after:
            raise Killed
        answer = send(session, *given, **options)  # type: ignore[arg-type]
        if dies:
            raise Killed
        return answer

    monkeypatch.setattr(requests.Session, "send", send_or_die)
    return executioner


def deliver_despite_kills(world: World, executioner: Executioner) -> None:
    for _ in range(200):
        if not world.queue.waiting:
            return
        world.queue.waiting.sort()
        following = world.queue.waiting[0]
        try:
            with executioner.watching():
                world.deliver_next()
        except Killed:
            executioner.kill_at = None
            world.queue.send(following.queue, following.message, after_seconds=AGAIN_AFTER_SECONDS)
    raise AssertionError("still not at rest")


def run_with_a_kill(world: World, executioner: Executioner, kill_at: int | None, *, after: bool) -> Run:
    export = world.add_export("Loyal")
    executioner.requests, executioner.kill_at, executioner.after = 0, kill_at, after
    world.start(export)
    deliver_despite_kills(world, executioner)
    return world.last_run(export)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("after", [False, True], ids=["before the request", "after the request"])
def test_a_worker_killed_at_any_request_loses_nothing_and_sends_nothing_twice(
    world: World, executioner: Executioner, after: bool
) -> None:
    world.write_snapshot("Loyal", [f"{address},Name" for address in [*PEOPLE, PEOPLE[0], "no address"]])
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    undisturbed = run_with_a_kill(world, executioner, None, after=after)
    requests_of_a_run = executioner.requests
    assert requests_of_a_run > 20
    for kill_at in range(1, requests_of_a_run + 1):
        run = run_with_a_kill(world, executioner, kill_at, after=after)
        where = f"killed at request {kill_at} of {requests_of_a_run}"
        assert run.status == "completed_with_warnings", f"{where}: {run.error}"
        assert run.counts == undisturbed.counts, where
        assert world.statistics()["source_file_names_taken_more_than_once"] == [], where
        slot = world.services.runs.slot(run.export_id).value
        assert slot.run_id is None, where
        assert slot.exported, where
    assert sorted(world.members()) == PEOPLE
