"""Runs as JSON."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient

from exporters.sweeping import delete_old_files
from tests.admin.asking import api_as
from tests.admin.exporting import audit, share, told, told_but_starts
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


def test_runs_come_page_by_page_of_one_export_and_of_all(world: World, client: TestClient) -> None:
    one, other = world.add_export("None"), world.add_export("None", name="Other")
    ids = [world.run_to_end(export).run_id for export in (one, other, one, other, one)][::-1]
    for path, expected in (("/api/runs", ids), (f"/api/exports/{one.id}/runs", ids[::2])):
        first = client.get(path, params={"limit": 2}).json()
        rest = client.get(path, params={"limit": 100, "after": first["next"]}).json()
        assert [run["run_id"] for run in first["runs"] + rest["runs"]] == expected
        assert (len(first["runs"]), rest["next"]) == (2, None)


def test_runs_are_listed_by_status(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    good, bad = world.run_to_end(world.add_export("Loyal")), world.run_to_end(world.add_export("None"))
    running = world.start(world.add_export("Loyal"))

    def found(*statuses: str) -> list[str]:
        return [run["run_id"] for run in client.get("/api/runs", params={"status": statuses}).json()["runs"]]

    assert found("successful") == [good.run_id]
    assert found("failed", "successful") == [bad.run_id, good.run_id]
    assert found("queued", "preparing", "uploading", "finishing") == [running.run_id]
    assert client.get("/api/runs", params={"status": "odd"}).status_code == 422


def test_a_run_says_why_it_failed_in_words_and_as_a_code(world: World, client: TestClient) -> None:
    run = world.run_to_end(world.add_export("None"))
    for found in (
        client.get(f"/api/exports/{run.export_id}/runs/{run.run_id}").json(),
        client.get("/api/runs").json()["runs"][0],
    ):
        assert (found["problem"], found["status"]) == ("no_snapshot", "failed")
        assert "None" in found["error"]


def test_who_starts_a_run_may_be_named(world: World, client: TestClient) -> None:
    address = f"/api/exports/{world.add_export('Loyal').id}/runs"
    started = client.post(address, json={"started_by": "the night job"})
    assert client.get(started.headers["Location"]).json()["started_by"] == "the night job"
    assert told(world) == [("started", "the night job")]
    assert [entry.by_id for entry in audit(world)] == ["function-key"]


def test_who_is_signed_in_starts_runs_in_no_other_name(world: World) -> None:
    share(world)
    address = f"/api/exports/{world.add_export('Loyal').id}/runs"
    with api_as(world, "Contributor") as signed_in:
        started = signed_in.post(address, json={"started_by": "Ada Administrator"})
        by = signed_in.get(started.headers["Location"]).json()["started_by"]
    assert (started.status_code, told(world)) == (202, [("started", by)])
    assert by != "Ada Administrator"


def test_the_runs_of_an_export_that_was_removed_can_still_be_read(world: World, client: TestClient) -> None:
    run = world.run_to_end(world.add_export("None"))
    world.services.exports.remove(run.export_id)
    listed = client.get(f"/api/exports/{run.export_id}/runs").json()["runs"]
    read = client.get(f"/api/exports/{run.export_id}/runs/{run.run_id}")
    assert (listed, read.status_code) == ([read.json()], 200)


def test_an_export_that_never_was_has_no_runs_to_list(client: TestClient) -> None:
    assert client.get("/api/exports/never/runs").status_code == 404


def test_a_run_is_canceled_once(world: World, client: TestClient) -> None:
    run = world.start(world.add_export("Loyal"))
    address = f"/api/exports/{run.export_id}/runs/{run.run_id}"
    canceled = client.post(f"{address}/cancel")
    assert (canceled.status_code, canceled.json()["canceled_by"]) == (202, "function key")
    world.deliver()
    assert client.get(address).json()["status"] == "canceled"
    assert client.post(f"{address}/cancel").status_code == 409
    assert told_but_starts(world) == [("canceled", "function key")]


def test_rejected_rows_come_page_by_page(world: World, client: TestClient) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "one,1", "two,2", "three,3"])
    run = world.run_to_end(world.add_export("Loyal"))
    address = f"/api/exports/{run.export_id}/runs/{run.run_id}/rejected-rows"
    first = client.get(address, params={"limit": 2}).json()
    assert [row["line"] for row in first["rejected_rows"]] == [3, 4]
    rest = client.get(address, params={"limit": 2, "after": first["next"]}).json()
    assert [row["line"] for row in rest["rejected_rows"]] == [5]
    assert rest["next"] is None


def test_rejected_rows_are_a_file_too_and_no_cell_of_it_is_a_formula(world: World, client: TestClient) -> None:
    world.write_snapshot("=Loyal", ["no address,Bo"])
    run = world.run_to_end(world.add_export("=Loyal"))
    answer = client.get(f"/api/exports/{run.export_id}/runs/{run.run_id}/rejected-rows.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="rejected-rows-{run.run_id}.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (row["segment"], row["line"], row["code"]) == ("'=Loyal", "2", "email_malformed")


@pytest.mark.parametrize("path", ["rejected-rows", "rejected-rows.csv"])
def test_after_their_retention_time_rejected_rows_are_said_to_be_gone(
    world: World, client: TestClient, path: str
) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana", "no address,Bo"])
    world.write_snapshot("Clean", ["ana@example.com,Ana"])
    some, none = world.run_to_end(world.add_export("Loyal")), world.run_to_end(world.add_export("Clean"))
    world.clock.advance(world.settings.file_retention_days * 86_400 + 60)
    delete_old_files(world.services)
    gone = client.get(f"/api/exports/{some.export_id}/runs/{some.run_id}/{path}")
    assert (gone.status_code, gone.headers["content-type"]) == (410, "application/problem+json")
    assert "deleted" in gone.json()["detail"]
    assert client.get(f"/api/exports/{none.export_id}/runs/{none.run_id}/{path}").status_code == 200


@pytest.mark.parametrize("run_id", ["none", "20260101T000000000-abcdef", "a" * 300])
@pytest.mark.parametrize("path", ["", "/rejected-rows", "/rejected-rows.csv"])
def test_a_run_that_is_not_there_is_said_to_be_so(world: World, client: TestClient, run_id: str, path: str) -> None:
    export = world.add_export("Loyal")
    answer = client.get(f"/api/exports/{export.id}/runs/{run_id}{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
