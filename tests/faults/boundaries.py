"""The boundaries between the steps of a run, each as the write of a row that marks it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.storage_gate import When


@dataclass(frozen=True)
class Boundary:
    """A row of the run (or of one of its batches) is about to be written, or was just written, with this value."""

    when: When
    name: str
    field: str
    value: str

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"{self.when} {self.name}"

    def marks(self, owner: str) -> tuple[bytes, ...]:
        """What a write of a row of `owner` (an export id for a run, a run id for a batch) holds when it marks this."""
        # The row holds the document as a JSON text inside JSON.
        return owner.encode(), f'\\"{self.field}\\":\\"{self.value}\\"'.encode()

    @property
    def of_batch(self) -> bool:
        """Whether it is the row of a batch."""
        return self.field == "state"


_STEPS = (
    ("queued → preparing", "status", "preparing"),
    ("preparing → uploading", "status", "uploading"),
    ("a batch is about to be sent", "state", "sending"),
    ("a batch was taken", "state", "uploaded"),
    ("uploading → finishing", "status", "finishing"),
    ("a batch has been imported", "state", "completed"),
    ("the end of the run", "status", "completed_with_warnings"),
)
BOUNDARIES = tuple(Boundary(when, *step) for step in _STEPS for when in ("before", "after"))
# Met only by a run one of whose batches is refused.
HALVING = tuple(Boundary(when, "a refused batch is halved", "state", "split") for when in ("before", "after"))
