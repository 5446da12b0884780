"""`python3 dev.py soak`: many runs at once on three hosts while everything around them fails, against an oracle.

What happens to a run, and when, follows from the seed and its number: `--seed S --first N --runs 1` repeats one.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import shlex
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from admin.records import RunRecord
from exporters.runs import ENDED
from local.azurite import Azurite
from local.processes import ProcessError, free_ports
from local.simulator_client import Account
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Connection, Export, Schedule
from shared.queues import Message
from tests.faults.aftermath import leftovers, living_grants, takes
from tests.faults.boundaries import Boundary
from tests.faults.end_of_day import EndOfDay
from tests.faults.events import ACCESS_TOKEN_SECONDS, WAITED_FOR_THE_DAY, Events
from tests.faults.oracle import PROFILES, Expected, expected, segment_name, segment_path, write_segment
from tests.faults.patience import insist
from tests.faults.plan import Plan, plan
from tests.faults.reliability_page import Conditions, Results, Verdict, page
from tests.faults.storage_gate import StorageGates, Trap, gates_before

CLOCK_OFFSETS = (0.0, 5.0, -5.0)
CONNECTIONS = 3
AT_ONCE = 12
LONGEST_RUN_SECONDS = 900
# A killed host's messages come back after this time.
QUEUE_LEASE_SECONDS = 10
# Slow enough that a run is seen to wait for Constant Contact alone.
IMPORTED_ROWS_A_SECOND = 2_500
# Clocks differ by ten seconds here; what is waited for by the clock has to be longer (by default it is a minute).
SETTINGS = {"REQUEST_TIMEOUT_SECONDS": "5", "UNCLEAR_UPLOAD_SECONDS": "15"}
REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"


@dataclass(frozen=True)
class Destination:
    """A Constant Contact account and the connection to it."""

    account: Account
    account_id: str | None
    connection: Connection


class Soak:
    """Runs on one stand, some at a time."""

    def __init__(self, stand: Stand, gates: StorageGates, seed: int) -> None:
        self._stand = stand
        self._gates = gates
        self._seed = seed
        self.events = Events(stand, gates)
        self.boundaries: Counter[str] = Counter()
        self.grants_lost = 0
        self._signing_in = threading.Lock()
        self.destinations = [Destination(stand.account, None, stand.connect("Soak"))]
        for number in range(2, CONNECTIONS + 1):
            name = f"soak-{number}"
            account = stand.add_account(name)
            self.destinations.append(Destination(account, name, stand.connect(f"Soak {number}", account)))

    def plan(self, number: int) -> Plan:
        """What is to happen to a run."""
        return plan(self._seed, number, sorted(self.events.kinds), len(self.destinations))

    def run(self, number: int) -> Verdict:
        """One run from its snapshot to the comparison with the oracle."""
        began = time.monotonic()
        wanted = self.plan(number)
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            write_segment(Path(folder), number)
            insist(lambda: upload(Path(folder), self._stand.snapshots))
        destination = self.destinations[wanted.connection]
        list_id = self._make_list(f"Run {number}", destination)
        export = insist(
            lambda: self._stand.app.add_export(
                f"Run {number}",
                destination.connection,
                list_id=list_id,
                segments=[segment_name(number)],
                mapping={"email": "EMail", "first_name": "FirstName"},
                schedule=Schedule(active=False),
            )
        )
        # The id of the run is known when it has been started; only the rows of its batches need it.
        if wanted.poison:
            self.events.poison(wanted.poison)
        of_batch = wanted.boundary is not None and wanted.boundary.of_batch
        with self._killing_at(None if of_batch else wanted.boundary, export.id):
            run_id = insist(lambda: self._start(export))
            with self._killing_at(wanted.boundary if of_batch else None, run_id):
                record = self._watch(wanted, Message(export_id=export.id, run_id=run_id))
        verdict = self._verdict(wanted, number, record, list_id, time.monotonic() - began)
        if "signed in to Constant Contact again" in (record.error or ""):
            self._sign_in_again(destination)
        insist(lambda: self._remove_segment(number))
        return verdict

    def _watch(self, wanted: Plan, run: Message) -> RunRecord:
        """Strike as planned until the run has ended, or has had all the time that it may take."""
        strikes = list(wanted.strikes)
        started = time.monotonic()
        waited = False
        while True:
            while strikes and strikes[0].at <= time.monotonic() - started:
                strike = strikes.pop(0)
                self.events.strike(strike.kind, strike.seed, run)
            record = insist(lambda: self._stand.app.run(run.export_id, run.run_id))
            if not waited and "00:00 UTC" in (record.waiting or ""):
                waited = True
                self.events.count(WAITED_FOR_THE_DAY)
            if record.status in ENDED or time.monotonic() - started > LONGEST_RUN_SECONDS:
                return record
            time.sleep(1)

    @contextlib.contextmanager
    def _killing_at(self, boundary: Boundary | None, owner: str) -> Iterator[None]:
        """Kill all hosts when a row of `owner` comes to the boundary."""
        if boundary is None:
            yield
            return

        def spring() -> None:
            self.events.kill_all_hosts()
            self.boundaries[boundary.title] += 1

        with self._gates.tables.trap(Trap(boundary.marks(owner), boundary.when, spring)):
            yield

    def _verdict(self, wanted: Plan, number: int, record: RunRecord, list_id: str, seconds: float) -> Verdict:
        oracle = expected(number, poison=wanted.poison)
        members = self._members(list_id)
        wrong = []
        if record.status != "completed_with_warnings":
            wrong.append(f"it is {record.status}: {record.error or record.waiting}")
        counts = record.counts
        counted = {
            "read": (counts.read, PROFILES),
            "sent": (counts.sent, len(oracle.members)),
            "duplicates": (counts.duplicates, oracle.duplicates),
            "rejected by us": (counts.rejected_by_us, len(oracle.rejected)),
            "rejected by Constant Contact": (counts.rejected_by_constant_contact, len(oracle.refused)),
            "rejected": (counts.rejected, len(oracle.rejected | oracle.refused)),
            "not sent": (counts.not_sent, 0),
            "not added": (counts.not_added, 0),
        }
        wrong += [f"{name} {found} instead of {true}" for name, (found, true) in counted.items() if found != true]
        wrong += self._wrong_rows(record, oracle)
        return Verdict(
            number=number,
            run_id=record.run_id,
            status=record.status,
            seconds=seconds,
            lost=len(oracle.members - members),
            foreign=len(members - oracle.members),
            wrong=tuple(wrong),
        )

    def _wrong_rows(self, record: RunRecord, oracle: Expected) -> list[str]:
        """What is not right in the list of rejected rows: each has to be there once, by its line and by who refused."""
        rows = insist(lambda: list(self._stand.app.rejected_rows(record)))
        wrong = []
        for who, true in (("Constant Contact", oracle.refused), ("us", oracle.rejected)):
            found = [row["line"] for row in rows if (row["code"] == "constant_contact") == (who != "us")]
            if sorted(found) != sorted(true):
                wrong.append(f"{len(found)} rows are listed as rejected by {who}, which are not those {len(true)}")
        return wrong

    def _sign_in_again(self, destination: Destination) -> None:
        """As an administrator would, once for each grant that was lost: the runs to come need not fail for it too."""
        with self._signing_in:
            tokens = insist(lambda: json.loads(self._stand.secret(destination.connection.secret_name)))
            if not takes(self._stand, tokens["refresh_token"]):
                self.grants_lost += 1
                insist(lambda: self._stand.sign_in(destination.connection, destination.account))

    def _start(self, export: Export) -> str:
        """Start a run, or find the one that a call without an answer has started."""
        runs = self._stand.app.runs(export.id)
        return runs[0].run_id if runs else self._stand.app.start_run(export.id)

    def _remove_segment(self, number: int) -> None:
        """Keep the container small: every run lists it."""
        for name in self._stand.snapshots.list_blob_names(name_starts_with=f"{segment_path(number)}/"):
            self._stand.snapshots.delete_blob(name)

    def _make_list(self, name: str, destination: Destination) -> str:
        """By the simulator's controls, so that the harness uses up none of the app's calls."""
        body = {"name": name} | ({"account_id": destination.account_id} if destination.account_id else {})
        answer = requests.post(f"{self._stand.simulator_url}/_simulator/lists", json=body, timeout=60)
        answer.raise_for_status()
        list_id: str = answer.json()["list_id"]
        return list_id

    def _members(self, list_id: str) -> set[str]:
        url = f"{self._stand.simulator_url}/_simulator/lists/{list_id}/members.csv"
        return {line.split(",")[0] for line in requests.get(url, timeout=120).text.splitlines()[1:]}


@contextlib.contextmanager
def soaking(seed: int) -> Iterator[tuple[Stand, Soak]]:
    """A stand whose hosts reach their storage through gates, with clocks that differ and a day that ends."""
    azurite = Azurite(*free_ports(3))
    with gates_before(azurite) as gates, contextlib.ExitStack() as exits:
        day = EndOfDay()
        stand = exits.enter_context(_stand(azurite, gates, day))
        soak = Soak(stand, gates, seed)
        ending = exits.enter_context(ThreadPoolExecutor(1)).submit(day.happen, stand, soak.events)
        try:
            yield stand, soak
        finally:
            day.cancel()
            ending.result()


def _stand(azurite: Azurite, gates: StorageGates, day: EndOfDay) -> Stand:
    through_the_gates = gates.account.connection_string
    return Stand(
        instances=len(CLOCK_OFFSETS),
        clock_offsets=[day.offset + offset for offset in CLOCK_OFFSETS],
        azurite=azurite,
        durable=True,
        queue_lease=QUEUE_LEASE_SECONDS,
        settings=SETTINGS | {"AzureWebJobsStorage": through_the_gates, "SNAPSHOT_STORAGE": through_the_gates},
        simulator_options=[
            f"--access-token-seconds={ACCESS_TOKEN_SECONDS}",
            f"--activity-rows-per-second={IMPORTED_ROWS_A_SECOND}",
        ],
    )


def soak(runs: Sequence[int], seconds: float | None, seed: int) -> Results:
    """Do the runs, or as many of them as begin within `seconds`."""
    began = time.monotonic()
    interrupted = threading.Event()
    with soaking(seed) as (stand, soak):

        def one(number: int) -> Verdict | None:
            if seconds and time.monotonic() - began > seconds:
                return None
            try:
                verdict = soak.run(number)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other runs go on and the page tells it
                if interrupted.is_set():
                    return None
                verdict = Verdict.broken(number, f"the harness could not go on: {type(error).__name__}: {error}")
            _say(verdict, soak.plan(number), time.monotonic() - began)
            stand.check()
            return verdict

        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            verdicts = [verdict for verdict in pool.map(one, runs) if verdict]
        except KeyboardInterrupt:
            # Those under way would take minutes to end.
            interrupted.set()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        print("All runs have ended; looking for what is left.", flush=True)
        left = leftovers(stand)
        statistics = _ask(stand, "statistics")
        faults: Counter[str] = Counter()
        for fault in _ask(stand, "faults")["faults"]:
            faults[fault["name"]] += fault["hits"]
        return Results(
            verdicts=tuple(verdicts),
            seconds=time.monotonic() - began,
            events=soak.events.done,
            missed=soak.events.missed,
            boundaries=soak.boundaries,
            destination_faults=faults,
            restarts=stand.restarts,
            kills_put_off=soak.events.kills_put_off,
            statistics=statistics,
            calls=sum(sum(answers.values()) for answers in statistics["requests"].values()),
            leftovers=left,
            connections=len(soak.destinations),
            grants_lost=soak.grants_lost,
            living_grants=living_grants(stand, [one.connection for one in soak.destinations]),
        )


def _ask(stand: Stand, path: str) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{stand.simulator_url}/_simulator/{path}", timeout=60).json()
    return found


def _say(verdict: Verdict, plan: Plan, elapsed: float) -> None:
    minutes, seconds = divmod(int(elapsed), 60)
    mark = "exact" if verdict.exact else "NOT EXACT"
    kill = f"hosts killed {plan.boundary.title}" if plan.boundary else ""
    print(f"{minutes:3}:{seconds:02}  run {verdict.number:4}  {mark:9} {verdict.seconds:5.0f} s  {kill}", flush=True)
    for what in verdict.problems:
        print(f"{'':18}{what}", flush=True)


def main() -> int:
    """Exit code 0 when every run ended exact, nothing was imported twice and nothing is left, else 1."""
    parser = argparse.ArgumentParser(prog="python3 dev.py soak", description=__doc__)
    parser.add_argument("--minutes", type=float, help="begin runs for so long (default: until --runs are done)")
    parser.add_argument("--runs", type=int, default=300, help="how many runs at the most (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="what follows from it, happens again (default 1)")
    parser.add_argument("--first", type=int, default=1, help="the number of the first run (default 1)")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    options = parser.parse_args()
    runs = range(options.first, options.first + options.runs)
    hosts = len(CLOCK_OFFSETS)
    print(
        f"{options.runs} runs, up to {AT_ONCE} at once, on {hosts} hosts; each takes one to five minutes.", flush=True
    )
    try:
        results = soak(runs, options.minutes * 60 if options.minutes else None, options.seed)
    except ProcessError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Ended before its end: nothing is known.", flush=True)
        # The threads of the runs under way are not waited for.
        os._exit(130)
    command = functools.partial(_command, options.seed)
    text = page(results, Conditions(AT_ONCE, CLOCK_OFFSETS, ACCESS_TOKEN_SECONDS, SETTINGS), options.first, command)
    print(f"\n{text}")
    if options.write:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(text, encoding="utf-8")
    return 0 if results.good else 1


def _command(seed: int, first: int, runs: int) -> str:
    return shlex.join(["python3", "dev.py", "soak", f"--seed={seed}", f"--first={first}", f"--runs={runs}"]).replace(
        "=", " "
    )


if __name__ == "__main__":
    sys.exit(main())
