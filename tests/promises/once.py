"""Nothing is sent twice, and an export has one run at a time."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import requests
import urllib3

from exporters import run_store, start, upload
from exporters.constant_contact import client
from exporters.constant_contact.client import Account, Activity
from exporters.constant_contact.errors import Unreachable
from exporters.runs import Run
from exporters.services import Services
from exporters.start import AlreadyRunning
from exporters.steps import run_step
from shared.models import Export, Schedule
from shared.queues import BATCHES
from tests.exporters.world import World, refresh
from tests.promises.interruption import requests_of, watching
from tests.promises.promise import SEEDS, Guard, Worlds, replaced
from tests.promises.repeating import PEOPLE, one_after_the_other, prepare_segment

UNCLEAR = ("cut-before", "cut-after", "answer-lost", "server-error", "unavailable", "slow", "unreadable")
IMPORT = "/activities/contacts_file_import"


def an_unclear_answer_of_any_kind_sends_nothing_twice(worlds: Worlds) -> None:
    """Cut off, lost, late, a server error, not to be read; and the import is listed only later."""
    for kind in UNCLEAR:
        with worlds() as world, unclear(world, kind), listing_lags(looks_in_vain=2):
            prepare_segment(world)
            run = world.run_to_end(world.add_export("Loyal"))
            assert imports_of_a_file(world) == 1, f"{kind}: sent {imports_of_a_file(world)} times"
            assert run.status == "completed_with_warnings", f"{kind}: {run.error}"
            assert sorted(world.members()) == PEOPLE, kind


def a_worker_that_was_held_up_sends_nothing_that_another_sent(worlds: Worlds) -> None:
    """It stands still for an hour after any request of an upload, and meanwhile another one does its step.

    Between its last look at the clock and the request itself nothing can be guarded, and nothing is asked for.
    """
    with worlds() as world:
        prepare_segment(world)
        for at in count(1):
            export = world.add_export("Loyal")
            world.start(export)
            world.deliver(until=lambda: any(one.queue == BATCHES for one in world.queue.waiting))
            upload = next(one for one in world.queue.waiting if one.queue == BATCHES)
            world.queue.waiting.remove(upload)
            message = upload.message.model_dump_json()
            numbers = [0]

            def stands_still(number: int, at: int = at, message: str = message, seen: list[int] = numbers) -> None:
                seen.append(number)
                if number == at:
                    world.clock.advance(3600)
                    run_step(world.services, BATCHES, message)

            with watching(stands_still, after=True):
                run_step(world.services, BATCHES, message)
            world.deliver()
            assert imports_of_a_file(world) == 1, f"a batch was sent twice, held up after request {at}"
            if at not in numbers:
                return


def an_export_has_one_run_at_a_time(worlds: Worlds) -> None:
    """Started on demand, by the timer or by a new snapshot, while it runs, or at any request of another start."""
    with worlds() as world:
        prepare_segment(world)
        calls = requests_of(lambda: world.start(world.add_export("Loyal")))
        world.deliver()
        for at in range(1, calls + 1):
            export = world.add_export("Loyal", schedule=Schedule(active=False))

            def another(number: int, at: int = at, export: Export = export) -> None:
                if number == at:
                    start_by_hand(world, export)

            with watching(another):
                start_by_hand(world, export)
            assert_one_run(world, export, f"two starts at once, at request {at}")

        for seed in range(SEEDS):
            export, events = world.add_export("Loyal"), random.Random(seed)
            seen = []
            for number in range(events.randint(5, 20)):
                event = events.choice(["by hand", "timer", "event", "message", "again"])
                seen.append(event)
                if event == "by hand":
                    start_by_hand(world, export)
                elif event == "timer":
                    refresh(world.services)
                elif event == "event":
                    folder = f"2026/11/22/{seed:02}{number:02}"
                    world.write_snapshot("Loyal", [f"p{number}@example.com,P"], folder=folder)
                    start.start_for_snapshots(world.services, f"{folder}/Loyal_1.csv")
                elif world.queue.waiting:
                    waiting = min(world.queue.waiting)
                    if event == "message":
                        world.deliver_next()
                    else:
                        world.clock.advance((waiting.due - world.clock.now()).total_seconds())
                        run_step(world.services, waiting.queue, waiting.message.model_dump_json())
                assert_one_run(world, export, f"after {seen}")
            world.queue.waiting.clear()


# How it is done


@contextmanager
def unclear(world: World, kind: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if kind == "unreadable":
            patch.setattr(requests.Session, "send", first_import_unreadable())
        elif kind == "slow":
            object.__setattr__(world.settings, "request_timeout_seconds", 0.3)
            world.fault(kind, times=1, delay_seconds=0.6)
        else:
            world.fault(kind, times=1)
        yield


def first_import_unreadable() -> object:
    send = requests.Session.send
    spoilt: list[str] = []

    def spoil(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        answer = send(session, request, **options)  # type: ignore[arg-type]
        if (request.url or "").endswith(IMPORT) and not spoilt:
            spoilt.append("this one")
            answer.raw = urllib3.HTTPResponse(io.BytesIO(b"<html>"), preload_content=False)
        return answer

    return spoil


@contextmanager
def listing_lags(looks_in_vain: int) -> Iterator[None]:
    """The service needs some time until it lists an import that it has taken."""
    find, looks = Account.find_import, [0]

    def lagging(self: Account, file_name: str) -> Activity | None:
        looks[0] += 1
        return None if looks[0] <= looks_in_vain else find(self, file_name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "find_import", lagging)
        yield


def imports_of_a_file(world: World) -> int:
    """The most imports that one file name has become, or that one contact was in without its file having a name."""
    names = world.statistics()["imports_per_source_file_name"]
    assert isinstance(names, dict)
    return max(names.values(), default=0)


def start_by_hand(world: World, export: Export) -> None:
    with suppress(AlreadyRunning):
        world.start(export)


def assert_one_run(world: World, export: Export, where: str) -> None:
    under_way = [run.run_id for run in world.services.runs.newest(export.id, 50) if not run.ended]
    assert len(under_way) <= 1, f"{where}: {len(under_way)} runs at a time"
    holder = world.services.runs.slot(export.id).value.run_id
    assert [holder] == under_way or (holder is None and not under_way), f"{where}: {holder} holds, {under_way} run"


# What protects it


def send_at_any_time(
    self: Account,
    list_id: str,
    file_name: str,
    content: bytes,
    *,
    send_by: datetime,
    send: object = Account.import_file,
) -> Activity:
    assert callable(send)
    sent: Activity = send(self, list_id, file_name, content, send_by=datetime.max.replace(tzinfo=UTC))
    return sent


def start_without_asking(services: Services, export: Export, *given: object, **more: object) -> tuple[Run, bool]:
    """As if the slot were always free."""
    services.runs.change_slot(export.id, run_id=None)
    return _take_slot(services, export, *given, **more)  # type: ignore[arg-type]


_take_slot = start._take_slot

GUARDS = [
    Guard(
        an_unclear_answer_of_any_kind_sends_nothing_twice,
        "waiting for an import that is listed late",
        replaced(upload, "_seconds", lambda _: timedelta(0)),
        "sent [23] times",
    ),
    Guard(
        an_unclear_answer_of_any_kind_sends_nothing_twice,
        "telling a broken connection from none",
        replaced(client, "NoAnswer", Unreachable),
        "sent [23] times",
    ),
    Guard(
        a_worker_that_was_held_up_sends_nothing_that_another_sent,
        "a last moment for sending",
        replaced(Account, "import_file", send_at_any_time),
        "a batch was sent twice",
    ),
    Guard(
        an_export_has_one_run_at_a_time,
        "one transaction for a run and its slot",
        replaced(run_store, "together", one_after_the_other),
        "runs at a time",
    ),
    Guard(
        an_export_has_one_run_at_a_time,
        "asking who holds the slot",
        replaced(start, "_take_slot", start_without_asking),
        "runs at a time",
    ),
]
