"""Every profile ends in exactly one counted place, whatever the snapshot holds and whatever Constant Contact does."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
import requests

from exporters import ending, follow
from exporters.batches import Deduplicator, cut_batches
from exporters.constant_contact.client import Activity
from exporters.runs import Batch, Counts, Run
from local.constant_contact import import_files
from tests.exporters.world import World
from tests.promises.promise import SEEDS, Guard, Worlds, replaced

KINDS = ("good", "again", "again in capitals", "malformed", "empty", "ragged", "refused", "unsubscribed")
CONTACTS_A_BATCH = 4


@dataclass
class Oracle:
    """Where the profiles have to end, worked out from their kinds alone."""

    rows: list[str] = field(default_factory=list)
    contacts: list[tuple[str, str]] = field(default_factory=list)
    duplicates: int = 0
    rejected_by_us: int = 0

    def add(self, kind: str) -> None:
        number = len(self.rows)
        if kind.startswith("again"):
            if not self.contacts:
                return
            address = self.contacts[number % len(self.contacts)][0]
            self.rows.append(f"{address.upper() if 'capitals' in kind else address},Again")
            self.duplicates += 1
        elif kind in ("malformed", "empty", "ragged"):
            self.rows.append({"malformed": f"p{number}@@example.com,M", "empty": ",E", "ragged": "p@example.com"}[kind])
            self.rejected_by_us += 1
        else:
            address = f"{kind}{number}@example.com"
            self.rows.append(f'{address},"Name {number}\nof two lines"')
            self.contacts.append((address, kind))

    def counted(self, rows_taken: int) -> Counts:
        """With a service that takes so many rows of a batch and drops the others without a word."""
        places = enumerate(self.contacts)
        taken = [kind for place, (_, kind) in places if place % CONTACTS_A_BATCH < rows_taken]
        refused, dropped = taken.count("refused"), len(self.contacts) - len(taken)
        return Counts(
            read=len(self.rows),
            sent=len(taken) - refused,
            duplicates=self.duplicates,
            rejected=self.rejected_by_us + refused,
            not_sent=dropped,
            rejected_by_us=self.rejected_by_us,
            rejected_by_constant_contact=refused,
            not_added=taken.count("unsubscribed"),
            prepared=len(self.contacts),
        )


def every_profile_is_counted_in_exactly_one_place(worlds: Worlds) -> None:
    """Sent, duplicate, rejected by us or by them, not added, not sent; and every rejected row is named."""
    chance = random.Random(SEEDS)
    of_every_kind = [[*KINDS, "good", "refused"], ["again", *KINDS]]
    drawn = [
        [chance.choices(KINDS, k=chance.randint(1, 12)) for _ in range(chance.randint(1, 2))] for _ in range(SEEDS)
    ]
    for number, segments in enumerate([of_every_kind, of_every_kind, *drawn]):
        rows_taken = 3 if number % 2 else CONTACTS_A_BATCH
        with worlds() as world, pytest.MonkeyPatch.context() as patch:
            patch.setitem(kwdefaults_of_cut_batches(), "max_contacts", CONTACTS_A_BATCH)
            patch.setattr(import_files, "READ_ROWS", rows_taken)
            oracle = Oracle()
            run = export(world, segments, oracle)
            expected = oracle.counted(rows_taken)
            assert run.counts == expected, f"counted {run.counts}\nand not {expected}: {run.error}"
            assert run.counts.adds_up, f"the sum is wrong: {run.counts}"
            named = len(list(world.files(run).rejected_rows()))
            assert named == expected.rejected, f"{named} of {expected.rejected} rejected rows are named"
            assert len(world.members()) == expected.sent - expected.not_added


def every_profile_is_counted_in_a_run_that_failed(worlds: Worlds) -> None:
    """What Constant Contact had taken before counts as sent, the rest as not sent."""
    kinds = ["good", "again", "empty", "good", "good", "refused", "good", "unsubscribed", "good", "good"]
    for fault in ("activity-failed", "forbidden"):
        with worlds() as world, pytest.MonkeyPatch.context() as patch:
            patch.setitem(kwdefaults_of_cut_batches(), "max_contacts", CONTACTS_A_BATCH)
            world.fault(fault, times=1)
            run = export(world, [kinds], Oracle())
            assert run.status == "failed"
            assert run.counts.adds_up, f"the sum is wrong: {run.counts}"
            assert run.counts.sent - run.counts.not_added == len(world.members()), f"{run.counts}, {world.members()}"


# How it is done


def export(world: World, segments: list[list[str]], oracle: Oracle) -> Run:
    names = [f"Segment{number}" for number in range(len(segments))]
    for name, kinds in zip(names, segments, strict=True):
        before = len(oracle.rows)
        for kind in kinds:
            oracle.add(kind)
        if len(oracle.rows) == before:
            oracle.add("good")
        world.write_snapshot(name, oracle.rows[before:])
    people = [address for address, kind in oracle.contacts if kind == "unsubscribed"]
    seed = {"contacts": [{"email": address, "permission": "unsubscribed"} for address in people]}
    requests.post(f"{world.simulator.url}/_simulator/contacts", json=seed, timeout=10).raise_for_status()
    world.fault("rows-refused", match="refused")
    return world.run_to_end(world.add_export(*names))


def kwdefaults_of_cut_batches() -> dict[str, object]:
    defaults = cut_batches.__kwdefaults__
    assert defaults is not None
    return defaults


# What protects it


def every_row_arrived(batch: Batch, activity: Activity, result: object = follow._result) -> Batch:
    assert callable(result)
    ended: Batch = result(batch, activity)
    return ended.model_copy(update={"dropped": 0})


def as_prepared(prepared: Counts, batches: list[Batch]) -> Counts:
    return prepared.model_copy(update={"sent": prepared.prepared, "not_sent": 0})


GUARDS = [
    Guard(
        every_profile_is_counted_in_exactly_one_place,
        "remembering the addresses",
        replaced(Deduplicator, "is_first", lambda *_: True),
        "duplicates=0",
    ),
    Guard(
        every_profile_is_counted_in_exactly_one_place,
        "noticing what was dropped",
        replaced(follow, "_result", every_row_arrived),
        "not_sent=0",
    ),
    Guard(
        every_profile_is_counted_in_exactly_one_place,
        "naming the refused rows",
        replaced(follow, "_write_refused", lambda *_: None),
        "rejected rows are named",
    ),
    Guard(
        every_profile_is_counted_in_exactly_one_place,
        "counting what the batches say",
        replaced(ending, "final_counts", as_prepared),
        "counted read",
    ),
    Guard(
        every_profile_is_counted_in_a_run_that_failed,
        "counting what the batches say",
        replaced(ending, "final_counts", as_prepared),
        "read=",
    ),
]
