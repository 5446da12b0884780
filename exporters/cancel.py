"""Cancels a run: no further batch is sent, and what is under way is followed to its end."""

from __future__ import annotations

from exporters.afterwards import afterwards
from exporters.audit_of_runs import tell_if_possible
from exporters.ending import end_run, is_at_rest
from exporters.runs import Run
from exporters.services import Services
from shared import telemetry
from shared.errors import Conflict

CANCELED = "The run was canceled. What Constant Contact had taken by then stays; nothing more was sent."


def cancel(services: Services, export_id: str, run_id: str, by: str, by_id: str | None = None) -> Run:
    """Stop the run before its next batch, in the name of `by`; the run as it is then, which may have ended by it.

    Nothing of a run that is still being prepared is sent; it ends at once. What Constant Contact is being sent, or has
    taken, is waited for by the step that follows the run. A repeat changes nothing, and finishes what was cut short.
    If what was under way was the last of it, the run ends as if it had not been canceled.

    Raises:
        NotFound: there is no such run.
        Conflict: it has ended, is about to end for another reason, or everything has been sent already.
    """
    run = services.runs.get(export_id, run_id)
    with telemetry.work("export.cancel", run.trace, run_id=run.run_id, export_id=run.export_id):
        return _cancel(services, run, by, by_id)


def _cancel(services: Services, run: Run, by: str, by_id: str | None) -> Run:
    run_id = run.run_id
    if run.ended:
        raise Conflict(f"The run {run_id} has ended already, so it cannot be canceled.")
    batches = [stored.value for stored in services.runs.batches(run_id)]
    if run.prepared and not any(batch.to_be_sent for batch in batches):
        raise Conflict(f"Everything of the run {run_id} has been sent already, so it cannot be canceled.")
    asked = {"stop": CANCELED, "cancel_asked_at": services.now(), "canceled_by": by, "canceled_by_id": by_id}
    run = services.runs.change(run, lambda r: None if r.stop else r.model_copy(update=asked))
    if run.cancel_asked_at is None:
        raise Conflict(f"The run {run_id} is being stopped or has ended for another reason; it was not canceled.")
    tell_if_possible(services, run)
    # From here on no batch is claimed any more, and one that was claimed before is seen.
    batches = [stored.value for stored in services.runs.batches(run_id)]
    run = end_run(services, run, only_if=lambda r: r.to_be_prepared or is_at_rest(r, batches))
    if run.ended:
        afterwards(services, run)
    return run
