"""Runs as JSON."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.exporters.world import World


def test_the_runs_of_an_export_are_listed_newest_first_with_their_counts(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "no address,Bo"])
    made = world.add_export("Loyal")
    first, second = world.run_to_end(made), world.run_to_end(made)
    runs = client.get(f"/api/exports/{made.id}/runs").json()["runs"]
    assert [run["run_id"] for run in runs] == [second.run_id, first.run_id]
    counts = runs[0]["counts"]
    assert counts["read"] == counts["sent"] + counts["duplicates"] + counts["rejected"] == 2
    assert [batch["state"] for batch in runs[0]["batches"]] == ["completed"]


def test_rejected_rows_come_page_by_page(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "one,1", "two,2", "three,3"])
    run = world.run_to_end(world.add_export("Loyal"))
    address = f"/api/exports/{run.export_id}/runs/{run.run_id}/rejected-rows"
    first = client.get(address, params={"limit": 2}).json()
    assert [row["line"] for row in first["rejected_rows"]] == [3, 4]
    rest = client.get(address, params={"limit": 2, "offset": first["next"]}).json()
    assert [row["line"] for row in rest["rejected_rows"]] == [5]
    assert rest["next"] is None
