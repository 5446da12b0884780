"""What needs a person and what is under way, as JSON."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.admin.asking import api_as
from tests.admin.exporting import share
from tests.exporters.world import World


def test_what_failed_last_and_what_is_under_way_is_told(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    mended, broken = world.add_export("None", name="Mended"), world.add_export("None", name="Broken")
    for export in (mended, broken):
        world.run_to_end(export)
    world.services.exports.change(mended.id, lambda one: one.model_copy(update={"segments": ("Loyal",)}))
    world.run_to_end(world.services.exports.get(mended.id))
    running = world.start(world.add_export("Loyal", name="Running"))
    found = client.get("/api/home").json()
    assert [one["export_name"] for one in found["failed"]] == ["Broken"]
    assert [one["run_id"] for one in found["under_way"]] == [running.run_id]
    # A day may have ended since.
    assert sum(day["sent"] for day in found["exported_by_day"][-2:]) == 1
    assert len(found["exported_by_day"]) == 30
    assert 0 < found["calls_left_today"] < found["calls_a_day"]


def test_an_export_that_was_removed_needs_nobody(world: World, client: TestClient) -> None:
    export = world.add_export("None")
    world.run_to_end(export)
    world.services.exports.remove(export.id)
    assert client.get("/api/home").json()["failed"] == []


def test_of_connections_that_wait_for_a_sign_in_people_learn_what_they_may_know(world: World) -> None:
    shared = share(world, world.add_connection())
    for who, ids in (
        ("Administrator", {world.connection.id, shared.id}),
        ("Contributor", {shared.id}),
        ("Viewer", set()),
    ):
        with api_as(world, who) as program:
            found = program.get("/api/home").json()["connections_to_sign_in"]
        assert {one["id"] for one in found} == ids, who
