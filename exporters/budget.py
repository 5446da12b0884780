"""The day's calls as a budget of all exports: how often runs are looked at, and whether a run can finish today.

Constant Contact allows 10,000 calls a day for all runs together. Uploads are few, 26 for a million contacts; what could
use the calls up is looking again and again at runs that Constant Contact takes hours over.
"""

from __future__ import annotations

from exporters.constant_contact.errors import QuotaExceeded
from exporters.constant_contact.limits import API, USED_UP
from exporters.each import each
from exporters.runs import Run
from exporters.services import Services
from exporters.start import name_of_export
from shared.errors import Wait

FIRST_LOOKS = 11
"""So many looks at a run are quick, however many runs are under way: they come less than a minute apart."""

LONGEST_PAUSE_SECONDS = 600
"""What a run is looked at after at the latest, unless many runs share the looks."""

# All runs together are looked at once in so many seconds: 86,400 / 20 = 4,320 of the day's 9,900 calls.
_APART_SECONDS = 20
# When only the calls that are kept for following are left: 86,400 / 180 = 480 of those 500.
_APART_WHEN_SHORT_SECONDS = 180
# With more calls left than this nobody has to count: the largest export takes a few hundred.
_PLENTY = 2_000
PARKED = (
    "Today's calls to Constant Contact are used up. The batches that are not uploaded yet follow after 00:00 UTC by "
    "themselves."
)


def delay(turn: int, runs: int = 1) -> float:
    """Seconds until the next look at a run of which there were `turn` looks, while so many runs are under way.

    One second at first, half as long again each time, up to a minute. From then on a tenth longer each time, up to ten
    minutes, so that the news is never late by more than a minute and a tenth of the time that was waited; but no sooner
    than its share, when all runs together are looked at once in 20 seconds.

    It adds up to some 170 looks a day at a run that waits all day, and to 3,300 at 20 of them. Any number of runs take
    4,320, and 11 to 20 quick looks each while the pauses grow up to the share.
    """
    quick = 1.5 ** min(turn, 40)
    patient = min(LONGEST_PAUSE_SECONDS, 60 * 1.1 ** min(max(0, turn - FIRST_LOOKS + 1), 40))
    return float(min(quick, max(patient, runs * _APART_SECONDS)))


def delay_when_short(runs: int) -> float:
    """Seconds until the next look at a run while only the calls that are kept for following are left today."""
    return max(LONGEST_PAUSE_SECONDS, runs * _APART_WHEN_SHORT_SECONDS)


def runs_under_way(services: Services) -> list[str]:
    """The ids of the runs that have not ended."""
    return each(services.exports.all(), lambda export: services.runs.slot(export.id).value.run_id, name_of_export)


def notice_of(services: Services, run: Run, batches: int, imports_left: int) -> str | None:
    """What to tell when the calls that are left today do not suffice for the run's batches, else None.

    Counted are the batches of all runs that are prepared, and the looks at every run while these are uploaded; what is
    looked at later has calls of its own. How many batches a run will have that is still being prepared is not known:
    if they are too many, the runs that have to wait say so then (`PARKED`).

    The run begins all the same; what does not fit waits until 00:00 UTC and goes on by itself.
    """
    if imports_left >= _PLENTY:
        return None
    runs = runs_under_way(services)
    others = sum(_to_be_uploaded(services, run_id) for run_id in runs if run_id != run.run_id)
    looks = len(runs) * _looks_while_uploading(others + batches)
    room = max(0, imports_left - others - looks)
    if batches <= room:
        return None
    if room == 0:
        return (
            "Today's calls to Constant Contact are used up or needed by other runs. What cannot be uploaded today "
            "follows after 00:00 UTC by itself."
        )
    return (
        f"Today's calls to Constant Contact suffice for about {room:,} of the {batches:,} batches. "
        "The others follow after 00:00 UTC by themselves."
    )


def calls_for(batches: int) -> int:
    """About how many of the day's calls a run with so many batches takes: its list, its uploads, the looks at it."""
    return 1 + batches + _looks_while_uploading(batches) + 1 if batches else 1


def are_used_up(error: Exception) -> bool:
    """Whether it says that the day's calls are used up, by our count or by Constant Contact's."""
    return isinstance(error, QuotaExceeded) or (isinstance(error, Wait) and error.reason == USED_UP)


def _to_be_uploaded(services: Services, run_id: str) -> int:
    """The batches that a run has still to upload."""
    return sum(stored.value.to_be_sent for stored in services.runs.batches(run_id))


def _looks_while_uploading(batches: int) -> int:
    """How often one run is looked at while so many batches are uploaded, as fast as the limit of a second allows."""
    looks, seconds = 0, delay(0)
    while seconds <= batches * API.seconds_apart:
        looks += 1
        seconds += delay(looks)
    return looks
