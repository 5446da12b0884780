"""Cancels a run: no further batch is sent, and what is under way is followed to its end."""

from __future__ import annotations

from exporters.afterwards import afterwards
from exporters.ending import end_run, is_at_rest
from exporters.runs import Run
from exporters.services import Services
from shared.errors import Conflict

CANCELED = "The run was canceled. What Constant Contact had taken by then stays; nothing more was sent."


def cancel(services: Services, export_id: str, run_id: str, by: str, by_id: str | None = None) -> Run:
    """Stop the run before its next batch, in the name of `by`; the run as it is then, which may have ended by it.

    Nothing of a run that is still being prepared is sent; it ends at once. What Constant Contact is being sent, or has
    taken, is waited for by the step that follows the run. A repeat changes nothing, and finishes what was cut short.
    A run that is about to end for another reason ends for that reason.

    Raises:
        NotFound: there is no such run.
        Conflict: it has ended.
    """
    run = services.runs.get(export_id, run_id)
    if run.ended:
        raise Conflict(f"The run {run_id} has ended already, so it cannot be canceled.")
    asked = {"stop": CANCELED, "cancel_asked_at": services.now(), "canceled_by": by, "canceled_by_id": by_id}
    run = services.runs.change(run, lambda r: None if r.stop else r.model_copy(update=asked))
    # From here on no batch is claimed any more, and one that was claimed before is seen.
    batches = [stored.value for stored in services.runs.batches(run_id)]
    run = end_run(services, run, only_if=lambda r: r.to_be_prepared or is_at_rest(r, batches))
    if run.ended:
        afterwards(services, run)
    return run
