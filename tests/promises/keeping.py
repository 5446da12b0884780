"""What is kept of a run, and for how long: its files for the retention time, its counts for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from exporters import sweeping
from exporters.runs import Batch, Run
from tests.exporters.world import World
from tests.promises.promise import Guard, Worlds, replaced

MARK = "zyx"


def files_go_after_the_retention_time_and_records_stay(worlds: Worlds) -> None:
    """Every blob of a run, however the run ended, is deleted then and not before; its run and batches stay as they are.

    Blobs that are no run's are left alone.
    """
    with worlds() as world:
        world.write_snapshot("Loyal", [f"{MARK}{number}@example.com,{MARK}" for number in range(3)] + ["no address,B"])
        world.services.files.upload_blob("somebody-elses.csv", b"x")
        runs = []
        for fault in (None, "rows-refused", "activity-failed", "forbidden"):
            if fault:
                world.fault(fault, times=1)
            runs.append(world.run_to_end(world.add_export("Loyal")))
            world.clear_faults()
            world.clock.advance(3600)
        assert len({run.status for run in runs}) == 2
        records = [record(world, run) for run in runs]
        age = timedelta(days=world.settings.file_retention_days)
        for run in runs:
            for moment, is_kept in ((age - timedelta(minutes=1), True), (age + timedelta(minutes=1), False)):
                world.clock.advance((run.created_at + moment - world.clock.now()).total_seconds())
                sweeping.delete_old_files(world.services)
                files = list(world.services.files.list_blob_names(name_starts_with=run.run_id))
                assert is_kept or not files, f"files stay beyond the retention time: {files}"
                assert files or not is_kept, "files were deleted before their time"
        assert [record(world, run) for run in runs] == records, "the record of a run has changed"
        assert list(world.services.files.list_blob_names()) == ["somebody-elses.csv"]
        assert MARK not in str(records)


def record(world: World, run: Run) -> tuple[Run, list[Batch]]:
    batches = [stored.value for stored in world.services.runs.batches(run.run_id)]
    return world.services.runs.get(run.export_id, run.run_id), batches


# What protects it

GUARDS = [
    Guard(
        files_go_after_the_retention_time_and_records_stay,
        "sweeping",
        replaced(sweeping, "_old_files", lambda _: iter(())),
        "files stay beyond the retention time",
    ),
    Guard(
        files_go_after_the_retention_time_and_records_stay,
        "the time of a run",
        replaced(sweeping, "time_of", lambda _: datetime(2000, 1, 1, tzinfo=UTC)),
        "files were deleted before their time",
    ),
]
