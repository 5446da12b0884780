"""Ends a run: its counts, its status, its slot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from exporters.runs import Batch, Counts, Run, Status
from exporters.services import Services

_TIME_IS_OVER = "The run took longer than its time limit. What Constant Contact has taken stays; run the export again."


def end_run(
    services: Services,
    run: Run,
    *,
    error: str | None = None,
    only_if: Callable[[Run], bool] = lambda _: True,
) -> Run:
    """End the run as its batches stand; with `error` it has failed. A run that has ended stays as it is.

    A run for which `only_if` does not hold by then goes on.
    """
    batches = [stored.value for stored in services.runs.batches(run.run_id)]

    def ended(run: Run) -> Run | None:
        if not only_if(run):
            return None
        counts = final_counts(run.counts, batches)
        why = error or run.stop or _what_failed(batches, counts)
        return run.model_copy(
            update={
                "status": _status(run, counts, why),
                "ended_at": services.now(),
                "counts": counts,
                "error": why,
                "waiting": None,
            }
        )

    return services.runs.end(run, ended)


def is_sending(services: Services, run: Run) -> bool:
    """Whether a batch may be on its way to Constant Contact: until that is known, the run cannot be counted."""
    now = services.now()
    batches = [stored.value for stored in services.runs.batches(run.run_id)]
    return any(b.state == "sending" and b.unclear_until is not None and now < b.unclear_until for b in batches)


def end_overdue(services: Services, run: Run) -> Run | None:
    """The run, ended because it has taken longer than it may; None while it goes on."""
    if not _is_overdue(services, run):
        return None
    # From here on no batch is claimed any more, and one that was claimed before is seen.
    over = {"stop": _TIME_IS_OVER, "timed_out": True}
    run = services.runs.change(run, lambda r: r if r.stop else r.model_copy(update=over))
    return None if is_sending(services, run) else end_run(services, run)


def _is_overdue(services: Services, run: Run) -> bool:
    """Whether the run has taken longer than a run may."""
    return services.now() > run.created_at + timedelta(hours=services.settings.run_time_limit_hours)


def final_counts(prepared: Counts, batches: list[Batch]) -> Counts:
    """Where every profile went. What Constant Contact took but has not reported on counts as sent."""
    taken = [batch for batch in batches if batch.state in ("uploaded", "completed")]
    refused = sum(batch.rejected for batch in taken)
    sent = sum(batch.contacts - batch.rejected - batch.dropped for batch in taken)
    return prepared.model_copy(
        update={
            "sent": sent,
            "rejected": prepared.rejected_by_us + refused,
            "rejected_by_constant_contact": refused,
            "not_added": sum(batch.not_added for batch in taken),
            "not_sent": prepared.prepared - sent - refused,
        }
    )


def _what_failed(batches: list[Batch], counts: Counts) -> str | None:
    errors = [batch.error for batch in batches if batch.state == "failed" and batch.error]
    if errors:
        return "; ".join(errors[:3]) + ("" if len(errors) <= 3 else f"; and {len(errors) - 3} more batches")
    if counts.read and not counts.prepared:
        return (
            f"None of the {counts.read:,} profiles can be a contact, so nothing was sent. Check that the export maps "
            "the right column to the e-mail address; the rejected rows say what is wrong with each."
        )
    if counts.prepared and counts.rejected_by_constant_contact == counts.prepared:
        return f"Constant Contact refused every one of the {counts.prepared:,} contacts; the rejected rows say why."
    if counts.not_sent:
        return (
            f"Constant Contact did not count {counts.not_sent:,} contacts that were sent to it. Run the export again."
        )
    return None


def _status(run: Run, counts: Counts, why: str | None) -> Status:
    if why is not None:
        return "timed_out" if run.timed_out else "failed"
    return "completed_with_warnings" if counts.rejected or run.warnings else "successful"
