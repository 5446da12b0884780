"""The counts of a run are the same on its page, as JSON and on the list, and every profile is in one place."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests

from admin.pages.run_words import places
from exporters import turns
from exporters.batches import cut_batches
from exporters.cancel import cancel
from exporters.runs import Run, Status
from shared.models import Export
from tests.admin.asking import api_as, pages_as
from tests.admin.pages.reading import Page
from tests.admin.pages.test_run import figures
from tests.exporters.world import World

PEOPLE = [f"person{number}@example.com,Name" for number in range(6)]
# An address twice, two that are none, one whose owner has unsubscribed, one that Constant Contact refuses.
DIRTY = [
    *PEOPLE,
    "PERSON0@example.com,Again",
    "no address,Bo",
    ",Nobody",
    "eve@example.com,Eve",
    "cy@example.com,Cy",
]


@dataclass(frozen=True)
class Case:
    """A run: of which profiles, what happens to it, how it ends and where its profiles go."""

    profiles: list[str]
    do: Callable[[World, Export], Run]
    status: Status
    places: dict[str, int]


def to_its_end(world: World, export: Export) -> Run:
    return world.run_to_end(export)


def with_a_refusal(world: World, export: Export) -> Run:
    seed = {"contacts": [{"email": "eve@example.com", "permission": "unsubscribed"}]}
    requests.post(f"{world.simulator.url}/_simulator/contacts", json=seed, timeout=10).raise_for_status()
    world.fault("rows-refused", match="cy@", times=1000)
    return world.run_to_end(export)


def canceled_after_a_batch(world: World, export: Export) -> Run:
    run = after_a_batch(world, export)
    cancel(world.services, run.export_id, run.run_id, "Ana")
    world.deliver()
    return run


def forbidden_after_a_batch(world: World, export: Export) -> Run:
    run = after_a_batch(world, export)
    world.fault("forbidden", times=1000)
    world.deliver()
    world.clear_faults()
    return run


def after_a_batch(world: World, export: Export) -> Run:
    run = world.start(export)
    states = world.services.runs.batches
    world.deliver(until=lambda: any(one.value.state in ("uploaded", "completed") for one in states(run.run_id)))
    return run


CASES = {
    "clean": Case(PEOPLE, to_its_end, "successful", {"sent": 6}),
    "dirty": Case(
        DIRTY,
        with_a_refusal,
        "completed_with_warnings",
        {"sent": 6, "duplicate": 1, "rejected_by_us": 2, "not_added": 1, "rejected_by_them": 1},
    ),
    "empty": Case([], to_its_end, "failed", {}),
    "no contact at all": Case(["nobody,A", ",B"], to_its_end, "failed", {"rejected_by_us": 2}),
    "canceled": Case(
        [*PEOPLE, "no address,Bo"],
        canceled_after_a_batch,
        "canceled",
        {"sent": 2, "not_sent": 4, "rejected_by_us": 1},
    ),
    "failed": Case(
        [*PEOPLE, "no address,Bo"], forbidden_after_a_batch, "failed", {"sent": 2, "not_sent": 4, "rejected_by_us": 1}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_counts_agree_wherever_they_are_read(world: World, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    # Batches of two, one after the other.
    monkeypatch.setitem(cut_batches.__kwdefaults__ or {}, "max_contacts", 2)
    monkeypatch.setattr(turns, "AT_ONCE", 1)
    world.write_snapshot("Loyal", case.profiles)
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    run = case.do(world, world.add_export("Loyal"))

    assert shown(world, run) == case.places
    assert told(world, run) == (case.status, len(case.profiles), case.places)
    assert len(world.members()) == case.places.get("sent", 0)
    assert rejected(world, run) == case.places.get("rejected_by_us", 0) + case.places.get("rejected_by_them", 0)


def shown(world: World, run: Run) -> dict[str, int]:
    """Where the profiles went, on the page."""
    with pages_as(world, "Viewer") as browser:
        found = figures(Page(browser.get(f"/exports/{run.export_id}/runs/{run.run_id}")))
    ended = world.services.runs.get(run.export_id, run.run_id)
    place_of = {name: place for place, (name, _) in places(ended).items()}
    return {place_of[name]: int(number) for name, number in found.items() if number != "0"}


def told(world: World, run: Run) -> tuple[str, int, dict[str, int]]:
    """The status, how many were read, and where they went, as JSON: alike in the run and in every list."""
    with api_as(world, "Viewer") as program:
        record = program.get(f"/api/exports/{run.export_id}/runs/{run.run_id}").json()
        lists = [
            program.get(f"/api/exports/{run.export_id}/runs").json()["runs"][0],
            program.get("/api/runs").json()["runs"][0],
            program.get(f"/api/exports/{run.export_id}").json()["last_run"],
        ]
    counts = record["counts"]
    assert [one["counts"] for one in lists] == [counts] * 3
    assert [one["status"] for one in lists] == [record["status"]] * 3
    assert counts["read"] == counts["sent"] + counts["duplicates"] + counts["rejected"] + counts["not_sent"]
    assert counts["rejected"] == counts["rejected_by_us"] + counts["rejected_by_constant_contact"]
    places = {
        "sent": counts["sent"] - counts["not_added"],
        "not_added": counts["not_added"],
        "duplicate": counts["duplicates"],
        "rejected_by_us": counts["rejected_by_us"],
        "rejected_by_them": counts["rejected_by_constant_contact"],
        "not_sent": counts["not_sent"],
    }
    return record["status"], counts["read"], {place: number for place, number in places.items() if number}


def rejected(world: World, run: Run) -> int:
    """How many rejected rows are named: as many as JSON as in the file."""
    path = f"/api/exports/{run.export_id}/runs/{run.run_id}/rejected-rows"
    with api_as(world, "Viewer") as program:
        rows = program.get(path).json()["rejected_rows"]
        in_file = list(csv.DictReader(io.StringIO(program.get(f"{path}.csv").text)))
    assert len(rows) == len(in_file)
    return len(rows)
