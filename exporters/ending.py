"""Ends a run: its counts, its status, its slot."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from exporters import measuring
from exporters.errors import AllRejected
from exporters.problem_codes import ProblemCode, problem_of, problem_of_waiting
from exporters.runs import Batch, Counts, Run, Status
from exporters.services import Services
from shared.errors import ExportError

log = logging.getLogger(__name__)

# A step that has waited in vain waits again, and does not come to it at the very moment.
_A_WAIT_GOES_ON = timedelta(hours=1)
# Nothing was left to be held back: it ends as if nobody had asked for it.
_CANCELED_TOO_LATE = {"stop": None, "cancel_asked_at": None, "canceled_by": None, "canceled_by_id": None}
_TIME_IS_OVER = "The run took longer than its time limit. What Constant Contact has taken stays; run the export again."


def end_run(
    services: Services,
    run: Run,
    *,
    error: ExportError | None = None,
    only_if: Callable[[Run], bool] = lambda _: True,
) -> Run:
    """End the run as its batches stand; with `error` it has failed. A run that has ended stays as it is.

    A run for which `only_if` does not hold by then goes on.
    """

    mine: list[tuple[Run, list[Batch]]] = []

    def ended(run: Run) -> Run | None:
        if not only_if(run):
            return None
        # Read after the run: if that is prepared, all of its batches are there.
        batches = [stored.value for stored in services.runs.batches(run.run_id)]
        if run.cancel_asked_at and run.prepared and all(batch.ended for batch in batches):
            run = run.model_copy(update=_CANCELED_TOO_LATE)
        counts = counts_of(run, batches)
        why = _why(run, counts, batches, error)
        run = run.model_copy(
            update={
                "status": _status(run, counts, why),
                "ended_at": services.now(),
                "counts": counts,
                "error": why.sentence if why else None,
                "problem": why.code if why else None,
                "waiting": None,
                "waiting_until": None,
                "next_look_at": None,
            }
        )
        mine[:] = [(run, batches)]
        return run

    run = services.runs.end(run, ended)
    if mine and run is mine[0][0]:
        # Whoever's write has ended it counts it, and nobody else.
        measuring.run_ended(*mine[0])
    if run.ended and not run.counts.adds_up:
        log.error("run %s: its counts do not add up: %s", run.run_id, run.counts)
    return run


def is_at_rest(run: Run, batches: list[Batch]) -> bool:
    """Whether nothing more happens to any of its batches; those of a run that was stopped need not have been sent."""
    return all(batch.ended or (run.stop is not None and batch.state == "pending") for batch in batches)


def is_sending(services: Services, run: Run) -> bool:
    """Whether a batch may be on its way to Constant Contact: until that is known, the run cannot be counted."""
    now = services.now()
    batches = [stored.value for stored in services.runs.batches(run.run_id)]
    return any(b.state == "sending" and b.unclear_until is not None and now < b.unclear_until for b in batches)


def end_overdue(services: Services, run: Run) -> Run | None:
    """The run, ended because it has taken longer than it may; None while it goes on."""
    if not is_overdue(services, run):
        return None
    # From here on no batch is claimed any more, and one that was claimed before is seen.
    over = {"stop": _TIME_IS_OVER, "timed_out": True, "problem": problem_of_waiting(_waits_for(services, run))}
    run = services.runs.change(run, lambda r: r if r.stop else r.model_copy(update=over))
    return None if is_sending(services, run) else end_run(services, run)


def _waits_for(services: Services, run: Run) -> str | None:
    """What the run waits for; what it waited for long ago does not count."""
    waited_long_ago = run.waiting_until is None or services.now() > run.waiting_until + _A_WAIT_GOES_ON
    return None if waited_long_ago else run.waiting


def is_overdue(services: Services, run: Run) -> bool:
    """Whether the run has taken longer than a run may."""
    return services.now() > run.created_at + timedelta(hours=services.settings.run_time_limit_hours)


def counts_of(run: Run, batches: list[Batch]) -> Counts:
    """Where the profiles of the run went; nothing was sent of one that is not prepared, or counted after its end."""
    return final_counts(run.counts, batches) if run.prepared else run.counts


def final_counts(prepared: Counts, batches: list[Batch]) -> Counts:
    """Where every profile went. What Constant Contact took but has not reported on counts as sent.

    Each number is what the batches say, so that a profile of which none accounts shows: the counts do not add up. For a
    batch that is split its parts stand.
    """
    taken = [batch for batch in batches if batch.state in ("uploaded", "completed")]
    refused = sum(batch.rejected for batch in taken)
    sent = sum(batch.contacts - batch.rejected - batch.dropped for batch in taken)
    left = sum(batch.contacts for batch in batches if batch.state in ("pending", "sending", "failed"))
    return prepared.model_copy(
        update={
            "sent": sent,
            "rejected": prepared.rejected_by_us + refused,
            "rejected_by_constant_contact": refused,
            "not_added": sum(batch.not_added for batch in taken),
            "not_sent": left + sum(batch.dropped for batch in taken),
        }
    )


class _Why(NamedTuple):
    """Why a run is not successful."""

    sentence: str
    code: ProblemCode | None


def _why(run: Run, counts: Counts, batches: list[Batch], error: ExportError | None) -> _Why | None:
    unknown = _not_known(batches)
    if run.cancel_asked_at:
        # Somebody wanted it: that is no problem.
        return _Why(_joined(run.stop, _failed_batches(batches), unknown), None)
    if error is not None:
        return _Why(_joined(str(error), unknown), problem_of(error))
    if run.stop is not None:
        return _Why(_joined(run.stop, unknown), run.problem or "unknown")
    return _what_failed(batches, counts)


def _joined(*sentences: str | None) -> str:
    *before, last = [one for one in sentences if one] or [""]
    return " ".join([*(one if one.endswith(".") else f"{one}." for one in before), last])


def _not_known(batches: list[Batch]) -> str | None:
    """What is to be said of batches that were on their way when the last chance to look for them was gone."""
    contacts = sum(batch.contacts for batch in batches if batch.state == "sending")
    if not contacts:
        return None
    if contacts == 1:
        return "Whether Constant Contact took one contact that was on its way is not known; it counts as not sent."
    return (
        f"Whether Constant Contact took {contacts:,} contacts that were on their way is not known; "
        "they count as not sent."
    )


def _what_failed(batches: list[Batch], counts: Counts) -> _Why | None:
    if errors := _failed_batches(batches):
        return _Why(errors, "constant_contact")
    if counts.read and not counts.prepared:
        return _Why(str(AllRejected(counts.read)), "all_rejected")
    if counts.prepared and counts.rejected_by_constant_contact == counts.prepared:
        return _Why(
            f"Constant Contact refused every one of the {counts.prepared:,} contacts; the rejected rows say why.",
            "refused",
        )
    if counts.not_sent:
        return _Why(
            f"Constant Contact did not count {counts.not_sent:,} contacts that were sent to it. Run the export again.",
            "constant_contact",
        )
    return None


def _failed_batches(batches: list[Batch]) -> str | None:
    errors = [batch.error for batch in batches if batch.state == "failed" and batch.error]
    if not errors:
        return None
    return "; ".join(errors[:3]) + ("" if len(errors) <= 3 else f"; and {len(errors) - 3} more batches")


def _status(run: Run, counts: Counts, why: _Why | None) -> Status:
    if run.cancel_asked_at:
        return "canceled"
    if why is not None:
        return "timed_out" if run.timed_out else "failed"
    return "completed_with_warnings" if counts.rejected or run.warnings else "successful"
