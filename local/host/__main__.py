"""`python -m local.host`: run the Azure Functions app in a folder until told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from local.host.clock import shift_clock
from local.host.errors import HostError
from local.host.host import Host
from local.host.log import log_to_stderr
from local.host.telemetry import Telemetry

logger = logging.getLogger("local.host")

# How long functions may go on running after the signal to stop.
_GRACE_SECONDS = 5.0


def main() -> int:
    """Exit code 0 after a signal to stop, 1 when the host cannot start."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument(
        "--app", type=Path, required=True, metavar="DIR", help="folder with function_app.py and host.json"
    )
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 for any free one")
    parser.add_argument("--name", default="host", metavar="INSTANCE", help="name of this instance in the log")
    parser.add_argument(
        "--queue-lease",
        type=int,
        default=600,
        metavar="SECONDS",
        help="how long a message is hidden while it runs; a killed instance's messages come back after it "
        "(default: 600, as in Azure)",
    )
    parser.add_argument(
        "--clock-offset",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="let this instance's clock be fast by so much, or slow (negative)",
    )
    parser.add_argument(
        "--telemetry", type=Path, metavar="FILE", help="add spans, metrics and log records to this file (OTLP, JSON)"
    )
    arguments = parser.parse_args()
    if arguments.queue_lease < 1:
        parser.error("--queue-lease must be at least 1 second")
    if arguments.clock_offset:
        shift_clock(arguments.clock_offset)
    log_to_stderr(arguments.name)
    telemetry = Telemetry(arguments.telemetry.absolute(), arguments.name) if arguments.telemetry else None
    stopping = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stopping.set())
    try:
        tracer = telemetry.tracer if telemetry else None
        host = Host(arguments.app.resolve(), arguments.port, arguments.queue_lease, tracer)
        host.start()
    except HostError as error:
        logger.critical("%s", error)
        return _exit(1, telemetry)
    # In slices: without them Windows does not deliver Ctrl-C to a waiting main thread.
    while not stopping.wait(0.5):
        pass
    logger.info("stopping")
    if not host.stop(_GRACE_SECONDS):
        logger.warning("some functions were still running after %d s and are cut off", _GRACE_SECONDS)
    return _exit(0, telemetry)


def _exit(code: int, telemetry: Telemetry | None) -> int:
    """Leave at once: a function that never ends would hold the interpreter for ever."""
    if telemetry:
        telemetry.close()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
