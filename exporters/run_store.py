"""How runs, their batches and the slots of exports are kept.

A run, and the slot that lets an export have one run at a time, share a table partition, so that starting and ending a
run are single transactions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from itertools import islice

from azure.data.tables import TableClient

from exporters.runs import GOOD, Batch, Run, Slot, row_of, time_of
from shared.documents import is_id
from shared.errors import Conflict, NotFound
from shared.tables import DocumentTable, Key, Stored, entity, together

_SLOT_ROW = "slot"


class RunStore:
    """Runs, batches and slots in their tables."""

    def __init__(self, runs: TableClient, batches: TableClient) -> None:
        self._client = runs
        self._runs = DocumentTable(runs, Run)
        self._slots = DocumentTable(runs, Slot)
        self._batches = DocumentTable(batches, Batch)

    # runs

    def get(self, export_id: str, run_id: str) -> Run:
        """The run.

        Raises:
            NotFound: the export has no run of this id.
        """
        return self._read(export_id, run_id).value

    def newest(self, export_id: str, most: int) -> list[Run]:
        """The export's last runs, the newest first."""
        runs = self._runs.partition(export_id, rows_below=_SLOT_ROW, page=most)
        return [stored.value for stored in islice(runs, most)]

    def page(self, export_id: str, *, after: str | None = None, limit: int = 50) -> tuple[list[Run], str | None]:
        """So many of the export's runs, the newest first, from behind the run `after` on; and the `after` of the next.

        Raises:
            Invalid: `after` is no run id.
        """
        above = None if after is None else row_of(after)
        rows = self._runs.partition(export_id, rows_above=above, rows_below=_SLOT_ROW, page=limit + 1)
        runs = [stored.value for stored in islice(rows, limit + 1)]
        return runs[:limit], runs[limit - 1].run_id if len(runs) > limit else None

    def add_ended(self, run: Run, slot: Stored[Slot]) -> None:
        """Keep a run that has ended at once, and that its time was seen to.

        Raises:
            Conflict: the slot has changed since it was read.
        """
        seen_to = slot.value.model_copy(
            update={"start_again": False, "due_until": run.schedule_due or slot.value.due_until}
        )
        together(
            self._client,
            insert=[entity(run.key, run)],
            replace=[(entity(Key(run.export_id, _SLOT_ROW), seen_to), slot.etag)],
        )

    def change(self, run: Run, change: Callable[[Run], Run | None]) -> Run:
        """Change a run as it is now, again if somebody else was quicker; `change` returns None to leave it alone.

        A run that has ended is never changed.
        """
        while True:
            stored = self._read(run.export_id, run.run_id)
            changed = None if stored.value.ended else change(stored.value)
            if changed is None or changed == stored.value:
                return stored.value
            try:
                self._runs.replace(run.key, changed, stored.etag)
            except Conflict:
                continue
            return changed

    def remove(self, export_id: str, run_id: str) -> None:
        """Remove a run that has ended, with its batches; one that is not there is no error."""
        with contextlib.suppress(NotFound):
            stored = self._read(export_id, run_id)
            self.remove_batches(run_id)
            self._runs.remove(stored.value.key, stored.etag)

    def last_written(self, run: Run) -> datetime:
        """When the run or one of its batches was last written, by the storage service's clock."""
        rows = [self._read(run.export_id, run.run_id).written_at, *(b.written_at for b in self.batches(run.run_id))]
        return max(rows)

    def _read(self, export_id: str, run_id: str) -> Stored[Run]:
        is_run = is_id(export_id) and is_id(run_id) and time_of(run_id) is not None
        stored = self._runs.get(Key(export_id, row_of(run_id))) if is_run else None
        if stored is None or stored.value.run_id != run_id:
            raise NotFound(f"The export has no run “{run_id}”.")
        return stored

    # the slot: one run at a time

    def slot(self, export_id: str) -> Stored[Slot]:
        """The export's slot."""
        return self._slots.get_or_insert(Key(export_id, _SLOT_ROW), Slot())

    def change_slot(
        self, export_id: str, *, only_if: Callable[[Slot], bool] = lambda _: True, **update: object
    ) -> bool:
        """Change some of the slot's fields, if `only_if` holds for it by then; whether this has changed it."""
        while True:
            stored = self.slot(export_id)
            changed = stored.value.model_copy(update=update)
            if changed == stored.value or not only_if(stored.value):
                return False
            with contextlib.suppress(Conflict):
                self._slots.replace(Key(export_id, _SLOT_ROW), changed, stored.etag)
                return True

    def begin(self, run: Run, slot: Stored[Slot], versions: dict[str, str]) -> None:
        """Add the run and give it the slot, both or neither; raises Conflict when the slot was taken in between."""
        taken = slot.value.model_copy(
            update={
                "run_id": run.run_id,
                "start_again": False,
                "seen": versions,
                "due_until": run.schedule_due or slot.value.due_until,
            }
        )
        try:
            together(
                self._client,
                insert=[entity(run.key, run)],
                replace=[(entity(Key(run.export_id, _SLOT_ROW), taken), slot.etag)],
            )
        except Conflict:
            # After an answer of 500 the client library writes once more: it may be this very run that has the slot.
            if self.slot(run.export_id).value.run_id != run.run_id:
                raise

    def end(self, run: Run, change: Callable[[Run], Run | None]) -> Run:
        """End the run and free its slot, both or neither. A run that has ended stays as it ended.

        `change` returns None to leave the run, as it is by then, under way.
        """
        while True:
            stored, slot = self._read(run.export_id, run.run_id), self.slot(run.export_id)
            if stored.value.ended:
                return stored.value
            ended = change(stored.value)
            if ended is None:
                return stored.value
            update: dict[str, object] = {"run_id": None} if slot.value.run_id == run.run_id else {}
            if ended.status in GOOD:
                update |= {"exported": ended.versions, "recipe": ended.recipe}
            freed = slot.value.model_copy(update=update)
            try:
                together(
                    self._client,
                    insert=[],
                    replace=[
                        (entity(run.key, ended), stored.etag),
                        (entity(Key(run.export_id, _SLOT_ROW), freed), slot.etag),
                    ],
                )
            except Conflict:
                continue
            return ended

    # batches

    def add_batch(self, batch: Batch) -> None:
        """Keep a new batch; one that is there already keeps its state."""
        self._batches.insert(batch.key, batch)

    def remove_batches(self, run_id: str) -> None:
        """Remove the batches of a run, of which none is to be used any more."""
        for stored in self._batches.partition(run_id):
            self._batches.remove(stored.value.key, stored.etag)

    def batches(self, run_id: str) -> list[Stored[Batch]]:
        """The batches of a run in their order. Parts are among them once their batch is split, and not before.

        A worker that dies while it splits a batch leaves parts behind; if the batch is taken as a whole after all,
        they are nothing that is to be sent, waited for or counted.
        """
        rows = list(self._batches.partition(run_id))
        split = {stored.value.name for stored in rows if stored.value.state == "split"}
        return [stored for stored in rows if stored.value.part_of is None or stored.value.part_of in split]

    def batch(self, run_id: str, name: str) -> Stored[Batch] | None:
        """One batch."""
        return self._batches.get(Key(run_id, name))

    def write_batch(self, batch: Batch, etag: str) -> Stored[Batch]:
        """Change a batch; raises Conflict when somebody else did since it was read with `etag`."""
        return self._batches.replace(batch.key, batch, etag)
