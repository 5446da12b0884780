"""The storage does not show the app the snapshots: whoever asks for segments is told what to do about it."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.exporters.world import World


def test_segments_of_a_container_that_is_not_there_are_not_to_be_had_for_now(world: World, client: TestClient) -> None:
    world.services.snapshots.delete_container()
    answer = client.get("/api/segments")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    said = answer.json()["detail"]
    assert f"“{world.services.snapshots.container_name}”" in said
    assert "Check that the container exists" in said


def test_one_damaged_model_file_hides_no_other_segment(world: World, client: TestClient) -> None:
    world.write_snapshot("Members", ["ana@example.com,Ana"])
    world.upload("CustomerInsights_y/model.json", b"{nonsense")
    world.upload("CustomerInsights_y/Other/2026/11/02/0600/Other_1.csv", b"EMail\nbob@example.com\n")
    world.clock.advance(600)
    found = {one["name"]: one["warnings"] for one in client.get("/api/segments").json()["segments"]}
    assert found["Other"] == ["broken"]
    assert "broken" not in found["Members"]
