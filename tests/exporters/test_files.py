"""The blobs of a run: a plan is settled once, a batch file is read in parts, rejected rows of any number come back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from azure.storage.blob import BlobClient, ContainerClient

from exporters import files as files_module
from exporters.batches import Place
from exporters.contacts import Mapping
from exporters.files import Plan, RejectedRow, RunFiles
from exporters.runs import Batch
from shared.snapshots import Partition, ReadOptions, Snapshot

PARTITION = Partition(path="first/New_2.csv", etag='"2"', size=5)


@pytest.fixture
def files(container: ContainerClient) -> RunFiles:
    return RunFiles(container, "run")


def a_plan(folder: str) -> Plan:
    snapshot = Snapshot(
        segment="Loyal",
        id=folder,
        taken_at=datetime(2026, 11, 22, tzinfo=UTC),
        partitions=(Partition(path=f"{folder}/Loyal_1.csv", etag='"1"', size=5),),
    )
    return Plan(
        mapping=Mapping(fields={"email": "EMail"}),
        reading=ReadOptions(),
        email_max_length=80,
        snapshots=(snapshot,),
        versions={"Loyal": folder},
    )


def a_row(number: int, **more: object) -> RejectedRow:
    return RejectedRow("Loyal", "Loyal_1.csv", number, "email_missing", f"no address, row {number}")


def test_there_is_no_plan_before_one_is_settled(files: RunFiles) -> None:
    assert files.plan() is None


def test_the_plan_that_is_settled_first_holds(files: RunFiles) -> None:
    first, second = a_plan("first"), a_plan("second")
    assert files.settle_plan(first) == first
    assert files.settle_plan(second) == first
    assert files.plan() == first


def test_a_place_is_named_by_its_segment_its_file_and_its_line() -> None:
    (only,) = a_plan("first").snapshots
    second = only.model_copy(update={"segment": "New", "partitions": (*a_plan("a").snapshots[0].partitions, PARTITION)})
    plan = a_plan("first").model_copy(update={"snapshots": (only, second)})
    assert plan.rejected(Place(1, 1, 7), "email_missing", "why") == RejectedRow(
        "New", PARTITION.path, 7, "email_missing", "why"
    )
    assert plan.rejected(Place(0, 0, 2), "c", "w") == RejectedRow("Loyal", "first/Loyal_1.csv", 2, "c", "w")


def test_a_run_sees_its_own_files_only(files: RunFiles, container: ContainerClient) -> None:
    files.settle_plan(a_plan("first"))
    with files.rejected_by_us() as rejected:
        rejected.add(a_row(2))
    with files.rejected_by_constant_contact("0001") as refused:
        refused.add(a_row(3))
    other = RunFiles(container, "another-run")
    assert other.plan() is None
    assert list(other.rejected_rows()) == []


def test_a_batch_is_read_whole_and_a_part_of_it_with_the_header(files: RunFiles) -> None:
    content = b"email\r\na@example.com\r\nb@example.com\r\nc@example.com\r\n"
    files.write_batch(3, content, b"0,0,2\n0,0,3\n0,0,4\n")
    whole = Batch(run_id="run", number=3, contacts=3)
    first, second = whole.parts(whole.contacts // 2)
    assert files.batch(whole) == content
    assert files.batch(first) == b"email\r\na@example.com\r\n"
    assert files.batch(second) == b"email\r\nb@example.com\r\nc@example.com\r\n"
    assert files.places(3) == b"0,0,2\n0,0,3\n0,0,4\n"


def test_a_batch_that_is_written_again_is_overwritten(files: RunFiles) -> None:
    files.write_batch(1, b"first", b"places")
    files.write_batch(1, b"second", b"other places")
    assert files.batch(Batch(run_id="run", number=1, contacts=1)) == b"second"
    assert files.places(1) == b"other places"


def test_the_batches_that_nobody_used_can_be_removed_and_the_rest_stays(
    files: RunFiles, container: ContainerClient
) -> None:
    files.settle_plan(a_plan("first"))
    files.write_batch(1, b"content", b"places")
    with files.rejected_by_us() as rejected:
        rejected.add(a_row(2))
    RunFiles(container, "run2").write_batch(1, b"content", b"places")
    files.remove_batches()
    names = sorted(container.list_blob_names())
    assert names == ["run/plan.json", "run/rejected.csv", "run2/batch-0001-places.csv", "run2/batch-0001.csv"]


@pytest.mark.parametrize("block_bytes", [1, 60, 4 * 1024 * 1024])
def test_rejected_rows_come_back_in_their_order_however_many_blocks_they_fill(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(files_module, "_BLOCK_BYTES", block_bytes)
    odd = RejectedRow('Lo"yal, “x”', "fol der/Loyal_1.csv", None, "constant_contact", "two, cells; ăîș")
    rows = [*(a_row(number) for number in range(2, 14)), odd]
    with files.rejected_by_us() as rejected:
        for row in rows:
            rejected.add(row)
    assert list(files.rejected_rows()) == rows


def test_rejected_rows_that_are_written_again_replace_the_first(files: RunFiles) -> None:
    for number in (5, 6):
        with files.rejected_by_us() as rejected:
            rejected.add(a_row(number))
    assert [row.line for row in files.rejected_rows()] == [6]


def test_a_writer_that_fails_keeps_nothing(files: RunFiles) -> None:
    def write() -> None:
        with files.rejected_by_us() as rejected:
            rejected.add(a_row(2))
            raise LookupError

    with pytest.raises(LookupError):
        write()
    assert list(files.rejected_rows()) == []


def test_what_we_rejected_comes_first_then_what_constant_contact_refused_by_batch(files: RunFiles) -> None:
    for name in ("0002", "0001.2", "0001.1"):
        with files.rejected_by_constant_contact(name) as refused:
            refused.add(RejectedRow("Loyal", "", None, "constant_contact", name))
    with files.rejected_by_us() as rejected:
        rejected.add(a_row(2))
    assert [row.reason for row in files.rejected_rows()] == ["no address, row 2", "0001.1", "0001.2", "0002"]


def test_a_run_without_rejected_rows_has_none(files: RunFiles) -> None:
    files.write_batch(1, b"content", b"places")
    assert list(files.rejected_rows()) == []
    with files.rejected_by_us():
        pass
    assert list(files.rejected_rows()) == []


def test_no_block_is_empty(files: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "_BLOCK_BYTES", 1)
    staged: list[int] = []
    stage = BlobClient.stage_block

    def note(blob: BlobClient, block_id: str, data: bytes, **more: object) -> object:
        staged.append(len(data))
        return stage(blob, block_id, data, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(BlobClient, "stage_block", note)
    with files.rejected_by_us() as rejected:
        rejected.add(a_row(2))
    assert staged
    assert all(staged)
