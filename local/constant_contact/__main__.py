"""`python -m local.constant_contact`: the Constant Contact simulator."""

import argparse
import sys

from local.constant_contact.configuration import Configuration
from local.constant_contact.faults import FAULTS, ArmedFault, UnknownFaultError, by_name
from local.constant_contact.server import HOST, serve
from local.constant_contact.state import State


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; nothing is printed but errors."""
    asked = _parser().parse_args(arguments)
    state = State(
        Configuration(rows_per_second=asked.activity_rows_per_second, access_token_seconds=asked.access_token_seconds)
    )
    for fault in asked.fault:
        state.faults.arm(fault)
    try:
        serve(state, asked.port)
    except OSError as error:
        print(f"Port {asked.port} on {HOST} cannot be used: {error}. Choose another one with --port.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    table = "\n".join(f"  {name:20} {kind.description}" for name, kind in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m local.constant_contact",
        description="Constant Contact on this machine: sign-in, tokens and the V3 API, all in memory.",
        epilog=f"faults:\n{table}\n\nMore at run time: POST /_simulator/faults. What exists: GET /_simulator/.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, required=True, help=f"port on {HOST}")
    parser.add_argument(
        "--activity-rows-per-second",
        type=_positive,
        default=Configuration().rows_per_second,
        metavar="N",
        help="pace at which an account's imports are processed (default: %(default)s)",
    )
    parser.add_argument(
        "--access-token-seconds",
        type=int,
        default=Configuration().access_token_seconds,
        metavar="N",
        help="how long an access token lives (default: %(default)s, a day)",
    )
    parser.add_argument(
        "--fault", type=_fault, action="append", default=[], metavar="NAME[:TIMES]", help="a fault to begin with"
    )
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


def _fault(text: str) -> ArmedFault:
    name, _, times = text.partition(":")
    if times and not (times.isdecimal() and int(times) > 0):
        raise argparse.ArgumentTypeError(f"{times!r} is no number of times; write NAME or NAME:TIMES")
    try:
        return by_name(name, int(times) if times else None)
    except UnknownFaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
