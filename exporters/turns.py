"""Runs take turns: a run has a few batches in the queue at a time, and each that is uploaded makes room for another.

Messages come in the order in which they were sent, so the batches of all runs pass one after the other, a few of each:
an export of a million profiles does not make one of a hundred wait until it is done.
"""

from __future__ import annotations

from datetime import timedelta

from exporters.runs import Batch, BatchState, Run
from exporters.services import Services
from shared.queues import ACTIVITIES, BATCHES
from shared.tables import Stored

# Enough that several workers can upload one run at once.
AT_ONCE = 4
# A message that is hidden comes within seconds of its time, unless it is lost or the queue is long.
_A_LOOK_IS_LATE = timedelta(minutes=2)


def hand_out(services: Services, run: Run, *, states: tuple[BatchState, ...] = ("pending",)) -> None:
    """Messages for the first batches in one of these states, and one that follows the run to its end, if none does yet.

    Batch 1 is followed by batch 5, that by 9, and so on; the parts of a batch that was split stand beside these rows.
    """
    # First: by the time that this worker dies, the batches may all be uploaded, and then nobody hands out again.
    if not _is_followed(services, run):
        services.queues.send(ACTIVITIES, run.message(), after_seconds=1)
    heads: dict[int, Batch] = {}
    for stored in services.runs.batches(run.run_id):
        batch = stored.value
        if batch.state not in states:
            continue
        if batch.part:
            _send(services, run, batch.name)
        else:
            heads.setdefault(batch.number % AT_ONCE, batch)
    for batch in heads.values():
        _send(services, run, batch.name)


def hand_on(services: Services, run: Run, batch: Batch) -> None:
    """The batch is no longer to be uploaded: the one that waited for its place comes next."""
    following = Batch(run_id=run.run_id, number=batch.number + AT_ONCE, contacts=0)
    if not batch.part and following.number <= run.batches:
        _send(services, run, following.name)
    else:
        show_whether_all_sent(services, run, services.runs.batches(run.run_id))


def show_whether_all_sent(services: Services, run: Run, batches: list[Stored[Batch]]) -> None:
    """All uploaded, waiting for Constant Contact alone: the run is finishing."""
    if not any(stored.value.to_be_sent for stored in batches):
        sent = {"status": "finishing", "uploaded_at": services.now()}
        services.runs.change(run, lambda r: r.model_copy(update=sent) if r.status == "uploading" else None)


def _is_followed(services: Services, run: Run) -> bool:
    """Whether a message that follows it is on its way: each more would cost as many of the day's calls again."""
    return run.next_look_at is not None and services.now() < run.next_look_at + _A_LOOK_IS_LATE


def _send(services: Services, run: Run, batch_name: str) -> None:
    services.queues.send(BATCHES, run.message(batch_name))
