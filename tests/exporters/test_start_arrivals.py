"""A blob arrives in the snapshot container: it starts the exports of its segment, and nobody else's."""

from __future__ import annotations

import pytest

from exporters import start
from shared.models import Export
from tests.exporters.world import World
from tests.promises.interruption import requests_of

ROOT = "CustomerInsights_x/BlobExport"
LOYAL, OTHER = (f"{ROOT}/{name}/2026/11/22/0130/{name}_1.csv" for name in ("Loyal", "Other"))
ROWS = b"EMail,FirstName\nana@example.com,Ana\n"


@pytest.fixture(autouse=True)
def _two_segments(world: World) -> None:
    world.upload(LOYAL, ROWS)
    world.upload(OTHER, ROWS)


def started(world: World, arrived: str) -> list[str]:
    return sorted(run.export_id for run in start.start_for_snapshots(world.services, arrived))


def ids(*exports: Export) -> list[str]:
    return sorted(export.id for export in exports)


@pytest.mark.parametrize(
    "arrived",
    [
        OTHER,
        f"{ROOT}/Loyal_more/2026/11/22/0130/Loyal_more_1.csv",
        f"{ROOT}/Lapsed_1700000000.csv",
        f"another/Loyal/2026/11/22/0130/{LOYAL.rpartition('/')[2]}",
        "another/model.json",
        "model.json",
        f"{ROOT}/notes.csv",
    ],
)
def test_what_belongs_to_another_segment_does_not_start_an_export_that_was_only_saved(
    world: World, arrived: str
) -> None:
    world.add_export("CustomerInsights_x/BlobExport/Loyal")
    world.upload(arrived, b'{"entities": []}' if arrived.endswith("model.json") else ROWS)
    assert started(world, arrived) == []


def test_its_own_files_and_the_model_beside_them_start_it(world: World) -> None:
    for arrived in (LOYAL, f"{ROOT}/Loyal/2026/11/22/0130/part/0001.csv", f"{ROOT}/model.json"):
        export = world.add_export("Other", "Loyal")
        if arrived.endswith("model.json"):
            world.upload(arrived, b'{"entities": []}')
        assert export.id in started(world, arrived)


@pytest.mark.parametrize("called", ["loyal", f"{ROOT}/Loyal", "Loyal customers"])
def test_a_segment_is_known_by_every_name_that_an_export_may_use(world: World, called: str) -> None:
    location = f"{world.services.snapshots.container_name}/{LOYAL}"
    entity = f'{{"name": "Loyal customers", "attributes": [], "partitions": [{{"location": "{location}"}}]}}'
    world.upload(f"{ROOT}/model.json", f'{{"entities": [{entity}]}}'.encode())
    export = world.add_export(called)
    assert started(world, OTHER) == []
    assert started(world, LOYAL) == ids(export)


def test_a_flat_file_starts_the_exports_of_its_stem(world: World) -> None:
    for name in ("Export_Lapsed", "Export_New"):
        world.upload(f"flat/{name}_1700000000.csv", ROWS)
    lapsed, _ = world.add_export("Lapsed"), world.add_export("New")
    assert started(world, "flat/model.json") == []
    assert started(world, "flat/Export_Lapsed_1700000000.csv") == ids(lapsed)


def test_an_export_that_was_given_other_segments_is_not_started_by_those_of_before(world: World) -> None:
    export = world.add_export("Loyal")
    world.run_to_end(export)
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"segments": ("Other",)}))
    assert started(world, LOYAL) == []
    assert started(world, OTHER) == ids(export)


def test_a_segment_that_is_found_twice_is_told_of_when_either_arrives(world: World) -> None:
    again = "elsewhere/Loyal/2026/11/22/0130/Loyal_1.csv"
    world.upload(again, ROWS)
    export = world.add_export("Loyal")
    assert started(world, OTHER) == []
    assert started(world, again) == ids(export)


def test_a_model_that_cannot_be_read_is_told_of_when_it_arrives_and_not_before(world: World) -> None:
    world.upload(f"{ROOT}/model.json", b"{")
    export = world.add_export("Loyal customers")
    assert started(world, OTHER) == []
    assert started(world, f"{ROOT}/model.json") == ids(export)


def test_many_exports_of_one_segment_cost_the_listings_of_one(world: World) -> None:
    def add_and_export(count: int) -> None:
        for number in range(count):
            world.add_export("Loyal", name=f"Export {number}")
        started(world, LOYAL)
        world.deliver()

    add_and_export(1)
    unrelated, own = (requests_of(lambda arrived=arrived: started(world, arrived)) for arrived in (OTHER, LOYAL))  # type: ignore[misc]
    add_and_export(6)
    assert requests_of(lambda: started(world, OTHER)) == unrelated
    # Of each only its slot is read.
    assert requests_of(lambda: started(world, LOYAL)) == own + 6
