"""A run whose snapshot was made to do harm fails before anything is sent, and says which file it was."""

from __future__ import annotations

import gzip
import json
import time

import pytest

from tests.exporters.conftest import world
from tests.exporters.world import World
from tests.hostile.bombs import MIB, repeated

__all__ = ["world"]

ROOT = "CustomerInsights_x/BlobExport"
FOLDER = f"{ROOT}/Loyal/2026/11/22/0130"

SNAPSHOTS = {
    "ten gigabytes in a row": (f"{FOLDER}/Loyal_1.csv.gz", repeated(b"EMail,FirstName\n", b"0" * MIB, 10 * 1024)),
    "a hundred thousand columns": (f"{FOLDER}/Loyal_1.csv", b"EMail" + b",c" * 100_000),
    "a row of a million cells": (f"{FOLDER}/Loyal_1.csv", b"EMail,FirstName\na@example.com,A\n" + b"," * MIB),
    "no parquet": (f"{FOLDER}/Loyal_1.parquet", b"PAR1" * 100),
    "a deep model": (f"{ROOT}/model.json", b'{"entities":' * 100_000),
    "a model of numbers": (f"{ROOT}/model.json", b'{"entities":[' + b"1," * MIB + b"1]}"),
}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_it_fails_soon_and_names_the_file(world: World, name: str) -> None:
    path, content = SNAPSHOTS[name]
    world.upload(f"{FOLDER}/Loyal_0.csv", b"EMail,FirstName\nana@example.com,Ana\n")
    world.upload(path, content)
    began = time.process_time()
    run = world.run_to_end(world.add_export("Loyal"))
    assert time.process_time() - began < 20
    assert run.status == "failed"
    assert (run.counts.sent, run.batches) == (0, 0)
    assert path.rpartition("/")[2] in (run.error or "")
    assert world.members() == []


def test_an_error_about_long_names_can_be_kept_on_the_run(world: World) -> None:
    names = ["x" * 1_000_000 + str(number) for number in range(7)]
    world.upload(f"{FOLDER}/Loyal_1.csv", ",".join(["EMail", *names]).encode() + b"\nana@example.com\n")
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.status == "failed"
    assert "'FirstName'" in (run.error or "")


def test_a_container_full_of_broken_snapshots_is_searched_only_so_far(world: World) -> None:
    for day in range(1, 29):
        world.upload(f"{ROOT}/Loyal/2026/02/{day:02}/0130/Loyal_1.csv", b"EMail,FirstName\nana@example.com,Ana\n")
    location = f"https://a.example/segments/{ROOT}/Loyal/2025/01/01/0130/Loyal_1.csv"
    container = world.services.snapshots.container_name
    model = {"entities": [{"name": "Loyal", "partitions": [{"location": location.replace("segments", container)}]}]}
    world.upload(f"{ROOT}/model.json", json.dumps(model).encode())
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.status == "failed"
    assert (run.error or "").count("is not named in model.json") == 10


def test_a_gzip_in_many_members_is_read_as_one_file(world: World) -> None:
    rows = [f"p{number}@example.com,P\n".encode() for number in range(500)]
    world.upload(f"{FOLDER}/Loyal_1.csv.gz", b"".join(map(gzip.compress, [b"EMail,FirstName\n", *rows])))
    run = world.run_to_end(world.add_export("Loyal"))
    assert run.status == "successful", run.error
    assert run.counts.sent == 500
