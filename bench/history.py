"""`python3 -m bench.history`: how long the lists of runs take with 1,000 exports and 10,000 runs, against Azurite.

Machines are noisy, so nothing here passes or fails. Each question is timed beside the smallest one that the table
service can be asked: one row by its key.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from azure.data.tables import TableClient, TableServiceClient
from pydantic import BaseModel

from bench.timing import best
from exporters.history import History, RunSummary
from exporters.run_store import RunStore
from exporters.runs import Counts, Run, Status, new_run_id, row_of
from local.azurite import running_azurite
from shared.tables import Key, entity

EXPORTS, RUNS, DAYS = 1_000, 10_000, 60
UNDER_WAY = 50
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_A_TRANSACTION = 100


def runs() -> list[Run]:
    """Runs of two months, the newest last; one in twenty failed, and the last few are under way."""
    chance = random.Random(2026)
    made = []
    for number in range(RUNS):
        at = NOW - timedelta(days=DAYS) * (1 - number / RUNS)
        sent = chance.randrange(50_000)
        status: Status = "failed" if number % 20 == 0 else "successful"
        made.append(
            Run(
                run_id=new_run_id(at),
                export_id=f"export{number % EXPORTS:04}",
                export_name=f"Newsletter {number % EXPORTS}",
                trigger="timer",
                started_by="refresh schedule",
                status="uploading" if number >= RUNS - UNDER_WAY else status,
                created_at=at,
                list_id="7aa14f42-1d7c-11ee-8e1a-fa163e5bc304",
                list_name="Everybody",
                connection_id="shop",
                connection_name="Shop",
                segments=("Loyal",),
                counts=Counts(read=sent, sent=sent, prepared=sent),
            )
        )
    return made


def keep(client: TableClient, rows: Iterable[tuple[Key, BaseModel, dict[str, object]]]) -> None:
    """Write rows of one partition, many at once."""
    waiting: list[tuple[str, dict[str, object]]] = []
    for key, document, columns in rows:
        waiting.append(("create", {**entity(key, document), **columns}))
        if len(waiting) == _A_TRANSACTION:
            client.submit_transaction(waiting)
            waiting = []
    if waiting:
        client.submit_transaction(waiting)


def filled(service: TableServiceClient) -> tuple[History, RunStore, TableClient]:
    """The tables with all of the runs."""
    history, store = service.create_table("History"), service.create_table("Runs")
    kept = RunStore(store, service.create_table("Batches"))
    made = runs()

    def row(partition: str, key: str, run: Run) -> tuple[Key, BaseModel, dict[str, object]]:
        columns: dict[str, object] = {"status": run.status, "final": run.ended, "sent": run.counts.sent}
        return Key(partition, key), RunSummary.model_validate(run), columns

    keep(history, (row("all", row_of(run.run_id), run) for run in made))
    keep(history, (row("latest", run.export_id, run) for run in made[-EXPORTS:]))
    for run in made[-UNDER_WAY:]:
        keep(store, [(run.key, run, {})])
    # One export whose runs are as many as those of all the others.
    keep(store, ((Key("busy", row_of(run.run_id)), run, {}) for run in made))
    return History(history, kept, now=lambda: NOW), kept, store


def main() -> None:
    """Fill the tables and print a table of times."""
    print(f"{RUNS:,} runs of {EXPORTS:,} exports; × is how many times as long as one row by its key\n", flush=True)
    with running_azurite() as azurite, TableServiceClient.from_connection_string(azurite.connection_string) as service:
        history, store, client = filled(service)
        oldest = history.page(after=None, limit=1).next
        yardstick = best(lambda: client.get_entity("busy", row_of(str(oldest))))
        started = time.perf_counter()
        history.exported_by_day(30, NOW)
        first = time.perf_counter() - started
        times = {
            "one row by its key": yardstick,
            "the newest 50 runs": best(lambda: history.page()),
            "50 runs from the middle": best(lambda: history.page(after=new_run_id(NOW - timedelta(days=30)))),
            "50 failed runs": best(lambda: history.page(statuses=frozenset({"failed"}))),
            "the latest run of each export": best(lambda: history.latest()),
            "the latest runs of 50 exports": best(lambda: history.latest([f"export{one:04}" for one in range(50)])),
            "50 runs of one export": best(lambda: store.page("busy")),
            "profiles sent on 30 days, the first time": first,
            "profiles sent on 30 days": best(lambda: history.exported_by_day(30, NOW)),
            "runs not known to have ended": best(history.unfinished),
        }
    for name, seconds in times.items():
        print(f"{name:42} {seconds * 1_000:8.1f} ms {seconds / yardstick:8.1f} ×")


if __name__ == "__main__":
    main()
