"""What is refused before anything is uploaded: each with an error that names the thing, and nothing lost."""

from __future__ import annotations

import gzip
import json

import pytest

from exporters import prepare, profiles, start
from exporters.runs import Run
from exporters.steps import run_step
from local.constant_contact.v3 import lists
from shared import snapshots
from shared.queues import RUNS
from tests.exporters.world import World

FOLDER = "CustomerInsights_x/BlobExport/Loyal/2026/11/22/0130"


def model(segment: str, location: str) -> bytes:
    """A model.json with one column and one partition."""
    entity = {"$type": "LocalEntity", "name": segment, "attributes": [{"name": "EMail", "dataType": "string"}]}
    partitions = [{"name": f"{segment}_1", "location": location}]
    return json.dumps({"name": "m", "version": "1.0", "entities": [{**entity, "partitions": partitions}]}).encode()


def assert_failed_before_any_upload(world: World, run: Run, *named: str) -> None:
    assert run.status == "failed"
    for name in named:
        assert name in (run.error or ""), run.error
    assert world.statistics()["imports_accepted"] == 0
    assert run.counts.adds_up
    assert run.counts.sent == 0
    left = [name for name in world.services.files.list_blob_names() if "/batch-" in name]
    assert left == [], "batch files hold personal data and are of no use any more"


def test_a_mapped_column_that_is_not_there_is_named(world: World) -> None:
    world.upload(f"{FOLDER}/Loyal_1.csv", b"ana@example.com\n")
    world.upload(
        "CustomerInsights_x/BlobExport/model.json",
        model("Loyal", f"{world.services.snapshots.container_name}/{FOLDER}/Loyal_1.csv"),
    )
    run = world.run_to_end(world.add_export("Loyal", mapping={"email": "Mail"}))
    assert_failed_before_any_upload(world, run, "Mail", "Loyal", "EMail")


def test_a_file_without_header_and_model_is_refused(world: World) -> None:
    world.upload(f"{FOLDER}/Loyal_1.csv", b"ana@example.com,Ana\nbo@example.com,Bo\n")
    run = world.run_to_end(world.add_export("Loyal"))
    assert_failed_before_any_upload(world, run, "Loyal_1.csv", "header")


def test_two_schemas_in_one_snapshot_are_refused(world: World) -> None:
    world.upload(f"{FOLDER}/Loyal_1.csv", b"EMail,FirstName\nana@example.com,Ana\n")
    world.upload(f"{FOLDER}/Loyal_2.csv", b"FirstName,EMail,City\nBo,bo@example.com,Rome\n")
    run = world.run_to_end(world.add_export("Loyal"))
    assert_failed_before_any_upload(world, run, "Loyal_1.csv", "Loyal_2.csv")


def test_a_truncated_gzip_is_refused(world: World) -> None:
    packed = gzip.compress("".join(["EMail,FirstName\n", *(f"p{n}@example.com,P\n" for n in range(60_000))]).encode())
    world.upload(f"{FOLDER}/Loyal_1.csv.gz", packed[: len(packed) - 100])
    run = world.run_to_end(world.add_export("Loyal"))
    assert_failed_before_any_upload(world, run, "Loyal_1.csv.gz")


def test_a_file_that_is_not_utf_8_is_refused(world: World) -> None:
    world.upload(f"{FOLDER}/Loyal_1.csv", "EMail,FirstName\nana@example.com,Ană\n".encode("cp1250"))
    run = world.run_to_end(world.add_export("Loyal"))
    assert_failed_before_any_upload(world, run, "Loyal_1.csv", "utf-8")


def test_an_empty_segment_is_refused_though_another_one_has_profiles(world: World) -> None:
    world.write_snapshot("Newsletter", ["ana@example.com,Ana"])
    world.write_snapshot("Loyal", [])
    run = world.run_to_end(world.add_export("Newsletter", "Loyal"))
    assert_failed_before_any_upload(world, run, "“Loyal”", "no profile")


def test_more_contacts_than_an_export_may_have_are_refused_with_their_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "MOST_CONTACTS", 10)
    world.write_snapshot("Loyal", [f"p{number}@example.com,P" for number in range(11)])
    run = world.run_to_end(world.add_export("Loyal"))
    assert_failed_before_any_upload(world, run, "11", "10")


def test_as_many_contacts_as_an_export_may_have_go_through(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "MOST_CONTACTS", 10)
    world.write_snapshot("Loyal", [f"p{number}@example.com,P" for number in range(10)])
    assert world.run_to_end(world.add_export("Loyal")).status == "successful"


