"""What follows a run that has ended. Whoever finds that a run has ended does it, for who ended it may have died."""

from __future__ import annotations

from exporters import notifications
from exporters.audit_of_runs import tell
from exporters.files import RunFiles
from exporters.runs import Run
from exporters.services import Services
from exporters.start import start_again


def afterwards(services: Services, ended: Run) -> None:
    """Tidy up after the run, let who has to know it know, start the next one if it is due. A repeat changes nothing."""
    tell(services, ended)
    if not ended.batches:
        # None of its batches was or will be used.
        RunFiles(services.files, ended.run_id).remove_batches()
        services.runs.remove_batches(ended.run_id)
    notifications.ended(services, ended)
    start_again(services, ended)
    # Last: what the history does not know to have ended is looked at again by the sweep.
    services.history.note(ended)
