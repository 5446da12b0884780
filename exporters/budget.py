"""The day's calls as a budget of all exports: whether a run can finish today, said before it begins to upload."""

from __future__ import annotations

from exporters.runs import Run
from exporters.services import Services

# With more calls left than this nobody has to count: the largest export takes a few hundred.
_PLENTY = 2_000


def notice_of(services: Services, run: Run, batches: int, imports_left: int) -> str | None:
    """What to tell when the calls that are left today do not suffice for the run's batches, else None.

    The run begins all the same; what does not fit waits until 00:00 UTC and goes on by itself.
    """
    if imports_left >= _PLENTY:
        return None
    room = max(0, imports_left - _batches_of_others(services, run))
    if batches <= room:
        return None
    if room == 0:
        return "Today's calls to Constant Contact are used up. The upload begins after 00:00 UTC by itself."
    return (
        f"Today's calls to Constant Contact suffice for about {room:,} of the {batches:,} batches. "
        "The others follow after 00:00 UTC by themselves."
    )


def _batches_of_others(services: Services, run: Run) -> int:
    """The batches that the other runs under way have still to upload."""
    batches = 0
    for export in services.exports.all():
        run_id = services.runs.slot(export.id).value.run_id
        if run_id not in (None, run.run_id):
            batches += sum(stored.value.state in ("pending", "sending") for stored in services.runs.batches(run_id))
    return batches
