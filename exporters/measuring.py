"""What is counted of a run that has ended: once, by the worker that ended it, as its record says."""

from __future__ import annotations

from collections import Counter

from exporters.runs import Batch, Counts, Run
from shared import telemetry


def run_ended(run: Run, batches: list[Batch]) -> None:
    """Count the run, its profiles by where they went, and its batches by what became of them.

    A process that dies right after it has ended the run does not come to this: the record is the truth.
    """
    with telemetry.work("export.end", None, run_id=run.run_id, export_id=run.export_id) as span:
        span.set_attribute("status", run.status)
        telemetry.RUNS.add(1, {"status": run.status, "trigger": run.trigger})
        if run.ended_at is not None:
            telemetry.RUN_DURATION.record((run.ended_at - run.created_at).total_seconds(), {"status": run.status})
        for outcome, profiles in profiles_by_outcome(run.counts).items():
            span.set_attribute(f"profiles.{outcome}", profiles)
            if profiles:
                telemetry.PROFILES.add(profiles, {"outcome": outcome})
        for state, number in Counter(batch.state for batch in batches).items():
            telemetry.BATCHES.add(number, {"state": state})


def profiles_by_outcome(counts: Counts) -> dict[str, int]:
    """Every profile that was read, in one place; `sent` has those in it that were not put on the list."""
    return {
        "sent": counts.sent,
        "duplicate": counts.duplicates,
        "rejected_by_us": counts.rejected_by_us,
        "rejected_by_constant_contact": counts.rejected_by_constant_contact,
        "not_sent": counts.not_sent,
    }
