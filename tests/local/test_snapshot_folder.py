"""What is found in a folder of snapshots, by the app's own code, before the stand is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from local.samples import write_samples
from local.snapshot_folder import look_into, upload


def test_segments_and_columns_of_the_samples_are_found(tmp_path: Path) -> None:
    write_samples(tmp_path, 30)

    found = look_into(tmp_path)

    assert found.segments == ("LoyaltyMembers", "NewsletterSubscribers")
    assert found.mapping == {"email": "EMail", "first_name": "FirstName", "last_name": "LastName"}


def test_the_columns_are_those_of_the_segments_that_are_asked_for(tmp_path: Path) -> None:
    for segment, header in {"A": "Id,Mail", "B": "Id,E-mail Address,Surname"}.items():
        folder = tmp_path / "CustomerInsights_1" / "Export" / segment / "2026" / "11" / "01" / "0600"
        folder.mkdir(parents=True)
        (folder / f"{segment}_1.csv").write_text(f"{header}\n1,ana@example.com\n")

    found = look_into(tmp_path, ["B", "C"])

    assert (found.segments, found.found, found.missing) == (("B", "C"), ("A", "B"), ("C",))
    assert found.mapping == {"email": "E-mail Address", "last_name": "Surname"}


@pytest.mark.parametrize("content", ["no model at all", '{"entities": [{"name": "A", "partitions": 7}]}'])
def test_a_model_that_cannot_be_understood_leaves_it_to_the_run_to_say_so(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "CustomerInsights_1" / "Export" / "A" / "2026" / "11" / "01" / "0600"
    folder.mkdir(parents=True)
    (folder / "A_1.csv").write_text("1,ana@example.com\n")
    (tmp_path / "CustomerInsights_1" / "Export" / "model.json").write_text(content)

    found = look_into(tmp_path)

    assert found.segments == ("A",)
    assert found.mapping == {}


def test_every_file_is_uploaded_under_its_path_in_the_folder(tmp_path: Path, container: ContainerClient) -> None:
    write_samples(tmp_path, 30)

    upload(tmp_path, container)

    written = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert {blob.name: blob.size for blob in container.list_blobs()} == {
        name: path.stat().st_size for name, path in written.items()
    }


def test_newer_date_folders_are_uploaded_before_older_ones_and_models_last(
    tmp_path: Path, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_samples(tmp_path, 30)
    uploaded: list[str] = []
    upload_blob = container.upload_blob

    def note(name: str, *content: Any, **options: Any) -> Any:
        uploaded.append(name)
        return upload_blob(name, *content, **options)

    monkeypatch.setattr(container, "upload_blob", note)
    upload(tmp_path, container)

    assert [name.endswith("model.json") for name in uploaded] == [False] * (len(uploaded) - 1) + [True]
    members = [name.split("/LoyaltyMembers/")[1][:10] for name in uploaded if "/LoyaltyMembers/" in name]
    assert members == sorted(members, reverse=True)
    assert len(set(members)) == 2


def test_a_segment_that_the_model_calls_empty_is_found_so_that_its_run_can_say_so(tmp_path: Path) -> None:
    root = tmp_path / "CustomerInsights_1" / "Export"
    folder = root / "A" / "2026" / "11" / "01" / "0600"
    folder.mkdir(parents=True)
    (folder / "A_1.csv").write_text("1,ana@example.com\n")
    attributes = [{"name": "Id"}, {"name": "EMail"}]
    location = "https://account.blob.core.windows.net/x/CustomerInsights_1/Export/A/2026/11/01/0600/A_1.csv"
    entities = [
        {"name": "A", "attributes": attributes, "partitions": [{"name": "A_1", "location": location}]},
        {"name": "B", "attributes": attributes, "partitions": []},
    ]
    (root / "model.json").write_text(json.dumps({"entities": entities}))

    found = look_into(tmp_path)

    assert (found.segments, found.missing) == (("A", "B"), ())
