"""What is sent of a snapshot: the first of equals, texts that fit, and of too many contacts none."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import pytest

from exporters import contacts, profiles
from exporters.batches import Deduplicator
from exporters.contact_fields import TEXT_LENGTHS
from exporters.contacts import Contact, Mapping, Rejected, to_contact
from exporters.files import RunFiles
from shared.snapshots import completeness
from tests.promises.promise import SEEDS, Guard, Worlds, replaced
from tests.promises.reach import people

FOLDER = "CustomerInsights_x/BlobExport/{segment}/2026/11/22/0130/{segment}_{part}.csv"


def of_equal_addresses_the_first_is_sent(worlds: Worlds) -> None:
    """Over partitions and segments, in the order of the export, whatever their case; what is rejected counts not."""
    with worlds() as world:
        for seed in range(SEEDS):
            names, duplicates = random.Random(seed), 0
            wanted: dict[str, str] = {}
            segments = (f"B{seed}", f"A{seed}")
            for segment in segments:
                for part in (1, 2, 10):
                    rows = ["EMail,FirstName"]
                    for line in range(6):
                        address, name = f"p{names.randrange(12)}.{seed}@example.com", f"{segment}-{part}-{line}"
                        if names.random() < 0.2:
                            rows.append(f"{address},{name},one cell too many")
                            continue
                        duplicates += address in wanted
                        wanted.setdefault(address, name)
                        rows.append(f"{names.choice([address, address.upper(), f' {address}'])},{name}")
                    world.upload(FOLDER.format(segment=segment, part=part), "\n".join(rows).encode())
            world.clock.advance(world.settings.snapshot_quiet_seconds)
            run = world.run_to_end(world.add_export(*segments))
            found = {one.email.lower(): one.first_name for one in people(world)}
            sent = {address: name for address, name in found.items() if f".{seed}@" in address}
            assert sent == wanted, f"another than the first was sent: {sent} instead of {wanted}: {run.error}"
            assert run.counts.duplicates == duplicates, f"{run.counts.duplicates} duplicates instead of {duplicates}"


def texts_are_cut_to_the_documented_length_and_counted(worlds: Worlds) -> None:
    """None is longer than the service takes, none is shorter than needed; each that was cut is counted."""
    limits = {"first_name": 50, "job_title": 50, "street": 255, "city": 50, "cf:level": 255}
    columns = {column: f"C{number}" for number, column in enumerate(limits)}
    cases = [(longer, letter) for longer in (-1, 0, 1, 300) for letter in "aé漢😀"]
    with worlds() as world:
        rows, wanted = [], []
        for number, (longer, letter) in enumerate(cases):
            address = f"p{number}@example.com"
            rows.append(",".join([address, *(letter * (limit + longer) for limit in limits.values())]))
            wanted.append([address, *(letter * min(limit, limit + longer) for limit in limits.values())])
        world.write_snapshot("Loyal", rows, header=",".join(["EMail", *columns.values()]))
        export = world.add_export("Loyal", mapping={"email": "EMail", **columns})
        world.start(export)
        world.deliver(until=lambda: not world.last_run(export).to_be_prepared)
        run = world.last_run(export)
        (batch,) = (stored.value for stored in world.services.runs.batches(run.run_id))
        header, *lines = world.files(run).batch(batch).decode().splitlines()
        assert header.split(",") == ["email", *limits]
        for line, expected in zip(lines, wanted, strict=True):
            lengths = [len(text) for text in line.split(",")]
            assert line.split(",") == expected, f"texts of {lengths[1:]} characters were sent"
        cut = len(limits) * sum(longer > 0 for longer, _ in cases)
        assert run.counts.shortened == cut, f"{run.counts.shortened} texts counted as cut instead of {cut}"


def more_contacts_than_an_export_may_have_send_nothing(worlds: Worlds) -> None:
    """1,000,000 contacts go out; with one more the run fails with the numbers, nothing is sent and no file stays."""
    rows = [f"p{number}@example.com,P" for number in range(3)]
    for contacts_of_all in (1_000_000, 1_000_001):
        before = contacts_of_all - len(rows)
        with worlds() as world, pytest.MonkeyPatch.context() as patch:
            # As if all the others had been read before these.
            patch.setattr(profiles, "Tally", functools.partial(profiles.Tally, read=before, prepared=before))
            world.write_snapshot("Loyal", rows)
            run = world.run_to_end(world.add_export("Loyal"))
            imports = world.statistics()["imports_accepted"]
            assert imports == (contacts_of_all == 1_000_000), f"{imports} imports of {contacts_of_all:,} contacts"
            if imports == 0:
                assert run.status == "failed"
                assert "has 1,000,001 contacts; Constant Contact takes 1,000,000" in (run.error or "")
                left = [name for name in world.services.files.list_blob_names() if "/batch-" in name]
                assert left == [], f"a file of contacts stays: {left}"


# What protects it


def without_a_word(values: Sequence[str], mapping: Mapping, *, max_email_length: int) -> Contact | Rejected:
    contact = to_contact(values, mapping, max_email_length=max_email_length)
    return contact._replace(cut=()) if isinstance(contact, Contact) else contact


GUARDS = [
    Guard(
        of_equal_addresses_the_first_is_sent,
        "remembering the addresses",
        replaced(Deduplicator, "is_first", lambda *_: True),
        "0 duplicates instead of",
    ),
    Guard(
        of_equal_addresses_the_first_is_sent,
        "comparing whatever the case",
        replaced(contacts, "comparison_key", lambda address: address),
        "duplicates instead of",
    ),
    Guard(
        of_equal_addresses_the_first_is_sent,
        "the order of the partitions",
        replaced(completeness, "natural_order", lambda path: path),
        "another than the first was sent",
    ),
    Guard(
        texts_are_cut_to_the_documented_length_and_counted,
        "the documented lengths",
        replaced(contacts, "TEXT_LENGTHS", dict.fromkeys(TEXT_LENGTHS, 10_000)),
        r"texts of \[51, 51, 256",
    ),
    Guard(
        texts_are_cut_to_the_documented_length_and_counted,
        "saying what was cut",
        replaced(profiles, "to_contact", without_a_word),
        "0 texts counted as cut",
    ),
    Guard(
        more_contacts_than_an_export_may_have_send_nothing,
        "the limit",
        replaced(profiles, "MOST_CONTACTS", 10**9),
        "1 imports of 1,000,001 contacts",
    ),
    Guard(
        more_contacts_than_an_export_may_have_send_nothing,
        "tidying up",
        replaced(RunFiles, "remove_batches", lambda _: None),
        "a file of contacts stays",
    ),
]
