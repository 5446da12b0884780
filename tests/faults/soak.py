"""`python3 dev.py soak`: many runs at once on three hosts while everything around them fails, against an oracle.

What happens to a run, and when, follows from the seed and its number: `--seed S --first N --runs 1` repeats one.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests
from azure.core.exceptions import AzureError

from exporters.runs import ENDED
from local.app_client import ApiError
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Connection
from shared.queues import Message
from tests.faults.events import Events

PROFILES = 20_000
INSTANCES = 3
AT_ONCE = 4
LONGEST_RUN_SECONDS = 600
HARNESS = {"client_id": "soak-harness", "client_secret": "soak"}
Answer = TypeVar("Answer")
REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"


@dataclass(frozen=True)
class Verdict:
    """What became of one run."""

    number: int
    status: str
    seconds: float
    lost: int
    foreign: int
    adds_up: bool
    error: str | None

    @property
    def good(self) -> bool:
        """Whether the run ended exact."""
        return self.status == "completed_with_warnings" and not self.lost and not self.foreign and self.adds_up


def address(run: int, number: int) -> str:
    """About 3 in 100 are bad, or repeat the address before them."""
    if number % 71 == 0:
        return f"person.{run}.{number}.example.com"
    before = number - 1 if number % 67 == 0 else number
    return f"person.{run}.{before}@mail{before % 9}.example.com"


class Soak:
    """Runs on one stand, some at a time."""

    def __init__(self, stand: Stand, connection: Connection, seed: int) -> None:
        self._stand = stand
        self._connection = connection
        self._seed = seed
        self.events = Events(stand)
        self._token = self._harness_token()
        self._pace = threading.Lock()

    def run(self, number: int) -> Verdict:
        """One run from its snapshot to the comparison with the oracle."""
        chance = random.Random(f"{self._seed}/{number}")
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            wanted = self._write_segment(Path(folder), number)
            insist(lambda: upload(Path(folder), self._stand.snapshots))
        list_id = self._make_list(f"Run {number}")
        export = insist(
            lambda: self._stand.app.add_export(
                f"Run {number}",
                self._connection,
                list_id=list_id,
                segments=[f"Soak{number}"],
                mapping={"email": "EMail", "first_name": "FirstName"},
                schedule="off",
            )
        )
        run_id = insist(lambda: self._start(export.id))
        plan = sorted(
            (chance.uniform(0, 5), chance.choice(sorted(self.events.kinds))) for _ in range(chance.randint(1, 4))
        )
        started = time.monotonic()
        while time.monotonic() - started < LONGEST_RUN_SECONDS:
            while plan and plan[0][0] <= time.monotonic() - started:
                _, kind = plan.pop(0)
                self.events.strike(kind, chance, Message(export_id=export.id, run_id=run_id))
            record = insist(lambda: self._stand.app.run(export.id, run_id))
            if record.status in ENDED:
                break
            time.sleep(0.3)
        members = self._members(list_id)
        insist(lambda: self._remove_segment(number))
        return Verdict(
            number=number,
            status=record.status,
            seconds=time.monotonic() - began,
            lost=len(wanted - members),
            foreign=len(members - wanted),
            adds_up=record.counts.adds_up and record.counts.sent == len(wanted),
            error=record.error or record.waiting,
        )

    def statistics(self) -> dict[str, Any]:
        """What the simulator saw."""
        answer = requests.get(f"{self._stand.simulator_url}/_simulator/statistics", timeout=60)
        found: dict[str, Any] = answer.json()
        return found

    def destination_faults(self) -> Counter[str]:
        """How often each of the simulator's faults struck."""
        hits: Counter[str] = Counter()
        for fault in requests.get(f"{self._stand.simulator_url}/_simulator/faults", timeout=60).json()["faults"]:
            hits[fault["name"]] += fault["hits"]
        return hits

    def _start(self, export_id: str) -> str:
        """Start a run, or find the one that a call without an answer has started."""
        runs = self._stand.app.runs(export_id)
        return runs[0].run_id if runs else self._stand.app.start_run(export_id)

    def _write_segment(self, folder: Path, number: int) -> set[str]:
        target = folder / "CustomerInsights_x" / "BlobExport" / f"Soak{number}" / "2026" / "11" / "21" / "0430"
        target.mkdir(parents=True)
        addresses = [address(number, row) for row in range(PROFILES)]
        rows = "".join(f"{row},{one},Name {row}\n" for row, one in enumerate(addresses))
        (target / f"Soak{number}_1.csv").write_text("CustomerId,EMail,FirstName\n" + rows, encoding="utf-8")
        return {one for one in addresses if "@" in one}

    def _remove_segment(self, number: int) -> None:
        """Keep the container small: every run lists it."""
        folder = f"CustomerInsights_x/BlobExport/Soak{number}/"
        for name in self._stand.snapshots.list_blob_names(name_starts_with=folder):
            self._stand.snapshots.delete_blob(name)

    def _harness_token(self) -> str:
        """A client id of its own, so that the harness does not use up the app's calls."""
        control = f"{self._stand.simulator_url}/_simulator"
        requests.post(f"{control}/apps", json=HARNESS, timeout=30).raise_for_status()
        consent = {"client_id": HARNESS["client_id"], "user_id": self._stand.account.user_id}
        token: str = requests.post(f"{control}/grants", json=consent, timeout=30).json()["access_token"]
        return token

    def _make_list(self, name: str) -> str:
        with self._pace:
            time.sleep(0.3)
            answer = requests.post(
                f"{self._stand.simulator_url}/v3/contact_lists",
                json={"name": name},
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=60,
            )
        answer.raise_for_status()
        list_id: str = answer.json()["list_id"]
        return list_id

    def _members(self, list_id: str) -> set[str]:
        url = f"{self._stand.simulator_url}/_simulator/lists/{list_id}/members.csv"
        return {line.split(",")[0] for line in requests.get(url, timeout=120).text.splitlines()[1:]}


