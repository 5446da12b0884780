"""`python3 dev.py up`: the whole system on this machine, with one export that is run and shown."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from admin.records import RunRecord
from exporters.runs import ENDED, GOOD
from local.app_client import ApiError
from local.constant_contact.faults import FAULTS, ArmedFault, UnknownFaultError
from local.event_grid import EventGrid
from local.processes import ProcessError, port_is_free
from local.progress import show_summary, showing
from local.samples import write_samples
from local.snapshot_folder import SnapshotFolder, look_into, upload
from local.stand import Stand

PROFILES = 10_000
EVERY_FIVE_SECONDS = "*/5 * * * * *"
RUN_APPEARS_SECONDS = 60.0
POLL_SECONDS = 0.3
# What the mapping falls back to where no column looks like an address: the run then names the columns there are.
USUAL_EMAIL_COLUMN = "EMail"


class UpError(Exception):
    """The command cannot go on; the message says why."""


class UsageError(UpError):
    """The command was called wrongly."""


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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(arguments: Sequence[str]) -> Options:
    """Read and check the command line. Raises UsageError with one line that says what is wrong."""
    faults = "\n".join(f"  {name:20} {kind.description}" for name, kind in FAULTS.items())
    parser = _Parser(
        prog="python3 dev.py up",
        description="Start the whole system on this machine, export sample segments (or your own) and show the run.",
        epilog=f"faults (each strikes once, NAME:3 three times):\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--once", action="store_true", help="end with the run; exit code 0 when it was successful")
    add(
        "--trigger", choices=["upload", "http", "timer"], default="upload", help="what starts the run (default: upload)"
    )
    add("--snapshots", type=Path, metavar="DIR", help="your own segments, in the folders that the product writes")
    add("--segments", metavar="A,B", default="", help="segments to export (default: all that are found)")
    add("--email", metavar="COLUMN", help="column of the e-mail address (default: guessed)")
    add("--first-name", metavar="COLUMN", help="column of the first name (default: guessed)")
    add("--last-name", metavar="COLUMN", help="column of the last name (default: guessed)")
    add("--profiles", type=int, metavar="N", help=f"sample profiles to make (default: {PROFILES:,})")
    add("--instances", type=int, default=1, metavar="N", help="hosts that run the app together (default: 1)")
    add("--fault", action="append", default=[], metavar="NAME", help="make Constant Contact fail; see below")
    add("--port", type=int, help="port of the site (default: a free one)")
    add("--simulator-port", type=int, metavar="PORT", help="port of the simulator (default: a free one)")
    add("--report", type=Path, metavar="FILE", help="write the run's record with all its rejected rows as JSON")
    add("--contacts", type=Path, metavar="FILE", help="write the members of the list in the simulator as CSV")
    given = parser.parse_args(arguments)
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
    )
    _check(options, profiles_given=given.profiles is not None)
    return options


def _fault(text: str) -> str:
    name, _, times = text.partition(":")
    if times and not (times.isdecimal() and int(times) > 0):
        raise UsageError(f"--fault {text}: {times!r} is no number of times; write NAME or NAME:TIMES")
    try:
        return f"{ArmedFault(name).name}:{times or 1}"
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


def up(options: Options, console: Console) -> int:
    """Do what the command is for; the exit code says how the run ended."""
    with ExitStack() as exits:
        source = options.snapshots
        if source is None:
            source = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="samples-")))
            _say(console, f"Making {options.profiles:,} sample profiles")
            write_samples(source, options.profiles)
        _say(console, "Looking for segments and their columns")
        folder = look_into(source, options.segments)
        if folder.missing:
            found = ", ".join(folder.found) or "none"
            raise UsageError(f"--segments: there is no segment {', '.join(folder.missing)}; found: {found}")
        if not folder.segments:
            raise UsageError(f"--snapshots {source}: no segment was found in it; it needs the folders of the product")
        mapping = {"email": USUAL_EMAIL_COLUMN} | folder.mapping | options.columns
        settings = {"REFRESH_SCHEDULE": EVERY_FIVE_SECONDS} if options.trigger == "timer" else {}
        _say(console, "Starting the services and the app")
        stand = exits.enter_context(
            Stand(
                instances=options.instances,
                port=options.port,
                simulator_port=options.simulator_port,
                faults=options.faults,
                settings=settings,
            )
        )
        run = _run_export(stand, options, folder, mapping, console)
        if options.report:
            _write_report(options.report, stand, run)
        if options.contacts:
            _write_contacts(options.contacts, stand)
        show_summary(console, run, stand.requests_to_constant_contact())
        if stand.restarts:
            _say(console, f"\nHosts that ended by themselves and were started again: {stand.restarts}")
        if not options.once:
            _serve(stand, console)
        return 0 if run.status in GOOD else 1


def _run_export(
    stand: Stand, options: Options, folder: SnapshotFolder, mapping: dict[str, str], console: Console
) -> RunRecord:
    """Make the connection and the export, have the trigger start a run, and follow it to its end."""
    events = stand.deliver_events() if options.trigger == "upload" else None
    if options.trigger != "upload":
        upload(folder.path, stand.snapshots)
    export = stand.app.add_export(
        "Newsletter",
        stand.connect("Local Company"),
        list_id=stand.account.list_id,
        segments=folder.segments,
        mapping=mapping,
        schedule="off" if options.trigger == "http" else "every_refresh",
    )
    _say(console, f"Exporting {', '.join(folder.segments)} to the list {stand.account.list_name}")
    match options.trigger:
        case "upload":
            upload(folder.path, stand.snapshots)
            run_id = _wait_for_run(stand, export.id, events)
        case "timer":
            run_id = _wait_for_run(stand, export.id, events)
        case _:
            run_id = stand.app.start_run(export.id)
    with showing(console) as show:
        while True:
            stand.check()
            run = stand.app.run(export.id, run_id)
            show(run)
            if run.status in ENDED:
                return run
            time.sleep(POLL_SECONDS)


def _wait_for_run(stand: Stand, export_id: str, events: EventGrid | None) -> str:
    deadline = time.monotonic() + RUN_APPEARS_SECONDS
    while time.monotonic() < deadline:
        stand.check()
        runs = stand.app.runs(export_id)
        if runs:
            return runs[-1].run_id
        time.sleep(POLL_SECONDS)
    host = stand.hosts[0]
    # Without the calls by which this function asked.
    log = f"{host.name} started none.{host.log_tail(besides='cause=GET')}"
    why = (events.problem if events else None) or log
    raise UpError(f"No run was started within {RUN_APPEARS_SECONDS:.0f} s. {why}")


def _write_report(file: Path, stand: Stand, run: RunRecord) -> None:
    record = run.model_dump(mode="json") | {"rejected_rows": list(stand.app.rejected_rows(run))}
    file.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_contacts(file: Path, stand: Stand) -> None:
    file.write_bytes(stand.members_csv())


def _serve(stand: Stand, console: Console) -> None:
    """Show where everything is and wait until somebody ends the command."""
    console.print()
    for name, value in {
        "Site": stand.site_url,
        "Constant Contact simulator": f"{stand.simulator_url}/_simulator/",
        "Function key (x-functions-key)": stand.keys.default,
        "Storage connection string": stand.settings["AzureWebJobsStorage"],
    }.items():
        console.print(Text(f"{name}: ", style="dim").append(value, style="none"), soft_wrap=True)
    _say(console, "\nEverything is running; Ctrl-C ends it.")
    try:
        while True:
            stand.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        _say(console, "Ending")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, 1 when the run or the system failed, 2 for wrong usage, 130 when ended before the run was."""
    console = Console()
    for name in ("SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        return up(parse(sys.argv[1:] if arguments is None else arguments), console)
    except UsageError as error:
        print(f"dev.py up: {error}", file=sys.stderr)
        return 2
    except (UpError, ProcessError, ApiError) as error:
        print(f"dev.py up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
