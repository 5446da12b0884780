"""What the storage answers that will be the same next time: told as such, with what to do. Anything else is raised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, ContainerClient

from shared.snapshots import SegmentCatalog, SnapshotsRefused, read_rows, sample
from shared.snapshots.model_file import read_model
from tests.shared.snapshots.conftest import Store

FILE = "root/VIP/2026/11/22/0130/VIP_1.csv"


def answers(status: int | None) -> HttpResponseError:
    error = HttpResponseError("ana@example.com is not let in")
    error.status_code = status
    return error


def refusing(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, status: int | None) -> None:
    def refused(*_: object, **__: object) -> None:
        raise answers(status)

    monkeypatch.setattr(kind, name, refused)


def test_a_container_that_is_not_there_is_named(store: Store) -> None:
    store.container.delete_container()
    with pytest.raises(SnapshotsRefused, match=f"“{store.container.container_name}”: ContainerNotFound \\(404\\)"):
        SegmentCatalog(store.container, timedelta(0)).paths()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_that_lasts_is_told_without_the_words_of_the_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    refusing(monkeypatch, ContainerClient, "walk_blobs", status)
    with pytest.raises(SnapshotsRefused, match=f"HttpResponseError \\({status}\\)") as error:
        SegmentCatalog(store.container, timedelta(0)).segments()
    assert "ana@" not in str(error.value)


@pytest.mark.parametrize("status", [None, 408, 412, 429, 500, 503])
def test_what_passes_is_raised_as_it_is(store: Store, monkeypatch: pytest.MonkeyPatch, status: int | None) -> None:
    refusing(monkeypatch, ContainerClient, "walk_blobs", status)
    with pytest.raises(HttpResponseError):
        SegmentCatalog(store.container, timedelta(0)).segments()


def test_a_folder_a_model_and_a_file_that_may_not_be_read_are_told_of(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = store.snapshot(store.put(FILE, "EMail\nana@example.com\n"))
    with monkeypatch.context() as patch:
        refusing(patch, ContainerClient, "list_blobs", 403)
        with pytest.raises(SnapshotsRefused):
            SegmentCatalog(store.container, timedelta(0)).choose("VIP", datetime.now(UTC))
    with monkeypatch.context() as patch:
        refusing(patch, ContainerClient, "download_blob", 403)
        with pytest.raises(SnapshotsRefused):
            read_model(store.container, "root")
    refusing(monkeypatch, BlobClient, "download_blob", 403)
    with pytest.raises(SnapshotsRefused):
        list(read_rows(store.container, snapshot, ["EMail"]))
    with pytest.raises(SnapshotsRefused):
        sample(store.container, snapshot)
