"""Services that are away are waited for, at little cost; and runs take turns, so that none waits for a larger one."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from azure.core.exceptions import AzureError, ServiceRequestError
from azure.core.pipeline.transport import HttpTransport

from exporters import ending, steps, turns
from exporters.batches import cut_batches
from exporters.constant_contact import gates
from exporters.constant_contact.tokens import Tokens, TokenSet, _value
from exporters.steps import run_step
from local.processes import free_ports
from shared.models import Connection, Export
from shared.queues import Message
from tests.exporters.world import QueueInHand, World
from tests.promises.interruption import watching
from tests.promises.promise import Guard, Worlds, replaced
from tests.promises.repeating import batches_in_turn, clear_soon, most_requests_of_a_step, prepare_segment

PROFILES = 5
# Four of a run are in the queue at a time: those that were there, and one turn more for each step of the small ones.
MOST_BEFORE = 12
AWAY = timedelta(hours=1)
# Three to notice it; one each time that the gate opens, after 4, 8, 16 … seconds and then every five minutes; a few for
# those who were on their way.
MOST_CALLS = 3 + 7 + 10 + 5


def constant_contact_may_be_away_for_hours(worlds: Worlds) -> None:
    """However it is away and wherever the run is: it goes on by itself, ends exact, and few calls were spent."""
    for kind, begins in (("no connection", "queued"), ("server-error", "uploading"), ("unavailable", "uploaded")):
        with worlds() as world, pytest.MonkeyPatch.context() as patch:
            patch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 1)
            export = segment_and_export(world)
            world.start(export)
            world.deliver(until=lambda: begins in states(world, export))  # noqa: B023 - called in this turn
            before = world.last_run(export).requests
            with away(world, kind):
                deliver_for(world, AWAY)
            calls = world.last_run(export).requests - before
            world.deliver()
            assert_exact(world, export, f"away with {kind} from {begins} on")
            assert calls <= MOST_CALLS, f"{calls} calls in an hour's outage, away with {kind} from {begins} on"


def an_outage_longer_than_a_run_may_take_ends_it_with_a_reason(worlds: Worlds) -> None:
    """Nobody waits for ever, and the export is free for its next run."""
    with worlds() as world:
        export = segment_and_export(world)
        world.start(export)
        world.deliver(until=lambda: "uploading" in states(world, export))
        with away(world, "unavailable"):
            world.clock.advance((world.settings.run_time_limit_hours - 0.5) * 3600)
            deliver_for(world, AWAY)
        run = world.last_run(export)
        assert run.status == "timed_out", f"{run.status} after its time limit"
        assert "time limit" in (run.error or "")
        world.clock.advance(600)
        world.run_to_end(export)
        assert_exact(world, export, "the run after an outage")


def key_vault_may_be_away_while_the_token_lives(worlds: Worlds) -> None:
    """The token at hand does until its end; after that the run waits, and goes on when Key Vault is back."""
    for lives in (True, False):
        with worlds() as world, pytest.MonkeyPatch.context() as patch:
            patch.setattr(HttpTransport, "sleep", lambda *_: None)
            export = segment_and_export(world)
            world.start(export)
            world.deliver(until=lambda: "uploading" in states(world, export))  # noqa: B023 - called in this turn
            world.clock.advance((1 if lives else 25) * 3600)
            world.vault_fault(status=503, times=100_000)
            try:
                deliver_for(world, timedelta(minutes=3))
                run = world.last_run(export)
            finally:
                world.clear_faults()
            if lives:
                assert run.ended, f"the token lives, and yet the run waits: {run.waiting}"
            else:
                assert "Key Vault" in (run.waiting or ""), f"the token is over: {run.status} {run.error}"
            world.deliver()
            assert_exact(world, export, "Key Vault was away")


def storage_may_go_away_at_any_request(worlds: Worlds) -> None:
    """It goes away within a step, with everything that is in it, queues too: the message comes back and goes on.

    A step puts its message back, or leaves it to the host with an error; what it may not do is end as if it were done.
    """
    with worlds() as world, batches_in_turn():
        prepare_segment(world)
        clear_soon(world)
        for at in range(1, most_requests_of_a_step(world) + 1, 5):
            export = world.add_export("Loyal")
            world.start(export)
            disturbed: set[str] = set()
            for _ in range(200):
                if not world.queue.waiting:
                    break
                deliver_without_storage(world, at, disturbed)
            run = world.last_run(export)
            assert run.ended, f"no message is left of a run that is {run.status}, storage away from request {at} on"
            assert (run.status, run.counts.sent) == ("completed_with_warnings", 3), f"{run.error}, away from {at} on"
        assert world.statistics()["source_file_names_taken_more_than_once"] == []


def a_huge_run_does_not_keep_small_ones_waiting(worlds: Worlds) -> None:
    """Small runs that start after it are uploaded while most of its batches are still to come."""
    with worlds() as world, pytest.MonkeyPatch.context() as patch:
        patch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 1)
        world.write_snapshot("Huge", [f"huge{number}@example.com,H" for number in range(40)])
        world.write_snapshot("Small", ["small@example.com,S"])
        world.clock.advance(world.settings.snapshot_quiet_seconds)
        huge = world.add_export("Huge")
        world.start(huge)
        world.deliver(until=lambda: uploaded(world, huge) > 0)
        small = [world.add_export("Small") for _ in range(3)]
        for export in small:
            world.start(export)
        world.deliver(until=lambda: all(uploaded(world, export) for export in small))
        before = uploaded(world, huge)
        assert before <= MOST_BEFORE, f"{before} of 40 batches of the huge run came before the small ones"
        world.deliver()
        assert [world.last_run(export).status for export in (huge, *small)] == ["successful"] * 4


# How it is done


def segment_and_export(world: World) -> Export:
    world.write_snapshot("Loyal", [f"p{number}@example.com,P" for number in range(PROFILES)])
    return world.add_export("Loyal")


@contextlib.contextmanager
def away(world: World, kind: str) -> Iterator[None]:
    """Constant Contact's API is away: nobody listens there, or by a fault of the simulator."""
    url, (closed,) = world.settings.constant_contact_api_url, free_ports(1)
    if kind == "no connection":
        object.__setattr__(world.settings, "constant_contact_api_url", f"http://127.0.0.1:{closed}/v3")
    else:
        world.fault(kind, path="/v3")
    try:
        yield
    finally:
        object.__setattr__(world.settings, "constant_contact_api_url", url)
        world.clear_faults()


