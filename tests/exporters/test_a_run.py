"""A run from its start to its end, in the ordinary course."""

from __future__ import annotations

import requests

from exporters.runs import Run
from tests.exporters.world import World


def places(world: World, run: Run) -> list[tuple[str, str, int | None, str]]:
    return [
        (row.segment, row.partition.rpartition("/")[2], row.line, row.code) for row in world.files(run).rejected_rows()
    ]


def content(world: World, run: Run) -> list[bytes]:
    return [world.files(run).batch(stored.value) for stored in world.services.runs.batches(run.run_id)]


def test_a_profile_goes_from_the_snapshot_to_the_list(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "bo@example.com,Bo"])
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.status == "successful", run.error
    assert world.members() == ["ana@example.com", "bo@example.com"]


def test_every_profile_is_counted_in_exactly_one_place(world: World) -> None:
    world.write_snapshot(
        "Loyal", ["ana@example.com,Ana", "ANA@example.com,Again", "no address,Bo", "eve@example.com,E"]
    )
    world.write_snapshot("Newsletter", ["ana@example.com,Ana", "cy@example.com,Cy", ",Nobody"])
    seed = {"contacts": [{"email": "eve@example.com", "permission": "unsubscribed"}]}
    requests.post(f"{world.simulator.url}/_simulator/contacts", json=seed, timeout=10).raise_for_status()
    world.fault("rows-refused", match="cy@", times=1)

    run = world.run_to_end(world.add_export("Loyal", "Newsletter"))

    assert run.status == "completed_with_warnings", run.error
    counts = run.counts
    assert (counts.read, counts.sent, counts.duplicates, counts.rejected) == (7, 2, 2, 3)
    assert (counts.rejected_by_us, counts.rejected_by_constant_contact, counts.not_added) == (2, 1, 1)
    assert counts.adds_up
    assert world.members() == ["ana@example.com"]


def test_every_rejected_row_is_named_with_its_place_whoever_rejected_it(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "no address,Bo", 'cy@example.com,"two\nlines"', ",Nobody"])
    world.fault("rows-refused", match="cy@", times=1)
    run = world.run_to_end(world.add_export("Loyal"))
    assert places(world, run) == [
        ("Loyal", "Loyal_1.csv", 3, "email_malformed"),
        ("Loyal", "Loyal_1.csv", 6, "email_missing"),
        ("Loyal", "Loyal_1.csv", 4, "constant_contact"),
    ]


def test_a_rejected_row_never_tells_the_address(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "bo@@example.com,Bo", "cy@example.com,Cy"])
    world.fault("rows-refused", match="cy@", times=1)
    run = world.run_to_end(world.add_export("Loyal"))
    assert not any("example.com" in row.reason for row in world.files(run).rejected_rows())


def test_the_same_snapshot_and_mapping_give_byte_identical_batches(world: World) -> None:
    world.write_snapshot("Loyal", [f"person{number}@example.com,Name {number}" for number in range(500)])
    export = world.add_export("Loyal")
    first, second = world.run_to_end(export), world.run_to_end(export)
    assert first.run_id != second.run_id
    assert content(world, first) == content(world, second)
    assert world.files(first).places(1) == world.files(second).places(1)


def test_the_batch_goes_under_the_name_of_the_run_and_its_number(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    run = world.run_to_end(world.add_export("Loyal"))
    assert world.statistics()["imports_per_source_file_name"] == {f"{run.run_id}-0001.csv": 1}
