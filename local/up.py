"""`python3 dev.py up`: the whole system on this machine, with one export that is run and shown."""

from __future__ import annotations

import io
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import requests
from azure.core.exceptions import AzureError
from rich.console import Console
from rich.text import Text

from admin.records import RunRecord
from exporters.runs import ENDED, GOOD
from local.app_client import ApiError
from local.command_line import Options, UsageError, no_such_segments, parse
from local.event_grid import EventGrid
from local.processes import ProcessError
from local.progress import show_summary, showing
from local.samples import segment_ranges, write_samples
from local.sign_in import PEOPLE
from local.snapshot_folder import SnapshotFolder, look_into, upload
from local.stand import Stand
from shared.models import Export, Schedule

EVERY_FIVE_SECONDS = "*/5 * * * * *"
RUN_APPEARS_SECONDS = 60.0
POLL_SECONDS = 0.3
# What the mapping falls back to where no column looks like an address: the run then names the columns there are.
USUAL_EMAIL_COLUMN = "EMail"


class UpError(Exception):
    """The command cannot go on; the message says why."""


def up(options: Options, console: Console) -> int:
    """Do what the command is for; the exit code says how the run ended."""
    with ExitStack() as exits:
        source = options.snapshots
        if source is None:
            source = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="samples-")))
            _say(console, _samples_words(options.profiles))
            write_samples(source, options.profiles)
        _say(console, "Looking for segments and their columns")
        folder = look_into(source, options.segments)
        if folder.missing:
            raise UpError(str(no_such_segments(folder.missing, folder.found)))
        if not folder.segments:
            needed = "folders like CustomerInsights_x/BlobExport/Members/2026/11/22/0600/Members_1.csv"
            raise UpError(f"--snapshots {source}: no segment was found in it; it needs {needed}")
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
                telemetry=options.telemetry,
                say=lambda text: _say(console, text),
            )
        )
        if options.instances > 1:
            _say(console, f"Hosts, with process ids: {', '.join(f'{one.name} {one.pid}' for one in stand.hosts)}")
        export, run = _run_export(stand, options.trigger, folder, mapping, console)
        if options.report:
            _write_report(options.report, stand, run)
        if options.contacts:
            _write_contacts(options.contacts, stand)
        show_summary(console, run, stand.requests_to_constant_contact(), options.report)
        if not options.once:
            _serve(stand, export, console)
        return 0 if run.status in GOOD else 1


def _samples_words(profiles: int) -> str:
    rows = sum(map(len, segment_ranges(profiles).values()))
    noun = "profile" if profiles == 1 else "profiles"
    return f"Samples: {profiles:,} {noun} in two overlapping segments ({rows:,} rows)"


def _run_export(
    stand: Stand, trigger: str, folder: SnapshotFolder, mapping: dict[str, str], console: Console
) -> tuple[Export, RunRecord]:
    """Make the connection and the export, have the trigger start a run, and follow it to its end."""
    events = stand.deliver_events() if trigger == "upload" else None
    if trigger != "upload":
        upload(folder.path, stand.snapshots)
    export = stand.app.add_export(
        "Newsletter",
        stand.connect("Local Company"),
        list_id=stand.account.list_id,
        segments=folder.segments,
        mapping=mapping,
        schedule=Schedule(active=trigger != "http"),
    )
    _say(console, f"Exporting {', '.join(folder.segments)} to the list {stand.account.list_name}")
    _say(console, f"Columns: {', '.join(f'{field} ← {column}' for field, column in mapping.items())}")
    match trigger:
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
                return export, run
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


def _serve(stand: Stand, export: Export, console: Console) -> None:
    """Show where everything is and wait until somebody ends the command."""
    console.print()
    _say(console, f"Open {stand.site_url} and sign in as {PEOPLE[0].name}.")
    console.print()
    for name, value in {
        "API": f"{stand.site_url}/api",
        "Simulator": f"{stand.simulator_url}/_simulator/",
        "Function key": stand.keys.default,
        "Connection id": export.connection_id or "none",
        "Export id": export.id,
        "List id": export.list_id,
        "Storage": stand.settings["AzureWebJobsStorage"],
        "Telemetry": str(stand.telemetry),
    }.items():
        console.print(Text.assemble((f"{name:15}", "dim"), value), soft_wrap=True)
    _say(console, "\nEverything is running; Ctrl-C ends it.")
    try:
        while True:
            stand.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        _say(console, "Ending")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _prepare_process() -> None:
    """Take signals and encodings as they come."""
    # A shell starts background commands with SIGINT ignored; who sends one all the same wants them to end.
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, 1 when the run or the system failed, 2 for wrong usage, 130 when ended before the run was."""
    _prepare_process()
    try:
        return up(parse(sys.argv[1:] if arguments is None else arguments), Console())
    except UsageError as error:
        print(f"dev.py up: {error}", file=sys.stderr)
        return 2
    except (UpError, ProcessError, ApiError) as error:
        print(f"dev.py up: {error}", file=sys.stderr)
        return 1
    except (AzureError, requests.RequestException) as error:
        # The first line says what happened; the SDK's further lines are the ids of the request.
        first_line = next(iter(str(error).splitlines()), "no further details")
        print(f"dev.py up: a service could not be used: {type(error).__name__}: {first_line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
