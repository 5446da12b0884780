"""Shows a run while it goes on and what became of it: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from admin.records import RunRecord

_STAGES = {"queued": 0, "preparing": 1, "uploading": 2, "finishing": 3}
_STAGE_NAMES = ("queued", "prepare", "upload", "Constant Contact")
_BEFORE_UPLOAD = ("queued", "preparing")
_GOOD = ("successful", "completed_with_warnings")
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
    """Contacts whose batch has been processed by Constant Contact."""
    return sum(batch.contacts for batch in run.batches if batch.state in ("completed", "failed"))


class _Lines:
    """A line for each change of stage, of the waiting reason, and every few seconds for the contacts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[object, ...] = ()
        self._last_done = ""
        self._last_at = 0.0

    def __call__(self, run: RunRecord) -> None:
        now, done = time.monotonic(), "; ".join(filter(None, [_contacts(run), _detail(run)]))
        changed = (run.status, run.waiting) != self._last
        if changed or (done != self._last_done and now - self._last_at >= _LINE_SECONDS):
            at = datetime.now(UTC).strftime("%H:%M:%S")
            self._console.print(f"{at}  {words(run.status)}: {done}", highlight=False, markup=False, soft_wrap=True)
            self._last, self._last_done, self._last_at = (run.status, run.waiting), done, now


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
    return f"{contacts_done(run):,} of {prepared:,} contacts"


def _detail(run: RunRecord) -> str:
    """How far the batches are, and what the run is waiting for."""
    # Where a batch was split, its parts stand for it.
    states = [batch.state for batch in run.batches if batch.state != "split"]
    uploaded, processed = sum(state in ("uploaded", "completed") for state in states), states.count("completed")
    parts = [f"{uploaded} of {len(states)} batches uploaded, {processed} processed"] if states else []
    if run.waiting:
        parts.append(f"waiting: {run.waiting}")
    return "; ".join(parts)


def show_summary(console: Console, run: RunRecord, requests: int) -> None:
    """A table of where every profile went, and what was wrong in plain words. `requests` are the simulator's count."""
    counts = run.counts
    rejected = f"{counts.rejected_by_us:,} by us, {counts.rejected_by_constant_contact:,} by Constant Contact"
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("Profiles read", f"{counts.read:,}", ", ".join(run.segments))
    table.add_row("Sent", f"{counts.sent:,}", "")
    table.add_row("  of them not added", f"{counts.not_added:,}", "they have unsubscribed")
    table.add_row("Duplicates", f"{counts.duplicates:,}", "an earlier profile has the same address")
    table.add_row("Rejected", f"{counts.rejected:,}", rejected)
    if counts.not_sent:
        table.add_row("Not sent", f"{counts.not_sent:,}", "prepared, not delivered when the run ended")
    table.add_row("Activities", f"{sum(batch.activity_id is not None for batch in run.batches):,}", "")
    table.add_row("Time", _duration(run), "")
    table.add_row("Requests", f"{requests:,}", "to Constant Contact, sign-in included")
    good = run.status in _GOOD
    console.print()
    console.print(Text(f"Run {words(run.status)}.", style="bold green" if good else "bold red"))
    if run.error:
        console.print(Text(run.error, style="" if good else "red"))
    for warning in run.warnings:
        console.print(Text(warning, style="yellow"))
    console.print()
    console.print(table)


def _duration(run: RunRecord) -> str:
    seconds = ((run.ended_at or datetime.now(UTC)) - run.created_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
