"""A batch that Constant Contact refuses is halved until the contacts that it refuses are alone.

One contact that makes its batch fail costs about two calls for each doubling of the batch: 32 for a full one. The parts
are rows of the same batch file, so nothing is written twice. While nothing of a run has been accepted yet, single
contacts are split off first: when all of them are refused, it is not the contacts that are wrong.
"""

from __future__ import annotations

from exporters.batches import place_of_line
from exporters.constant_contact.errors import Refused
from exporters.files import RunFiles
from exporters.runs import Batch, Run
from exporters.services import Services
from shared.queues import BATCHES
from shared.tables import Stored

# A run spends at most some 2,000 of the day's calls on looking for contacts that are refused.
MOST_HALVINGS = 1_000
# Single contacts that are tried before it is clear that whole files are refused.
_MOST_SAMPLES = 10


def is_about_contacts(error: Refused) -> bool:
    """Whether the refusal may be the fault of some contacts in the file, and not of the whole run."""
    return error.status in (400, 413, 422)


def halve_or_reject(services: Services, run: Run, stored: Stored[Batch], error: Refused) -> None:
    """Reject the only contact of a refused batch, or send its parts instead."""
    batch = stored.value
    if batch.contacts == 1:
        _reject(services, run, stored, error)
        return
    batches = [one.value for one in services.runs.batches(run.run_id)]
    if why := _is_hopeless(batches):
        failed = {"state": "failed", "error": f"{error}; {why}", "claimed_until": None, "unclear_until": None}
        services.runs.write_batch(batch.model_copy(update=failed), stored.etag)
        return
    first = batch.parts(batch.contacts // 2 if _something_was_accepted(batches) else 1)[0]
    services.runs.add_batch(first)
    # One that a worker made who died right after counts, so that the parts always fit together.
    kept = services.runs.batch(run.run_id, first.name)
    services.runs.add_batch(batch.parts(kept.value.contacts if kept else first.contacts)[1])
    split = {"state": "split", "error": str(error), "claimed_until": None, "unclear_until": None}
    services.runs.write_batch(batch.model_copy(update=split), stored.etag)
    send_parts(services, run, batch)


def send_parts(services: Services, run: Run, batch: Batch) -> None:
    """A message for each part of a batch that was split; one that was uploaded already takes no notice of it."""
    for part in batch.parts(0):
        services.queues.send(BATCHES, run.message(part.name))


def _reject(services: Services, run: Run, stored: Stored[Batch], error: Refused) -> None:
    files, batch = RunFiles(services.files, run.run_id), stored.value
    place, plan = place_of_line(files.places(batch.number), batch.first + 2), files.plan()
    if place is None or plan is None:
        raise LookupError(f"run {run.run_id}: the place of a contact of batch {batch.name} is not known")
    with files.rejected_by_constant_contact(batch.name) as rejected:
        rejected.add(plan.rejected(place, "constant_contact", f"Constant Contact: {error.text}"))
    update = {"state": "completed", "rejected": 1, "percent_done": 100, "error": None, "claimed_until": None}
    services.runs.write_batch(batch.model_copy(update=update), stored.etag)


def _is_hopeless(batches: list[Batch]) -> str | None:
    """Why it makes no sense to go on looking, or None."""
    halvings = sum(batch.state == "split" for batch in batches)
    if halvings >= MOST_HALVINGS:
        return f"looked for the contacts that it refuses in {halvings:,} steps and gave up"
    samples = sum(batch.contacts == batch.rejected == 1 for batch in batches)
    if samples >= _MOST_SAMPLES and not _something_was_accepted(batches):
        return f"it refused each of {samples} single contacts too"
    return None


def _something_was_accepted(batches: list[Batch]) -> bool:
    return any(batch.state in ("uploaded", "completed") and batch.rejected < batch.contacts for batch in batches)
