"""A clock that is wrong, as that of a machine is whose time service has failed."""

from __future__ import annotations

from datetime import timedelta


def shift_clock(seconds: float) -> None:
    """Let this process see another time of day from now on, `seconds` ahead (negative: behind), still running.

    Every way to ask for the time of day is shifted, from C on: `time.time`, `datetime.now`, `time.strftime`. The
    monotonic clock is not, so waits, time-outs and event loops go on as before.
    """
    # Imported only when it is asked for: a host with the right time needs no library for it.
    import time_machine

    time_machine.travel(timedelta(seconds=seconds), tick=True).start()
