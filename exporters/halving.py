"""A batch that Constant Contact refuses is halved until the contacts that it refuses are alone.

One contact that makes its batch fail costs about two calls for each doubling of the batch: 32 for a full one. The parts
are rows of the same batch file, so nothing is written twice.
"""

from __future__ import annotations

from exporters.batches import place_of_line
from exporters.constant_contact.errors import Refused
from exporters.files import RejectedRow, RunFiles
from exporters.runs import Batch, Run
from exporters.services import Services
from shared.queues import BATCHES, Message
from shared.tables import Stored

# Of the 10,000 calls of a day, a run spends at most some 400 on looking for contacts that are refused.
MOST_HALVINGS = 200
# If nothing was accepted after so many halvings, it is not single contacts that are refused.
_HALVINGS_WITHOUT_SUCCESS = 6


def is_about_contacts(error: Refused) -> bool:
    """Whether the refusal may be the fault of some contacts in the file, and not of the whole run."""
    return error.status in (400, 413, 422)


def halve_or_reject(services: Services, run: Run, stored: Stored[Batch], error: Refused) -> None:
    """Reject the only contact of a refused batch, or send its halves instead."""
    batch = stored.value
    if batch.contacts == 1:
        _reject(services, run, stored, error)
    elif _is_hopeless(services, run):
        failed = {"state": "failed", "error": str(error), "claimed_until": None, "unclear_until": None}
        services.runs.write_batch(batch.model_copy(update=failed), stored.etag)
    else:
        for half in batch.halves():
            services.runs.add_batch(half)
        split = {"state": "split", "error": str(error), "claimed_until": None, "unclear_until": None}
        services.runs.write_batch(batch.model_copy(update=split), stored.etag)
        send_halves(services, run, batch)


def send_halves(services: Services, run: Run, batch: Batch) -> None:
    """A message for each half of a batch that was split; one that was uploaded already takes no notice of it."""
    for half in batch.halves():
        services.queues.send(BATCHES, Message(export_id=run.export_id, run_id=run.run_id, batch=half.name))


def _reject(services: Services, run: Run, stored: Stored[Batch], error: Refused) -> None:
    files, batch = RunFiles(services.files, run.run_id), stored.value
    place, plan = place_of_line(files.places(batch.number), batch.first + 2), files.plan()
    if place is None or plan is None:
        raise LookupError(f"run {run.run_id}: the place of a contact of batch {batch.name} is not known")
    snapshot = plan.snapshots[place.segment]
    path = snapshot.partitions[place.partition].path
    with files.rejected_by_constant_contact(batch.name) as rejected:
        reason = f"Constant Contact: {error.text}"
        rejected.add(RejectedRow(snapshot.segment, path, place.line, "constant_contact", reason))
    update = {"state": "completed", "rejected": 1, "percent_done": 100, "error": None, "claimed_until": None}
    services.runs.write_batch(batch.model_copy(update=update), stored.etag)


def _is_hopeless(services: Services, run: Run) -> bool:
    batches = [stored.value for stored in services.runs.batches(run.run_id)]
    halvings = sum(batch.state == "split" for batch in batches)
    accepted = any(batch.state in ("uploaded", "completed") and batch.rejected < batch.contacts for batch in batches)
    return halvings >= MOST_HALVINGS or (halvings >= _HALVINGS_WITHOUT_SUCCESS and not accepted)