def deliver_for(world: World, time: timedelta) -> None:
    until = world.clock.now() + time
    world.deliver(until=lambda: world.clock.now() > until)


def states(world: World, export: Export) -> list[str]:
    """Of the export's last run, and of its batches."""
    run = world.last_run(export)
    return [run.status, *(stored.value.state for stored in world.services.runs.batches(run.run_id))]


def uploaded(world: World, export: Export) -> int:
    return sum(state in ("uploaded", "completed") for state in states(world, export)[1:])


def assert_exact(world: World, export: Export, where: str) -> None:
    run = world.last_run(export)
    assert run.status == "successful", f"{where}: {run.status}, {run.error}"
    assert run.counts.sent == PROFILES == len(world.members()), f"{where}: {run.counts}"
    assert world.statistics()["source_file_names_taken_more_than_once"] == [], f"{where}: a batch was sent twice"


def deliver_without_storage(world: World, at: int, disturbed: set[str]) -> None:
    """Deliver the next message as the host does; each step once without storage from request `at` on."""
    waiting = min(world.queue.waiting)
    world.queue.waiting.remove(waiting)
    world.clock.advance((waiting.due - world.clock.now()).total_seconds())
    name, is_away = f"{waiting.queue} {waiting.message.batch}", False

    def from_here_on(number: int) -> None:
        nonlocal is_away
        is_away = is_away or (name not in disturbed and number >= at)

    with watching(from_here_on), pytest.MonkeyPatch.context() as patch:
        send_request, send_message = requests.Session.send, QueueInHand.send

        def request(session: requests.Session, request: requests.PreparedRequest, **options: object) -> object:
            if is_away and "/devstoreaccount1" in (request.url or ""):
                raise requests.ConnectionError("nobody answers")
            return send_request(session, request, **options)  # type: ignore[arg-type]

        def message(queue: QueueInHand, name: str, content: Message, *, after_seconds: float = 0) -> None:
            if is_away:
                raise ServiceRequestError("nobody answers")
            send_message(queue, name, content, after_seconds=after_seconds)

        patch.setattr(requests.Session, "send", request)
        patch.setattr(QueueInHand, "send", message)
        # The SDKs try again, which is not waited for.
        patch.setattr(HttpTransport, "sleep", lambda *_: None)
        try:
            run_step(world.services, waiting.queue, waiting.message.model_dump_json())
        except AzureError:
            patch.undo()
            world.queue.send(waiting.queue, waiting.message, after_seconds=10)
    if is_away:
        disturbed.add(name)


# What protects it


class Never(Exception):
    """What is caught instead of an error that is to be waited for."""


def only_at_the_vault(self: Tokens, connection: Connection, tokens: TokenSet) -> str:
    return _value(tokens)


def swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that is away is logged, and the message counts as done."""
    step = steps.run_step

    def run(*given: object) -> None:
        try:
            step(*given)  # type: ignore[arg-type]
        except AzureError:
            return

    monkeypatch.setattr("tests.promises.outages.run_step", run)


GUARDS = [
    Guard(
        constant_contact_may_be_away_for_hours,
        "coming back for what is unclear",
        replaced(steps, "Unclear", Never),
        "server-error from uploading on: failed",
    ),
    Guard(
        constant_contact_may_be_away_for_hours,
        "coming back for what cannot be reached",
        replaced(steps, "Unreachable", Never),
        "no connection from queued on: failed",
    ),
    Guard(
        constant_contact_may_be_away_for_hours,
        "a gate for all",
        replaced(gates, "SERVICE", dataclasses.replace(gates.SERVICE, closes_after=10**6)),
        "calls in an hour's outage",
    ),
    Guard(
        an_outage_longer_than_a_run_may_take_ends_it_with_a_reason,
        "looking at the time limit",
        replaced(ending, "is_overdue", lambda *_: False),
        "after its time limit",
    ),
    Guard(
        key_vault_may_be_away_while_the_token_lives,
        "a token at hand",
        replaced(Tokens, "_keep", only_at_the_vault),
        "the token lives, and yet the run waits",
    ),
    Guard(
        storage_may_go_away_at_any_request,
        "leaving the message to the host",
        swallowed,
        "no message is left of a run",
    ),
    Guard(
        a_huge_run_does_not_keep_small_ones_waiting,
        "taking turns",
        replaced(turns, "AT_ONCE", 10**6),
        "batches of the huge run came before",
    ),
]
