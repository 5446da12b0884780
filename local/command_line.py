"""The command line of `python3 dev.py up`: what can be asked for, and what is wrong with what was."""

from __future__ import annotations

import argparse
import functools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from local.constant_contact.faults import BY_NAME, FAULTS, UnknownFaultError, by_name
from local.processes import port_is_free
from local.samples import SEGMENTS

PROFILES = 10_000
HELP_COLUMNS = 80

_DESCRIPTION = """\
Start the whole system on this machine, export sample segments (or your own),
show the run, and serve the pages until Ctrl-C."""
_EXIT_CODES = """\
exit codes:
  0    the run was successful or completed with warnings
  1    the run or the system failed
  2    wrong usage
  130  interrupted before the run ended
"""


class UsageError(Exception):
    """The command was called wrongly; the message says what is wrong in one line."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    once: bool
    trigger: str
    snapshots: Path | None
    segments: tuple[str, ...]
    columns: dict[str, str]
    profiles: int
    instances: int
    faults: tuple[str, ...]
    port: int | None
    simulator_port: int | None
    report: Path | None
    contacts: Path | None
    telemetry: Path | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(arguments: Sequence[str]) -> Options:
    """Read and check the command line. Raises UsageError with one line that says what is wrong."""
    given = _parser().parse_args(arguments)
    columns = {"email": given.email, "first_name": given.first_name, "last_name": given.last_name}
    options = Options(
        once=given.once,
        trigger=given.trigger,
        snapshots=given.snapshots,
        segments=tuple(filter(None, (name.strip() for name in given.segments.split(",")))),
        columns={field: column for field, column in columns.items() if column},
        profiles=PROFILES if given.profiles is None else given.profiles,
        instances=given.instances,
        faults=tuple(_fault(text) for text in given.fault),
        port=given.port,
        simulator_port=given.simulator_port,
        report=given.report,
        contacts=given.contacts,
        telemetry=given.telemetry,
    )
    _check(options, profiles_given=given.profiles is not None)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python3 dev.py up",
        description=_DESCRIPTION,
        epilog=f"{_faults()}\n\n{_EXIT_CODES}",
        formatter_class=functools.partial(
            argparse.RawDescriptionHelpFormatter, width=HELP_COLUMNS, max_help_position=26
        ),
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--once", action="store_true", help="end with the run, serve nothing")
    add(
        "--trigger",
        choices=["upload", "http", "timer"],
        default="upload",
        metavar="HOW",
        help="what starts the run: upload, http or timer (default: upload)",
    )
    add("--snapshots", type=Path, metavar="DIR", help="your own segments, in the folders that the product writes")
    add("--segments", metavar="A,B", default="", help="segments to export (default: all that are found)")
    add("--email", metavar="COLUMN", help="column of the e-mail address (default: guessed)")
    add("--first-name", metavar="COLUMN", help="column of the first name (default: guessed)")
    add("--last-name", metavar="COLUMN", help="column of the last name (default: guessed)")
    add("--profiles", type=int, metavar="N", help=f"sample profiles to make (default: {PROFILES:,})")
    add("--instances", type=int, default=1, metavar="N", help="hosts that run the app together (default: 1)")
    add("--fault", action="append", default=[], metavar="NAME", help="make Constant Contact fail; see below")
    add("--port", type=int, metavar="PORT", help="port of the pages and the API (default: a free one)")
    add("--simulator-port", type=int, metavar="PORT", help="port of the simulator (default: a free one)")
    add("--report", type=Path, metavar="FILE", help="write the run's record with all its rejected rows as JSON")
    add("--contacts", type=Path, metavar="FILE", help="write the members of the list in the simulator as CSV")
    add("--telemetry", type=Path, metavar="DIR", help="keep the spans, metrics and log records of each host here")
    return parser


def _faults() -> str:
    lines = ["faults (each strikes once, NAME:3 three times):"]
    for name in BY_NAME:
        first, others, description = f"  {name:20}", " " * 22, FAULTS[name].description
        lines += textwrap.wrap(
            description, HELP_COLUMNS, initial_indent=first, subsequent_indent=others, break_on_hyphens=False
        )
    return "\n".join(lines)


def _fault(text: str) -> str:
    name, _, times = text.partition(":")
    if times and not (times.isdecimal() and int(times) > 0):
        raise UsageError(f"--fault {text}: {times!r} is no number of times; write NAME or NAME:TIMES")
    try:
        return f"{by_name(name).name}:{times or 1}"
    except UnknownFaultError as error:
        raise UsageError(f"--fault {text}: {error}") from None


def _check(options: Options, *, profiles_given: bool) -> None:
    if options.profiles < 1:
        raise UsageError(f"--profiles {options.profiles}: must be at least 1")
    if options.instances < 1:
        raise UsageError(f"--instances {options.instances}: must be at least 1")
    if options.snapshots:
        if profiles_given:
            raise UsageError("--profiles makes samples and cannot go with --snapshots")
        if not options.snapshots.is_dir():
            raise UsageError(f"--snapshots {options.snapshots}: there is no such folder")
        if not any(path.is_file() for path in options.snapshots.rglob("*")):
            raise UsageError(f"--snapshots {options.snapshots}: there are no files in it")
    else:
        # A segment may be given by its whole path as well.
        unknown = [name for name in options.segments if name.rpartition("/")[2] not in SEGMENTS]
        if unknown:
            raise no_such_segments(unknown, list(SEGMENTS))
    if options.port is not None and options.port == options.simulator_port:
        raise UsageError(f"--port and --simulator-port are both {options.port}")
    for name, port in (("--port", options.port), ("--simulator-port", options.simulator_port)):
        if port is not None and not 0 < port < 65_536:
            raise UsageError(f"{name} {port}: must be from 1 to 65535")
        if port is not None and not port_is_free(port):
            raise UsageError(f"{name} {port}: the port is in use; choose another one, or leave the option out")
    for name, file in (("--report", options.report), ("--contacts", options.contacts)):
        if file and (file.is_dir() or not file.absolute().parent.is_dir()):
            raise UsageError(f"{name} {file}: a file cannot be written there")
    if options.telemetry and (options.telemetry.is_file() or not options.telemetry.absolute().parent.is_dir()):
        raise UsageError(f"--telemetry {options.telemetry}: a folder cannot be made there")


def no_such_segments(missing: Sequence[str], found: Sequence[str]) -> UsageError:
    """The error for segments that were asked for but are not among those `found`."""
    return UsageError(f"--segments: there is no segment {', '.join(missing)}; found: {', '.join(found) or 'none'}")