def test_an_unknown_list_is_named(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    unknown = "00000000-0000-0000-0000-000000000000"
    run = world.run_to_end(world.add_export("Loyal", list_id=unknown))
    assert_failed_before_any_upload(world, run, unknown, "Newsletter")


def test_a_list_that_was_deleted_is_none_although_constant_contact_still_tells_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_json = lists._as_json
    deleted = {"deleted_at": "2026-11-22T01:00:00.000Z"}
    monkeypatch.setattr(lists, "_as_json", lambda *given: as_json(*given) | deleted)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    run = world.run_to_end(world.add_export("Loyal", list_name="Friends"))
    assert_failed_before_any_upload(world, run, "“Friends”", "it was deleted")
    assert run.problem == "list_missing"


def test_a_connection_without_consent_is_refused(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    connection = world.add_connection(consent=False)
    run = world.run_to_end(world.add_export("Loyal", connection_id=connection.id))
    assert_failed_before_any_upload(world, run, "consent")


def test_a_connection_without_a_token_is_refused(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    connection = world.add_connection(token=False)
    run = world.run_to_end(world.add_export("Loyal", connection_id=connection.id))
    assert_failed_before_any_upload(world, run, "no token in Key Vault")


def test_a_secret_that_holds_no_token_pair_is_refused_without_being_told(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.secrets.set(world.connection.secret_name, "hunter2")
    run = world.run_to_end(world.add_export("Loyal"))
    assert_failed_before_any_upload(world, run, "not a token pair")
    assert "hunter2" not in (run.error or "")


def test_a_segment_that_is_not_there_is_named_with_those_that_are(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    run = world.run_to_end(world.add_export("Loyl"))
    assert_failed_before_any_upload(world, run, "“Loyl”", "“Loyal”")


def test_a_partition_outside_the_container_is_not_fetched(world: World) -> None:
    world.upload(f"{FOLDER}/Loyal_1.csv", b"EMail\nana@example.com\n")
    outside = model("Loyal", "https://elsewhere.example/other/secret.csv")
    world.upload("CustomerInsights_x/BlobExport/model.json", outside)
    run = world.run_to_end(world.add_export("Loyal", mapping={"email": "EMail"}))
    assert_failed_before_any_upload(world, run, "model.json")


def test_a_run_waits_for_a_snapshot_that_is_still_being_written(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    world.start(export)
    world.deliver_next()
    assert "still being written" in (world.last_run(export).waiting or "")
    world.deliver()
    assert world.last_run(export).status == "successful"


def test_a_run_started_by_an_event_gives_the_other_segments_time_to_appear(world: World) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal", "Newsletter")
    start.start_for_snapshots(world.services, f"{FOLDER}/Loyal_1.csv")
    world.deliver_next()
    world.write_snapshot("Newsletter", ["bo@example.com,Bo"])
    world.deliver()
    assert world.last_run(export).status == "successful", world.last_run(export).error


def test_a_snapshot_that_changes_while_it_is_read_fails_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    read = snapshots.read_rows

    def overwritten_in_between(*given: object, **options: object) -> object:
        world.write_snapshot("Loyal", ["bo@example.com,Bo"])
        return read(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(profiles, "read_rows", overwritten_in_between)
    run = world.run_to_end(world.add_export("Loyal"))
    assert_failed_before_any_upload(world, run, "Loyal_1.csv", "changed")


def test_a_worker_that_comes_late_leaves_a_prepared_run_as_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal")
    run = world.start(export)
    world.clock.advance(world.settings.snapshot_quiet_seconds)
    message = world.queue.waiting[0].message
    read = snapshots.read_rows

    def overtaken(*given: object, **options: object) -> object:
        """While this worker reads, another one prepares the run and the snapshot is written again."""
        monkeypatch.setattr(profiles, "read_rows", read)
        prepare.prepare(world.services, message)
        world.write_snapshot("Loyal", ["bo@example.com,Bo"])
        return read(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(profiles, "read_rows", overtaken)
    run_step(world.services, RUNS, message.model_dump_json())
    world.deliver()
    ended = world.services.runs.get(export.id, run.run_id)
    assert ended.status == "successful", ended.error
    assert world.members() == ["ana@example.com"]


def test_a_run_of_which_no_profile_can_be_a_contact_has_failed(world: World) -> None:
    world.write_snapshot("Loyal", ["Ana,ana@example.com", "Bo,bo@example.com"])
    export = world.add_export("Loyal")
    run = world.run_to_end(export)
    assert_failed_before_any_upload(world, run, "None of the 2 profiles", "e-mail address")
    assert world.services.runs.slot(export.id).value.exported == {}
