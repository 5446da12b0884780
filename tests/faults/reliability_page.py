"""The page that says what the soak tried and what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.aftermath import Leftovers
from tests.faults.boundaries import BOUNDARIES, HALVING
from tests.faults.events import MEANINGS
from tests.faults.oracle import PROFILES


@dataclass(frozen=True)
class Verdict:
    """What became of one run; `wrong` says what is not as the oracle has it, besides the members of the list."""

    number: int
    run_id: str
    status: str
    seconds: float
    lost: int
    foreign: int
    wrong: tuple[str, ...]

    @classmethod
    def broken(cls, number: int, why: str) -> Verdict:
        """A run about which nothing is known."""
        return cls(number, "", "unknown", 0.0, 0, 0, (why,))

    @property
    def exact(self) -> bool:
        """Whether the list and every count are what the oracle says."""
        return not self.problems

    @property
    def problems(self) -> list[str]:
        """What is not exact, in words."""
        found = list(self.wrong)
        if self.lost:
            found.append(f"{self.lost:,} contacts are not on the list")
        if self.foreign:
            found.append(f"{self.foreign:,} contacts on the list do not belong there")
        return found


@dataclass(frozen=True)
class Conditions:
    """Under which the runs were made."""

    at_once: int
    clock_offsets: Sequence[float]
    access_token_seconds: int
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Results:
    """Everything that came out of a soak."""

    verdicts: tuple[Verdict, ...]
    seconds: float
    events: Counter[str]
    missed: Counter[str]
    boundaries: Counter[str]
    destination_faults: Counter[str]
    restarts: int
    kills_put_off: int
    statistics: dict[str, Any]
    calls: int
    leftovers: Leftovers
    connections: int
    grants_lost: int
    living_grants: int

    @property
    def twice(self) -> list[str]:
        """The files that Constant Contact took more than once."""
        names: list[str] = self.statistics["source_file_names_taken_more_than_once"]
        return names

    def problems(self, verdict: Verdict) -> list[str]:
        """All that is wrong with a run, what only showed at the end too."""
        again = sum(bool(verdict.run_id) and name.startswith(verdict.run_id) for name in self.twice)
        return [*verdict.problems, *([f"{again} of its batches were imported twice"] if again else [])]

    @property
    def not_exact(self) -> list[Verdict]:
        """The runs with which anything is wrong."""
        return [verdict for verdict in self.verdicts if self.problems(verdict)]

    @property
    def good(self) -> bool:
        """Whether nothing at all is wrong."""
        return (
            not self.not_exact
            and not self.statistics["contacts_imported_more_than_once"]
            and not self.statistics["calls_over_the_quota"]
            and self.leftovers.nothing
            and not self.grants_lost
            and self.living_grants == self.connections
        )


def page(results: Results, conditions: Conditions, first: int, command: Callable[[int, int], str]) -> str:
    """The page in Markdown; `command` gives the command that repeats so many runs from the first one on."""
    count = len(results.verdicts)
    exact = count - len(results.not_exact)
    clocks = ", ".join(f"{offset:+.0f} s" if offset else "right" for offset in conditions.clock_offsets)
    waits = ", ".join(f"`{name}={value}`" for name, value in conditions.settings.items())
    lines = [
        "# Reliability",
        "",
        f"**{exact:,} of {count:,} runs ended exact** while hosts were killed, storage and Key Vault went away,",
        "storage was slow, clocks differed, messages came twice, early and out of order, Constant Contact failed and",
        "refused single contacts, and the calls of the day were used up.",
        "",
        "*Exact* means: the list in Constant Contact holds the contacts that an independent oracle works out from",
        "the rows, no more and no fewer; every count of the run (read, sent, duplicates, rejected) is the oracle's;",
        "and the rejected rows are listed, each with its line.",
        "",
        "This page is written by the fault harness. The same again:",
        "",
        f"    {command(first, count)}",
        "",
        "## What came out",
        "",
        *_table(("", ""), _outcome(results)),
        "",
        *_those_not_exact(results, command),
        "## How it was tried",
        "",
        f"- {count:,} runs of {PROFILES:,} profiles each, {conditions.at_once} at a time, in",
        f"  {results.seconds / 60:.0f} minutes. About 3 in 100 rows are bad or repeat an address.",
        f"- {len(conditions.clock_offsets)} hosts that share one storage account; their clocks: {clocks}.",
        f"- {results.connections} connections, each to an account of its own. Refresh tokens work once; access tokens",
        f"  live {conditions.access_token_seconds} seconds, so that each is refreshed about once a minute.",
        f"- Waits are shorter than by default, to get more done: {waits}.",
        "- What strikes a run, and when, follows from the seed and its number; those beside it are struck too. The end",
        "  of the day comes once, and strikes those that are under way.",
        "",
        "## What struck",
        "",
        *_table(
            ("event", "times", "what it is"),
            ((name, results.events[name], means) for name, means in MEANINGS.items() if results.events[name]),
        ),
        "",
        f"{results.missed.total():,} more events found storage away and could not happen. Hosts were started again",
        f"{results.restarts:,} times. Constant Contact's own faults, as they hit:",
        "",
        *_table(
            ("fault", "times"), ((name, hits) for name, hits in sorted(results.destination_faults.items()) if hits)
        ),
        "",
        "## All hosts killed at once, at every boundary between two steps",
        "",
        "A proxy in front of the table service waits for the write that marks the boundary, and kills every host with",
        "`kill -9` before that write reaches the service, or after it was carried out and before anyone heard of it.",
        "",
        *_table(("boundary", "times"), ((one.title, results.boundaries[one.title]) for one in (*BOUNDARIES, *HALVING))),
        "",
        "## What was not tried",
        "",
        "- A host killed between the answer to a token refresh and the saving of the new pair. Where refresh tokens",
        "  work once, that costs the grant whatever the program does, and the connection has to be signed in again;",
        f"  long-lived refresh tokens do not have that moment. {results.kills_put_off:,} kills waited for a refresh.",
        "- The storage account killed without warning: the emulator would forget what it has acknowledged, which a",
        "  real account does not. It was cut off, held up and slowed down instead.",
        "",
    ]
    return "\n".join(lines)


def _outcome(results: Results) -> list[tuple[str, object]]:
    left = results.leftovers
    statuses = Counter(verdict.status for verdict in results.verdicts)
    pace = results.statistics["most_requests_in_a_second"]
    messages = ", ".join(f"{name} {count}" for name, count in left.messages.items()) or "none"
    return [
        ("runs that did not end exact", len(results.not_exact)),
        ("contacts lost", sum(verdict.lost for verdict in results.verdicts)),
        ("contacts on a list to which they do not belong", sum(verdict.foreign for verdict in results.verdicts)),
        ("contacts imported more than once", results.statistics["contacts_imported_more_than_once"]),
        ("batches taken more than once", len(results.twice)),
        ("runs by status", ", ".join(f"{status} {number}" for status, number in sorted(statuses.items()))),
        ("connections whose grant still lives", f"{results.living_grants} of {results.connections}"),
        ("times that a connection had to be signed in again", results.grants_lost),
        ("token refreshes", results.statistics["token_refreshes"]),
        ("runs still under way at the end", left.runs),
        ("exports whose slot is still held", left.slots),
        ("messages left in the queues", messages),
        ("longest run", f"{max((verdict.seconds for verdict in results.verdicts), default=0):.0f} s"),
        ("requests to Constant Contact", f"{results.calls:,}"),
        ("calls over the day's quota", results.statistics["calls_over_the_quota"]),
        ("most requests let through in any second (4 are allowed)", pace["accepted"]),
        ("most requests that arrived in any second", pace["all"]),
    ]


def _those_not_exact(results: Results, command: Callable[[int, int], str]) -> list[str]:
    if not results.not_exact:
        return []
    rows = [
        (verdict.number, "; ".join(results.problems(verdict)).replace("|", "/"), f"`{command(verdict.number, 1)}`")
        for verdict in results.not_exact
    ]
    return ["### Runs that did not end exact", "", *_table(("run", "what is wrong", "the same plan again"), rows), ""]


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    shown = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    divider = ["---"] * len(headings)
    return [f"| {' | '.join(row)} |" for row in (headings, divider, *shown)]
