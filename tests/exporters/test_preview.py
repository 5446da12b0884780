"""What is shown before anything leaves: the same as the run would do, and nothing is sent or written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from exporters import batches, profiles
from exporters import preview as preview_module
from exporters.constant_contact.limits import API, KEPT_FOR_FOLLOWING
from exporters.known_counts import count_of
from exporters.preview import Preview, ReasonCount, preview
from exporters.runs import Run
from exporters.segments import segment_facts
from shared.models import Export
from shared.snapshots import Complete, ReadOptions
from tests.exporters.world import World

MAPPING = {"first_name": "FirstName", "email": "EMail"}
DIRTY = [
    "ana@example.com,Ana",
    "ANA@example.com,Ana again",
    "bo@example.com," + "B" * 60,
    ",Nobody",
    "no address,X",
    "no address either,X",
    "three@example.com,cells,here",
]


def write(world: World, segment: str, rows: Iterable[str], **more: str) -> None:
    world.write_snapshot(segment, rows, **more)
    world.clock.advance(30)


def seen(world: World, *names: str, **more: Any) -> Preview:
    return preview(world.services, segments=names, mapping=more.pop("mapping", MAPPING), **more)


def run_of(world: World, *names: str, **more: Any) -> Run:
    export: Export = world.add_export(*names, mapping=MAPPING, **more)
    return world.run_to_end(export)


def test_the_first_contacts_are_shown_as_they_would_be_sent(world: World) -> None:
    write(world, "Loyal", [" Ana@Example.COM ,  Ana  Maria ", "bo@example.com,", "cy@example.com,Cy"])
    found = seen(world, "Loyal", first=2)
    assert found.columns == ("email", "first_name")
    assert found.contacts == (
        {"email": "Ana@example.com", "first_name": "Ana Maria"},
        {"email": "bo@example.com", "first_name": ""},
    )
    assert (found.read, found.to_send, found.counted_all, found.problem) == (3, 3, True, None)


def test_a_preview_counts_what_the_run_counts_then(world: World) -> None:
    write(world, "Loyal", DIRTY)
    write(world, "Other", ["bo@example.com,Bo", "cy@example.com,Cy"])
    found = seen(world, "Loyal", "Other")
    run = run_of(world, "Loyal", "Other")
    counts = run.counts
    assert (found.read, found.to_send, found.duplicates, found.rejected) == (9, 3, 2, 4)
    assert (counts.read, counts.prepared, counts.duplicates, counts.rejected_by_us) == (9, 3, 2, 4)
    assert (found.shortened, found.left_out) == (counts.shortened, counts.left_out) == (1, 0)
    assert found.batches == run.batches
    assert found.to_send == len(world.members())
    assert list(found.examples) == list(world.files(run).rejected_rows())


def test_rejected_profiles_are_counted_by_reason_with_examples(world: World) -> None:
    write(world, "Loyal", DIRTY)
    found = seen(world, "Loyal")
    assert {(one.code, one.count) for one in found.reasons} == {
        ("email_malformed", 2),
        ("email_missing", 1),
        ("row_malformed", 1),
    }
    assert found.reasons[0] == ReasonCount("email_malformed", "The e-mail address is not written as name@domain.", 2)
    assert [(one.segment, one.line, one.code) for one in found.examples] == [
        ("Loyal", 5, "email_missing"),
        ("Loyal", 6, "email_malformed"),
        ("Loyal", 7, "email_malformed"),
        ("Loyal", 8, "row_malformed"),
    ]
    assert found.examples[0].partition.endswith("/Loyal_1.csv")


def test_a_few_rejected_rows_are_example_enough(world: World) -> None:
    write(world, "Loyal", ["ana@example.com,Ana", *(f"no address {number},X" for number in range(50))])
    found = seen(world, "Loyal")
    assert (found.rejected, len(found.examples)) == (50, 10)


def test_nothing_is_sent_or_written(world: World) -> None:
    write(world, "Loyal", DIRTY)
    seen(world, "Loyal", connection=world.connection)
    assert world.statistics()["requests"] == {}
    assert list(world.services.files.list_blob_names()) == []
    assert world.queue.sent == 0


def test_the_calls_it_takes_are_told_beside_those_that_are_left(world: World) -> None:
    write(world, "Loyal", ["ana@example.com,Ana"])
    found = seen(world, "Loyal", connection=world.connection)
    run = run_of(world, "Loyal")
    assert found.calls_left_today == (API.a_day or 0) - KEPT_FOR_FOLLOWING
    assert found.batches == 1
    # It is looked at a little longer where Constant Contact takes longer.
    assert found.calls <= run.requests <= found.calls + 3
    assert seen(world, "Loyal").calls_left_today is None


def test_batches_are_cut_as_those_of_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_BYTES", 400)
    monkeypatch.setattr(batches.cut_batches, "__kwdefaults__", {"max_contacts": 10, "max_bytes": 400})
    write(world, "Loyal", [f"person.{number}@example.com,Name{number}" for number in range(35)])
    found = seen(world, "Loyal")
    run = run_of(world, "Loyal")
    assert found.batches == run.batches
    assert found.batches >= 4
    assert found.calls > found.batches


# What cannot be counted in time


def test_when_the_time_is_up_the_rest_is_estimated(world: World) -> None:
    rows = [f"person.{number}@example.com,Name" if number % 2 else "no address,X" for number in range(25_000)]
    write(world, "Loyal", rows)
    found = seen(world, "Loyal", seconds=0)
    assert not found.counted_all
    assert (found.read, found.to_send, found.rejected) == (10_000, 5_000, 5_000)
    assert found.profiles_expected is not None
    assert 22_000 <= found.profiles_expected <= 28_000
    assert found.batches == 1
    assert len(found.contacts) == 10
    whole = seen(world, "Loyal")
    assert (whole.counted_all, whole.read, whole.profiles_expected, whole.to_send) == (True, 25_000, 25_000, 12_500)
    assert seen(world, "Loyal", seconds=0).profiles_expected == 25_000, "what was counted once is known"


def test_no_fewer_are_expected_than_were_read(world: World) -> None:
    write(world, "Loyal", [f"person.{number}@example.com,Name" for number in range(15_000)])
    choice = world.services.catalog().choose("Loyal", world.clock.now())
    assert isinstance(choice, Complete)
    world.services.counts.note(count_of(choice.snapshot, 9_000, exact=False))
    found = seen(world, "Loyal", seconds=0)
    assert (found.read, found.profiles_expected) == (10_000, 10_000)


def test_what_one_person_cannot_read_is_not_broken_for_others(world: World) -> None:
    write(world, "Loyal", ["ana@example.com,Ana"])
    found = seen(world, "Loyal", reading=ReadOptions(encoding="utf-16"))
    assert (found.problem_code, found.profiles_expected) == ("broken_snapshot", None)
    assert world.services.counts.all() == {}
    (facts,) = segment_facts(world.services)
    assert (facts.profiles, facts.problem) == (1, None)


def test_what_one_person_counts_otherwise_is_not_the_count_for_others(world: World) -> None:
    write(world, "Loyal", ['ana@example.com,"two\nlines"'])
    found = seen(world, "Loyal", reading=ReadOptions(delimiter=";"), mapping={"email": "EMail,FirstName"})
    assert (found.read, found.counted_all) == (2, True)
    assert world.services.counts.all() == {}
    (facts,) = segment_facts(world.services)
    assert (facts.profiles, facts.exact) == (1, True)


def test_a_segment_that_only_another_reading_makes_sense_of_is_estimated_with_it(world: World) -> None:
    content = "EMail;FirstName\n" + "".join(f"zoé.{number}@example.com;Zoé\n" for number in range(15_000))
    world.upload("CustomerInsights_x/BlobExport/Loyal/2026/11/22/0130/Loyal_1.csv", content.encode("utf-16"))
    world.clock.advance(30)
    (facts,) = segment_facts(world.services)
    assert facts.warnings[0] == "broken"
    found = seen(world, "Loyal", reading=ReadOptions(encoding="utf-16"), seconds=0)
    assert found.profiles_expected is not None
    assert 12_000 <= found.profiles_expected <= 18_000


def test_batches_of_the_rest_are_estimated_by_what_was_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_module, "MAX_CONTACTS", 1_000)
    monkeypatch.setattr(batches.cut_batches, "__kwdefaults__", {"max_contacts": 1_000, "max_bytes": 4_000_000})
    write(world, "Loyal", [f"person.{number}@example.com,Name" for number in range(30_000)])
    whole = seen(world, "Loyal")
    part = seen(world, "Loyal", seconds=0)
    assert (whole.batches, part.batches) == (30, 30)


def test_that_too_many_are_to_be_expected_is_said_before_all_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "MOST_CONTACTS", 15_000)
    write(world, "Loyal", [f"person.{number}@example.com,Name" for number in range(25_000)])
    seen(world, "Loyal")
    found = seen(world, "Loyal", seconds=0)
    assert found.problem is None
    assert "About 25,000 contacts are expected; Constant Contact takes 15,000" in found.warnings[0]


# What stands against the export


@pytest.mark.parametrize(
    ("rows", "code", "sentence"),
    [
        ([], "empty_segment", "“Loyal” holds no profile"),
        (["no address,X", "none,Y"], "all_rejected", "None of the 2 profiles can be a contact"),
        (['ana@example.com,"open'], "broken_snapshot", "quote is not closed"),
    ],
)
def test_what_stands_against_it_is_told(world: World, rows: list[str], code: str, sentence: str) -> None:
    write(world, "Loyal", rows)
    found = seen(world, "Loyal")
    assert found.problem_code == code
    assert sentence in (found.problem or "")
    run = run_of(world, "Loyal")
    assert (run.status, run.problem) == ("failed", code)


def test_what_was_read_before_it_broke_is_shown(world: World) -> None:
    write(world, "Loyal", [*DIRTY, '"open,X'])
    found = seen(world, "Loyal")
    assert found.problem_code == "broken_snapshot"
    assert (found.read, found.to_send, found.counted_all) == (7, 2, False)
    assert [contact["email"] for contact in found.contacts] == ["ana@example.com", "bo@example.com"]


def test_more_contacts_than_an_export_may_have_are_told_with_their_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "MOST_CONTACTS", 10)
    write(world, "Loyal", [f"p{number}@example.com,P" for number in range(12)])
    found = seen(world, "Loyal")
    assert found.problem_code == "too_many"
    assert "has 12 contacts; Constant Contact takes 10" in (found.problem or "")
    assert found.to_send == 12


def test_a_segment_that_is_not_there_or_not_yet_is_told(world: World) -> None:
    world.write_snapshot("Loyal", DIRTY)
    missing, not_yet = seen(world, "Nobody", connection=world.connection), seen(world, "Loyal")
    assert missing.problem_code == not_yet.problem_code == "no_snapshot"
    assert "“Nobody”" in (missing.problem or "")
    assert missing.calls_left_today is not None
    assert "still being written" in (not_yet.problem or "")


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"first_name": "FirstName"}, "choose the column that holds the e-mail address"),
        ({"email": "EMail", "shoe_size": "X"}, "no import column 'shoe_size'"),
        ({"email": ""}, "at least 1 character"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_told(world: World, mapping: dict[str, str], sentence: str) -> None:
    write(world, "Loyal", DIRTY)
    assert sentence in (seen(world, "Loyal", mapping=mapping).problem or "")


def test_a_column_that_is_not_there_is_told(world: World) -> None:
    write(world, "Loyal", DIRTY)
    found = seen(world, "Loyal", mapping={"email": "EMail", "first_name": "Vorname"})
    assert (found.problem_code, found.read) == ("column_missing", 0)
    assert "Vorname" in (found.problem or "")


def test_an_export_without_segments_is_told(world: World) -> None:
    assert "at least one segment" in (seen(world).problem or "")


def test_an_outage_is_no_problem_of_the_export(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write(world, "Loyal", DIRTY)

    def away(*_: object) -> None:
        raise ServiceRequestError("away")

    monkeypatch.setattr(profiles, "read_rows", away)
    with pytest.raises(ServiceRequestError):
        seen(world, "Loyal")


def test_the_files_are_read_as_the_export_says(world: World) -> None:
    world.upload("X/Loyal/2026/11/22/0130/Loyal_1.csv", "EMail;FirstName\nana@example.com;Zoë\n".encode("latin-1"))
    world.clock.advance(30)
    found = seen(world, "Loyal", reading=ReadOptions(encoding="latin-1"))
    assert found.contacts == ({"email": "ana@example.com", "first_name": "Zoë"},)
    assert "encoding" in (seen(world, "Loyal").problem or "")


def test_an_older_snapshot_is_said_to_be_used(world: World) -> None:
    write(world, "Loyal", ["ana@example.com,Ana"], folder="2026/11/21/0130")
    world.upload("CustomerInsights_x/BlobExport/Loyal/2026/11/22/0130/_SUCCESS", b"")
    world.clock.advance(30)
    found = seen(world, "Loyal")
    assert (found.read, found.problem) == (1, None)
    assert "An older snapshot is used" in found.warnings[0]