def insist(ask: Callable[[], Answer]) -> Answer:
    """Ask until an answer comes: hosts and storage are away for a while, by design."""
    ends_at = time.monotonic() + 120
    while True:
        try:
            return ask()
        except (ApiError, AzureError, requests.RequestException):
            if time.monotonic() > ends_at:
                raise
            time.sleep(1)


def soak(runs: Sequence[int], seconds: float | None, seed: int) -> tuple[list[Verdict], Soak, dict[str, Any]]:
    """Do the runs, or as many of them as begin within `seconds`."""
    with Stand(instances=INSTANCES) as stand:
        soak = Soak(stand, stand.connect("Soak"), seed)
        ends_at = time.monotonic() + seconds if seconds else None

        def one(number: int) -> Verdict | None:
            if ends_at and time.monotonic() > ends_at:
                return None
            verdict = soak.run(number)
            mark = "exact" if verdict.good else f"NOT EXACT {verdict}"
            print(f"run {number:4}  {verdict.status:24} {verdict.seconds:5.0f} s  {mark}", flush=True)
            return verdict

        with ThreadPoolExecutor(AT_ONCE) as pool:
            verdicts = [verdict for verdict in pool.map(one, runs) if verdict]
        seen = soak.statistics() | {"faults": soak.destination_faults(), "restarts": stand.restarts}
    return verdicts, soak, seen


def report(verdicts: list[Verdict], soak: Soak, seen: dict[str, Any], command: str) -> str:
    """The page that says what was tried and what came out."""
    pace = seen["most_requests_in_a_second"]["all"]
    statuses = Counter(verdict.status for verdict in verdicts)
    lines = [
        "# Reliability",
        "",
        "Written by the fault harness; this command does it again:",
        "",
        f"    {command}",
        "",
        f"{len(verdicts)} runs of {PROFILES:,} profiles, {AT_ONCE} at a time, on {INSTANCES} hosts that share one",
        "storage account. What struck each run, and when, follows from the seed and the number of the run.",
        "",
        "| result | |",
        "| --- | --- |",
        f"| contacts lost | {sum(verdict.lost for verdict in verdicts)} |",
        f"| contacts that do not belong on the list | {sum(verdict.foreign for verdict in verdicts)} |",
        f"| contacts imported more than once | {seen['contacts_imported_more_than_once']} |",
        f"| batches taken more than once | {len(seen['source_file_names_taken_more_than_once'])} |",
        f"| runs that did not end exact | {sum(not verdict.good for verdict in verdicts)} |",
        f"| runs by status | {', '.join(f'{status} {count}' for status, count in sorted(statuses.items()))} |",
        f"| longest run | {max(verdict.seconds for verdict in verdicts):.0f} s |",
        f"| most requests in any second | {pace} |",
        f"| token refreshes | {seen['token_refreshes']} |",
        "",
        "| what struck | times |",
        "| --- | --- |",
        *(f"| {kind} | {count} |" for kind, count in sorted(soak.events.done.items())),
        f"| hosts started again | {seen['restarts']} |",
        *(f"| Constant Contact: {name} | {count} |" for name, count in sorted(seen["faults"].items()) if count),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Exit code 0 when every run ended exact and nothing was imported twice, else 1."""
    parser = argparse.ArgumentParser(prog="python3 dev.py soak", description=__doc__)
    parser.add_argument("--minutes", type=float, help="begin runs for so long (default: until --runs are done)")
    parser.add_argument("--runs", type=int, default=300, help="how many runs at the most (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="what follows from it, happens again (default 1)")
    parser.add_argument("--first", type=int, default=1, help="the number of the first run (default 1)")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    options = parser.parse_args()
    runs = range(options.first, options.first + options.runs)
    verdicts, done, seen = soak(runs, options.minutes * 60 if options.minutes else None, options.seed)
    command = f"python3 dev.py soak --seed {options.seed} --first {options.first} --runs {len(verdicts)}"
    page = report(verdicts, done, seen, command)
    print(f"\n{page}")
    if options.write:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(page, encoding="utf-8")
    exact = all(verdict.good for verdict in verdicts) and not seen["contacts_imported_more_than_once"]
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
