"""Shows a run while it goes on and what became of it: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from admin.records import BatchRecord, RunRecord
from exporters.runs import ENDED, GOOD, Counts

_STAGES = {"queued": 0, "preparing": 1, "uploading": 2, "finishing": 3}
_STAGE_NAMES = ("queued", "prepare", "upload", "Constant Contact")
_BEFORE_UPLOAD = ("queued", "preparing")
_LINE_SECONDS = 5.0


@contextmanager
def showing(console: Console) -> Iterator[Callable[[RunRecord], None]]:
    """Give a function to call with the run's record again and again; it shows what is new in it."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    progress = Progress(
        SpinnerColumn(),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[contacts]}"),
        TimeElapsedColumn(),
        console=console,
        expand=True,
    )
    task = progress.add_task("run", total=None, contacts="")
    with Live(console=console, refresh_per_second=8, transient=True) as live:

        def show(run: RunRecord) -> None:
            # How many there will be is known when the last one is prepared.
            total = None if run.status in _BEFORE_UPLOAD else run.counts.prepared
            progress.update(task, completed=contacts_done(run), total=total, contacts=_contacts(run))
            live.update(Group(_strip(run), progress, Text(_detail(run), style="dim")))

        yield show


def contacts_done(run: RunRecord) -> int:
    """Contacts that Constant Contact has processed, by its own word of how far it is with a batch.

    Those of a batch that failed are not among them.
    """
    return sum(_done(batch) for batch in run.batches)


def _done(batch: BatchRecord) -> int:
    match batch.state:
        case "completed":
            return batch.contacts
        case "uploaded":
            return batch.contacts * batch.percent_done // 100
        case _:
            return 0


class _Lines:
    """A line for each change of stage, for each new reason to wait, and every few seconds for the contacts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_status = ""
        self._last_waiting: str | None = None
        self._last_done = ""
        self._last_at = 0.0

    def __call__(self, run: RunRecord) -> None:
        now, done = time.monotonic(), "; ".join(filter(None, [_contacts(run), _detail(run)]))
        # That a wait is over is no news: what follows tells it.
        new_reason = run.waiting is not None and run.waiting != self._last_waiting
        changed = run.status != self._last_status or new_reason
        if changed or (done != self._last_done and now - self._last_at >= _LINE_SECONDS):
            at = datetime.now(UTC).strftime("%H:%M:%S")
            line = ": ".join(filter(None, [f"{at}  {words(run.status)}", done]))
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
            self._last_status, self._last_done, self._last_at = run.status, done, now
            self._last_waiting = run.waiting or self._last_waiting


def words(status: str) -> str:
    """A status as people read it."""
    return status.replace("_", " ")


def _strip(run: RunRecord) -> Text:
    """The stages of the run, the current one marked."""
    current = _STAGES.get(run.status, len(_STAGES))
    strip = Text()
    for number, name in enumerate(_STAGE_NAMES):
        style = "green" if number < current else "bold" if number == current else "dim"
        mark = "✓" if number < current else "●" if number == current else "○"
        strip.append(f"{mark} {name}", style=style).append("  ")
    return strip


def _contacts(run: RunRecord) -> str:
    prepared = run.counts.prepared
    if run.status in _BEFORE_UPLOAD:
        return f"{prepared:,} contacts prepared"
    if run.status in ENDED and not prepared:
        return ""
    return f"{contacts_done(run):,} of {prepared:,} contacts processed"


def _detail(run: RunRecord) -> str:
    """How far the batches are, and what the run is waiting for."""
    # Where a batch was split, its parts stand for it.
    batches = [batch for batch in run.batches if batch.state != "split"]
    # A single contact that was refused has no activity, but nothing is left to be uploaded of it.
    uploaded = sum(batch.activity_id is not None or batch.state == "completed" for batch in batches)
    parts = [f"{uploaded} of {len(batches)} batches uploaded"] if batches else []
    failed = sum(batch.state == "failed" for batch in batches)
    if failed:
        parts.append(f"{failed} failed")
    if run.notice and run.status not in ENDED:
        parts.append(run.notice)
    if run.waiting:
        parts.append(f"waiting: {run.waiting}")
    return "; ".join(parts)


def show_summary(console: Console, run: RunRecord, requests: int, report: Path | None) -> None:
    """A table of where every profile went, and what was wrong in plain words.

    `requests` are the simulator's count, `report` is the file that names every rejected row, if one was asked for.
    """
    good = run.status in GOOD
    console.print()
    console.print(Text(f"Run {words(run.status)}.", style="bold green" if good else "bold red"))
    if run.error:
        console.print(Text(run.error, style="" if good else "red"), soft_wrap=True)
    for warning in _warnings(run, report):
        console.print(Text(warning, style="yellow"), soft_wrap=True)
    console.print()
    lines = _summary(run, requests)
    names, numbers = (max(len(line[column]) for line in lines) for column in (0, 1))
    for name, number, note in lines:
        noted = (f"  {note}" if note else "", "dim")
        console.print(Text.assemble((f"{name:{names}}  ", "dim"), f"{number:>{numbers}}", noted), soft_wrap=True)


def _warnings(run: RunRecord, report: Path | None) -> list[str]:
    warnings = list(run.warnings)
    rejected = run.counts.rejected
    if rejected:
        rows = "1 row was" if rejected == 1 else f"{rejected:,} rows were"
        warnings.append(f"{rows} rejected; {report or '--report FILE'} names {'it' if rejected == 1 else 'each'}")
    return warnings


def _summary(run: RunRecord, requests: int) -> list[tuple[str, str, str]]:
    """Name, number and, beside a number above 0, a note."""
    counts = run.counts
    activities = sum(batch.activity_id is not None for batch in run.batches)
    lines = [
        _line("Profiles read", counts.read, ", ".join(run.segments)),
        _line("Sent", counts.sent),
        _line("  of them not added", counts.not_added, "they have unsubscribed"),
        _line("Duplicates", counts.duplicates, "an earlier profile has the same address"),
        _line("Rejected", counts.rejected, _by_whom(counts)),
    ]
    if counts.not_sent:
        lines.append(_line("Not sent", counts.not_sent, "prepared, not delivered when the run ended"))
    return [
        *lines,
        _line("Activities", activities),
        ("Time", _duration(run), ""),
        _line("Requests", requests, "to Constant Contact, sign-in included"),
    ]


def _line(name: str, number: int, note: str = "") -> tuple[str, str, str]:
    return name, f"{number:,}", note if number else ""


def _by_whom(counts: Counts) -> str:
    by = {"us": counts.rejected_by_us, "Constant Contact": counts.rejected_by_constant_contact}
    return ", ".join(f"{number:,} by {who}" for who, number in by.items() if number)


def _duration(run: RunRecord) -> str:
    seconds = ((run.ended_at or datetime.now(UTC)) - run.created_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
