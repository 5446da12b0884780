"""The messages between the steps: ids only, never data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from shared.storage import Storage

RUNS, BATCHES, ACTIVITIES = "export-runs", "export-batches", "export-activities"
NOTIFICATIONS = "export-notifications"

# The queue service hides a message for seven days at the most; waits here are hours.
_LONGEST_DELAY_SECONDS = 24 * 3600


class Message(BaseModel):
    """Which run, and for an upload which batch; `turn` counts how often it came back, or the activities looked at.

    `trace` is the span that the run was started in (W3C traceparent); messages of before have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    export_id: str
    run_id: str
    batch: str | None = None
    turn: int = 0
    trace: str | None = None


class Queues:
    """Sending; receiving is the host's part."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def send(self, queue: str, message: Message, *, after_seconds: float = 0) -> None:
        """Put a message on a queue, hidden for `after_seconds` (rounded up to whole seconds, a day at the most)."""
        delay = min(_LONGEST_DELAY_SECONDS, max(0, int(-(-after_seconds // 1))))
        # Never expires (the default would be seven days): a lost message is a lost run.
        self._storage.queue(queue).send_message(
            message.model_dump_json(exclude_defaults=True), visibility_timeout=delay, time_to_live=-1
        )
