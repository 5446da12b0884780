"""`python3 dev.py bench pages`: how long pages and the API take with 1,000 exports, 10,000 runs and 1,000 lists.

Asked through the function host of a whole stand, as a browser would. The goal is 300 ms a page; machines are noisy, so
nothing here passes or fails. `busy` is the time of processors that the host and the storage took for an answer, which
is what is left on a machine that does nothing else.
"""

from __future__ import annotations

import os
import statistics
import time
from datetime import timedelta
from itertools import groupby

import psutil
import requests
from pydantic import BaseModel

from bench.history import EXPORTS, RUNS, keep, runs
from exporters.history import RunSummary
from exporters.runs import Run, row_of
from local.sign_in import LOGIN_PATH, PEOPLE
from local.stand import Stand
from shared.models import Connection, Export, Schedule
from shared.settings import load_settings
from shared.storage import Storage
from shared.tables import Key

LISTS, SEGMENTS = 1_000, 50
GOAL_MS = 300
REPEATS = 7
_DAILY = Schedule(recurrence="daily", times=("06:00",), time_zone="Europe/Rome")


def exports(connection: Connection, list_id: str) -> list[Export]:
    """As many exports as there are ids in the runs, every fourth on a schedule of its own."""
    return [
        Export(
            id=f"export{number:04}",
            name=f"Newsletter {number}",
            connection_id=connection.id,
            list_id=list_id,
            list_name="Everybody",
            segments=(f"Segment{number % SEGMENTS:02}",),
            mapping={"email": "EMail", "first_name": "FirstName"},
            schedule=Schedule() if number % 4 else _DAILY,
            created_at=connection.created_at - timedelta(minutes=number),
            created_by="Ada",
        )
        for number in range(EXPORTS)
    ]


def fill(stand: Stand) -> Run:
    """Write everything straight into the storage, many rows at once. Returns a run that has ended."""
    connection = stand.connect("Shop")
    more = {"name": "List", "count": LISTS - 1}
    requests.post(f"{stand.simulator_url}/_simulator/lists", json=more, timeout=60).raise_for_status()
    for number in range(SEGMENTS):
        name = f"Segment{number:02}"
        rows = "".join(f"person{one}@example.com,Name\n" for one in range(200))
        path = f"CustomerInsights_x/BlobExport/{name}/2026/11/22/0600/{name}_1.csv"
        stand.snapshots.upload_blob(path, f"EMail,FirstName\n{rows}".encode())

    settings = load_settings({**os.environ, **stand.settings})
    # Makes the tables.
    storage = Storage(settings.storage)
    known = exports(connection, stand.account.list_id)
    made = [run.model_copy(update={"connection_id": connection.id}) for run in runs()]
    keep(storage.table("Exports"), ((Key("export", one.id), one, {}) for one in known))
    keep(storage.table("History"), (_summary("all", row_of(run.run_id), run) for run in made))
    keep(storage.table("History"), (_summary("latest", run.export_id, run) for run in made[-EXPORTS:]))
    table = storage.table("Runs")
    for _, some in groupby(sorted(made, key=lambda run: run.export_id), lambda run: run.export_id):
        keep(table, ((run.key, run, {}) for run in some))
    return next(run for run in reversed(made) if run.ended)


def _summary(partition: str, row: str, run: Run) -> tuple[Key, BaseModel, dict[str, object]]:
    columns: dict[str, object] = {"status": run.status, "final": run.ended, "sent": run.counts.sent}
    return Key(partition, row), RunSummary.model_validate(run), columns


def questions(run: Run) -> list[str]:
    """What is asked."""
    one = f"/exports/{run.export_id}"
    return [
        # As good as nothing to do: what the host and the machine add to each.
        "/static/style.css",
        "/",
        "/exports",
        "/exports?search=newsletter+99",
        "/exports?sort=last_run&order=descending&page=10",
        "/exports/add",
        one,
        f"{one}/schedule",
        "/runs",
        "/runs?status=failed",
        f"{one}/runs",
        f"{one}/runs/{run.run_id}",
        "/connections",
        "/api/exports?limit=100",
        "/api/exports?search=99",
        f"/api{one}",
        "/api/runs?limit=100",
        "/api/runs?status=failed",
        f"/api{one}/runs",
        f"/api{one}/runs/{run.run_id}",
        "/api/connections/{connection}/lists?limit=100",
        "/api/segments",
        "/api/home",
    ]


def measured(stand: Stand, browser: requests.Session, address: str, headers: dict[str, str]) -> tuple[float, ...]:
    """Milliseconds: of the first answer, of the quickest and the usual one after it, and the processors' for one."""
    pids = [stand.pid("Azurite"), *(host.pid for host in stand.hosts)]
    processes = [psutil.Process(pid) for pid in pids if pid]
    times = []
    for _ in range(1 + REPEATS):
        busy, started = _busy(processes), time.perf_counter()
        answer = browser.get(address, headers=headers, timeout=60)
        times.append(((time.perf_counter() - started) * 1_000, (_busy(processes) - busy) * 1_000))
        answer.raise_for_status()
    (first, _), *more = times
    took, worked = zip(*more, strict=True)
    return first, min(took), statistics.median(took), statistics.mean(worked)


def _busy(processes: list[psutil.Process]) -> float:
    """For how many seconds processors have worked for these, whatever else the machine did."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def main() -> None:
    """Fill a stand, ask, and print a table."""
    print(f"{EXPORTS:,} exports, {RUNS:,} runs, {LISTS:,} lists, {SEGMENTS} segments; the goal is {GOAL_MS} ms")
    print(f"first: the first answer; best, median: of {REPEATS} more; busy: what processors worked for one", flush=True)
    with Stand() as stand, requests.Session() as browser:
        browser.trust_env = False
        browser.headers["Origin"] = stand.site_url
        ada = next(one for one in PEOPLE if one.role == "Administrator")
        browser.post(stand.site_url + LOGIN_PATH, data={"person": ada.key}, allow_redirects=False, timeout=60)
        run = fill(stand)
        (connection,) = stand.app.connections()
        print(f"\n{'ms':60} {'first':>8} {'best':>8} {'median':>8} {'busy':>8}")
        for path in questions(run):
            address = stand.site_url + path.format(connection=connection.id)
            headers = {"x-functions-key": stand.keys.default} if path.startswith("/api/") else {}
            first, best, median, busy = measured(stand, browser, address, headers)
            late = "" if best <= GOAL_MS else "  over the goal"
            print(f"{path:60} {first:8.0f} {best:8.0f} {median:8.0f} {busy:8.0f}{late}", flush=True)


if __name__ == "__main__":
    main()
