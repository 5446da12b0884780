"""`python3 dev.py bench`: how fast profiles become batches, as ratios to the least that the work could take.

`bench pages` measures the pages and the API instead, `bench history` the lists of runs.

Machines are noisy, so nothing here passes or fails. Each line is measured next to its yardstick in the same run.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
from collections.abc import Callable, Iterator, Sequence

from bench import history, pages
from bench.timing import best
from exporters import email_address
from exporters.batches import Deduplicator, Place, cut_batches
from exporters.contacts import Contact, Mapping, Rejected, to_contact

MAPPING = Mapping(fields={"email": "EMail", "first_name": "FirstName", "last_name": "LastName"})
OTHERS = {"pages": pages.main, "history": history.main}


def profiles(count: int) -> list[tuple[str, str, str]]:
    """Rows of three cells; one in twenty repeats an address, one in fifty has none that could be one."""
    chance = random.Random(2026)
    rows = []
    for number in range(count):
        address = f"person.{number if number % 20 else number // 2}@mail{chance.randrange(300)}.example.com"
        rows.append((address if number % 50 else "no address", f"Name{number % 900}", f"Surname {number % 7000}"))
    return rows


def contacts(rows: Sequence[tuple[str, str, str]]) -> Iterator[tuple[Place, Contact]]:
    """The contacts of the rows, as a run makes them."""
    duplicates = Deduplicator()
    for line, row in enumerate(rows, start=2):
        contact = to_contact(row, MAPPING)
        if not isinstance(contact, Rejected) and duplicates.is_first(contact.key):
            yield Place(0, 0, line), contact


def clean_all(rows: Sequence[tuple[str, str, str]]) -> None:
    """Check every address."""
    for address, _, _ in rows:
        try:
            email_address.clean(address)
        except email_address.InvalidAddress:
            continue


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python3 dev.py bench")
    parser.add_argument(
        "what",
        nargs="?",
        choices=("profiles", *OTHERS),
        default="profiles",
        help="profiles: how fast they become batches (the default); pages: the pages and the API with 1,000 exports; "
        "history: the lists of 10,000 runs",
    )
    parser.add_argument(
        "--profiles", type=int, default=200_000, metavar="N", help="how many profiles (default 200,000)"
    )
    asked = parser.parse_args()
    if asked.profiles < 1:
        parser.error("argument --profiles: must be at least 1")
    if asked.what in OTHERS:
        OTHERS[asked.what]()
        return
    count = asked.profiles
    rows = profiles(count)
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    content = text.getvalue()

    yardstick = best(lambda: sum(1 for _ in csv.reader(io.StringIO(content))))
    print(f"{count:,} profiles; yardstick: Python's csv module reads them in {yardstick:.2f} s\n", flush=True)
    work: dict[str, Callable[[], object]] = {
        "check every address": lambda: clean_all(rows),
        "profiles to contacts, without duplicates": lambda: sum(1 for _ in contacts(rows)),
        "profiles to batch files": lambda: sum(b.contacts for b in cut_batches(contacts(rows), MAPPING.import_columns)),
    }
    for what, do in work.items():
        seconds = best(do)
        speed = f"{count / seconds:10,.0f} profiles a second"
        print(f"{what:42} {seconds:6.2f} s  {seconds / yardstick:6.1f} x  {speed}", flush=True)


if __name__ == "__main__":
    main()
