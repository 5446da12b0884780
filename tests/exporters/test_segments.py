"""What a person is told of each segment before anything is read."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterable
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporters import segments
from exporters.segments import SegmentFacts, facts_of, sample, segment_facts
from shared import snapshots
from shared.snapshots import ReadOptions
from tests.exporters.world import World

ROOT = "CustomerInsights_x/BlobExport"
PEOPLE = [f"p{number}@example.com,P{number}" for number in range(5)]


def folder(world: World, *, hours_ago: float = 1) -> str:
    return f"{world.clock.now() - timedelta(hours=hours_ago):%Y/%m/%d/%H%M}"


def write(
    world: World, segment: str, rows: Iterable[str] = PEOPLE, *, hours_ago: float = 1, quiet: bool = True
) -> None:
    world.write_snapshot(segment, rows, folder=folder(world, hours_ago=hours_ago))
    if quiet:
        world.clock.advance(30)


def put(world: World, segment: str, name: str, content: bytes) -> str:
    path = f"{ROOT}/{segment}/{folder(world)}/{name}"
    world.upload(path, content)
    return path


def put_model(world: World, segment: str, *paths: str, columns: tuple[str, ...] = ("EMail",)) -> None:
    partitions = [{"name": path, "location": f"{world.services.snapshots.container_name}/{path}"} for path in paths]
    entity = {
        "$type": "LocalEntity",
        "name": segment,
        "attributes": [{"name": column, "dataType": "string"} for column in columns],
        "partitions": partitions,
    }
    world.upload(f"{ROOT}/model.json", json.dumps({"name": "m", "version": "1.0", "entities": [entity]}).encode())


def only(world: World) -> SegmentFacts:
    (facts,) = segment_facts(world.services, fresh=True)
    return facts


def test_a_segment_is_told_with_its_age_its_size_and_its_profiles(world: World) -> None:
    write(world, "Loyal", hours_ago=3)
    facts = only(world)
    assert (facts.name, facts.path, facts.chosen_as) == ("Loyal", f"{ROOT}/Loyal", "Loyal")
    assert facts.taken_at is not None
    assert timedelta(hours=3) <= world.clock.now() - facts.taken_at <= timedelta(hours=3, minutes=2)
    assert (facts.profiles, facts.exact) == (5, True)
    assert facts.size_bytes == len("EMail,FirstName\n") + sum(len(row) + 1 for row in PEOPLE)
    assert (facts.columns, facts.warnings, facts.problem) == (("EMail", "FirstName"), (), None)


def test_without_segments_there_are_none(world: World) -> None:
    assert segment_facts(world.services) == []


def test_segments_come_by_their_name(world: World) -> None:
    for name in ("loyal", "Alumni", "Zebra"):
        write(world, name, quiet=False)
    world.clock.advance(30)
    assert [one.name for one in segment_facts(world.services)] == ["Alumni", "loyal", "Zebra"]


def test_a_name_that_lies_in_two_places_is_chosen_by_its_path(world: World) -> None:
    for root in ("A", "B"):
        world.upload(f"{root}/Loyal/{folder(world)}/Loyal_1.csv", b"EMail\nana@example.com\n")
    write(world, "Other")
    found = {one.path: one.chosen_as for one in segment_facts(world.services)}
    assert found == {"A/Loyal": "A/Loyal", "B/Loyal": "B/Loyal", f"{ROOT}/Other": "Other"}
    assert [one.profiles for one in facts_of(world.services, list(found.values()))] == [1, 1, 5]
    (ambiguous,) = facts_of(world.services, ["Loyal"])
    assert ambiguous.warnings == ("broken",)
    assert "more than once" in (ambiguous.problem or "")


def test_a_large_segment_is_estimated_until_it_was_counted(world: World) -> None:
    write(world, "Loyal", [f"person.{number}@example.com,Name {number}" for number in range(10_000)])
    estimated = only(world)
    assert estimated.profiles is not None
    assert 9_000 <= estimated.profiles <= 11_000
    assert not estimated.exact
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.status == "successful"
    counted = only(world)
    assert (counted.profiles, counted.exact) == (10_000, True)


def test_a_refresh_is_another_version(world: World) -> None:
    write(world, "Loyal", hours_ago=5)
    assert only(world).profiles == 5
    write(world, "Loyal", PEOPLE[:2], hours_ago=1)
    assert only(world).profiles == 2
    write(world, "Loyal", PEOPLE[:3], hours_ago=1)
    assert only(world).profiles == 3, "the same file, written again"


def test_what_is_known_of_a_version_is_not_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    look = snapshots.sample

    def noted(*given: object) -> snapshots.Sample:
        looked.append(given)
        return look(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshots, "sample", noted)
    write(world, "Loyal")
    put(world, "Broken", "Broken_1.csv.gz", b"no gzip")
    world.clock.advance(30)
    for _ in range(3):
        assert [one.profiles for one in segment_facts(world.services, fresh=True)] == [None, 5]
    assert len(looked) == 2


def test_a_parquet_segment_says_how_many_it_has(world: World) -> None:
    written = io.BytesIO()
    pq.write_table(pa.table({"EMail": [f"p{number}@example.com" for number in range(30_000)]}), written)
    put(world, "Loyal", "Loyal_1.parquet", written.getvalue())
    world.clock.advance(30)
    facts = only(world)
    assert (facts.profiles, facts.exact, facts.columns) == (30_000, True, ("EMail",))


def test_a_segment_of_more_than_two_days_ago_is_stale(world: World) -> None:
    write(world, "Fresh", hours_ago=47, quiet=False)
    write(world, "Stale", hours_ago=49)
    assert {one.name: one.warnings for one in segment_facts(world.services)} == {"Fresh": (), "Stale": ("stale",)}


def test_a_snapshot_that_is_still_written_is_said_to_be(world: World) -> None:
    write(world, "Loyal", quiet=False)
    facts = only(world)
    assert (facts.warnings, facts.profiles) == (("still_writing",), None)
    assert "still being written" in (facts.problem or "")


def test_a_broken_segment_says_what_is_wrong_and_hides_no_other(world: World) -> None:
    write(world, "Loyal", quiet=False)
    put(world, "Torn", "Torn_1.csv.gz", b"no gzip")
    put(world, "Bare", "Bare_1.csv", b"ana@example.com,Ana\n")
    world.clock.advance(30)
    found = {one.name: one for one in segment_facts(world.services)}
    assert found["Loyal"].warnings == ()
    assert found["Torn"].warnings == ("broken",)
    assert "damaged" in (found["Torn"].problem or "")
    assert "header row" in (found["Bare"].problem or "")
    assert "ana@" not in (found["Bare"].problem or "")


def test_a_segment_that_lacks_a_file_is_broken(world: World) -> None:
    there = put(world, "Loyal", "Loyal_1.csv", b"ana@example.com\n")
    put_model(world, "Loyal", there, there.replace("_1", "_2"))
    world.clock.advance(30)
    facts = only(world)
    assert facts.warnings == ("broken",)
    assert "Loyal_2.csv" in (facts.problem or "")


def test_a_segment_without_a_profile_is_empty(world: World) -> None:
    write(world, "Loyal", [])
    facts = only(world)
    assert (facts.warnings, facts.profiles, facts.exact) == (("empty",), 0, True)


def test_a_segment_of_which_only_the_model_speaks_is_empty(world: World) -> None:
    write(world, "Other", quiet=False)
    put_model(world, "Loyal")
    world.clock.advance(30)
    found = {one.name: one for one in segment_facts(world.services)}
    assert (found["Loyal"].warnings, found["Loyal"].profiles) == (("empty",), 0)


def test_a_segment_whose_files_the_model_names_no_more_is_empty(world: World) -> None:
    put(world, "Loyal", "Loyal_1.csv", b"EMail\nana@example.com\n")
    put_model(world, "Loyal")
    world.clock.advance(30)
    facts = only(world)
    assert (facts.warnings, facts.profiles) == (("empty",), 0)
    assert "no profile" in (facts.problem or "")


def test_a_segment_beyond_the_limit_is_too_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MOST_CONTACTS", 4)
    write(world, "Loyal")
    assert only(world).warnings == ("too_large",)
    monkeypatch.setattr(segments, "MOST_CONTACTS", 5)
    assert only(world).warnings == ()


def test_the_columns_of_the_model_are_told(world: World) -> None:
    put_model(world, "Loyal", put(world, "Loyal", "Loyal_1.csv", b"ana@example.com,7\n"), columns=("EMail", "Level"))
    world.clock.advance(30)
    facts = only(world)
    assert (facts.columns, facts.profiles) == (("EMail", "Level"), 1)


def test_flat_files_are_a_segment(world: World) -> None:
    taken_at = int((world.clock.now() - timedelta(hours=2)).timestamp())
    world.upload(f"CustomerInsights_x/Shop_Loyal_{taken_at}.csv", b"EMail\nana@example.com\n")
    world.clock.advance(30)
    facts = only(world)
    assert (facts.name, facts.profiles) == ("Shop_Loyal", 1)
    assert facts_of(world.services, ["Loyal"])[0].profiles == 1


def test_a_folder_without_a_snapshot_is_no_segment(world: World) -> None:
    world.upload(f"{ROOT}/Notes/2026/summary.csv", b"x\n")
    write(world, "Loyal")
    assert only(world).name == "Loyal"


def test_the_facts_of_some_come_in_the_order_asked_for(world: World) -> None:
    write(world, "Loyal", quiet=False)
    write(world, "Other", PEOPLE[:1])
    found = facts_of(world.services, ["other", "Nobody", "Loyal"])
    assert [(one.chosen_as, one.profiles, one.warnings) for one in found] == [
        ("other", 1, ()),
        ("Nobody", None, ("missing",)),
        ("Loyal", 5, ()),
    ]
    assert "“Nobody”" in (found[1].problem or "")


def test_what_is_half_a_minute_old_is_shown_and_found_again(world: World) -> None:
    write(world, "Loyal")
    assert [one.profiles for one in segment_facts(world.services)] == [5]
    write(world, "Other")
    found = segment_facts(world.services)
    assert len(found) == 1
    for thread in threading.enumerate():
        if thread.name.endswith("(work)"):
            thread.join(20)
    assert len(segment_facts(world.services)) == 2


def test_a_file_that_changes_under_the_look_is_not_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at = folder(world)
    world.write_snapshot("Loyal", PEOPLE, folder=at)
    world.clock.advance(30)
    look = snapshots.sample

    def overtaken(*given: object) -> snapshots.Sample:
        world.write_snapshot("Loyal", PEOPLE[:2], folder=at)
        return look(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshots, "sample", overtaken)
    assert only(world).warnings == ("broken",)
    monkeypatch.setattr(snapshots, "sample", look)
    world.clock.advance(30)
    assert only(world).profiles == 2


# What a form offers to map


def test_a_form_is_offered_the_columns_that_all_segments_have(world: World) -> None:
    world.upload(f"{ROOT}/A/{folder(world)}/A_1.csv", b"Id,EMail,Name\n1,ana@example.com,Ana\n2,bo@example.com,Bo\n")
    world.upload(f"{ROOT}/B/{folder(world)}/B_1.csv", b"EMail,City,Id\nx@example.com,Rome,3\n")
    world.clock.advance(30)
    found = sample(world.services, ["A", "B"])
    assert found.columns == ("Id", "EMail")
    assert found.rows == (("1", "ana@example.com"), ("2", "bo@example.com"))
    assert sample(world.services, ["A"]).columns == ("Id", "EMail", "Name")


def test_a_form_without_segments_is_offered_nothing(world: World) -> None:
    assert sample(world.services, []) == segments.Sample()


@pytest.mark.parametrize(
    ("content", "problem"), [(b"ana@example.com\n", "header row"), (b"City\nRome\n", "no column in common")]
)
def test_a_form_is_told_why_it_is_offered_nothing(world: World, content: bytes, problem: str) -> None:
    write(world, "Loyal", quiet=False)
    put(world, "Other", "Other_1.csv", content)
    world.clock.advance(30)
    found = sample(world.services, ["Loyal", "Other"])
    assert found.columns == ()
    assert problem in (found.problem or "")


def test_a_form_is_told_of_a_segment_that_is_not_there_or_not_yet(world: World) -> None:
    write(world, "Loyal", quiet=False)
    assert "“Nobody”" in (sample(world.services, ["Nobody"]).problem or "")
    assert "still being written" in (sample(world.services, ["Loyal"]).problem or "")


def test_a_form_reads_as_the_export_says(world: World) -> None:
    put(world, "Loyal", "Loyal_1.csv", "EMail;Città\nana@example.com;Forlì\n".encode("latin-1"))
    world.clock.advance(30)
    assert "encoding" in (sample(world.services, ["Loyal"]).problem or "")
    found = sample(world.services, ["Loyal"], ReadOptions(encoding="latin-1"))
    assert (found.columns, found.rows) == (("EMail", "Città"), (("ana@example.com", "Forlì"),))


def test_what_a_form_is_offered_is_found_once_a_while(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write(world, "Loyal")
    looked = []
    look = snapshots.preview

    def noted(*given: object, **more: int) -> snapshots.Preview:
        looked.append(given)
        return look(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshots, "preview", noted)
    for _ in range(3):
        assert sample(world.services, ["Loyal"]).columns == ("EMail", "FirstName")
    assert len(looked) == 1
    sample(world.services, ["Loyal"], fresh=True)
    assert len(looked) == 2


# What a run expects


def test_a_run_says_how_many_profiles_it_expects(world: World) -> None:
    write(world, "Loyal", quiet=False)
    write(world, "Other", [*PEOPLE, "nobody,X"])
    run = world.run_to_end(world.add_export("Loyal", "Other"))
    assert run.profiles_expected == 11 == run.counts.read


def test_a_run_whose_files_tell_nothing_expects_nothing(world: World) -> None:
    put(world, "Loyal", "Loyal_1.csv.gz", b"no gzip")
    world.clock.advance(30)
    run = world.run_to_end(world.add_export("Loyal"))
    assert (run.status, run.profiles_expected) == ("failed", None)
