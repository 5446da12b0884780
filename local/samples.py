"""Sample segments in the folders that Customer Insights writes, awkward rows included, the same for the same seed.

Layout and model.json: https://learn.microsoft.com/dynamics365/customer-insights/data/export-azure-blob-storage and
https://learn.microsoft.com/common-data-model/model-json. Headers are off, as they are by default there.
"""

from __future__ import annotations

import csv
import io
import json
import math
import random
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from faker import Faker

COLUMNS = {
    "CustomerId": "string",
    "FirstName": "string",
    "LastName": "string",
    "EMail": "string",
    "Phone": "string",
    "Street": "string",
    "PostalCode": "string",
    "City": "string",
    "Country": "string",
    "BirthDate": "date",
    "LoyaltyPoints": "int64",
    "LastPurchase": "dateTimeOffset",
}
# Each segment holds the profiles from one share of all to another, so the middle is in both (see segment_ranges).
SEGMENTS = {"NewsletterSubscribers": (0.0, 0.7), "LoyaltyMembers": (0.4, 1.0)}
DATE_FOLDER = "2026/11/02/0600"
OLD_DATE_FOLDER = "2026/10/26/0600"
ROWS_A_PARTITION = 50_000
FEWEST_PARTITIONS = 3

_POOL = 400
_COUNTRIES = {"ro_RO": "România", "it_IT": "Italia", "en_GB": "United Kingdom"}
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "posta.example.org")
# Invalid by any reading of the rules for addresses; the last is valid but for its length.
_MALFORMED = ("nobody", "two@@example.com", "name@", "@example.com", "sp ace@example.com", "a,b@example.com")
_TOO_LONG = "x" * 60 + "@" + ".".join(["y" * 50] * 4) + ".example.com"

Kind = Literal["plain", "missing", "malformed", "too long", "short row", "repeated", "upper case", "blanks", "idn"]
# One awkward profile in 20, by its place in every 180; between two of them the profiles are plain.
_AWKWARD: dict[int, Kind] = {
    7: "missing",
    27: "repeated",
    47: "malformed",
    67: "upper case",
    87: "idn",
    107: "blanks",
    127: "too long",
    147: "short row",
    167: "repeated",
}
_REJECTED: frozenset[Kind] = frozenset({"missing", "malformed", "too long", "short row"})


@dataclass(frozen=True)
class Expected:
    """What an export of some of the segments has to count: every row is sent, a duplicate, or rejected."""

    read: int
    sent: int
    duplicates: int
    rejected: int


@dataclass(frozen=True)
class Samples:
    """What was written where. `rows` and `rejected` are by segment."""

    folder: Path
    rows: dict[str, int]
    rejected: dict[str, int]
    # A byte for each address, 1 when the segment holds it in a valid row.
    _addresses: dict[str, int] = field(repr=False)

    def expected(self, segments: Sequence[str] = tuple(SEGMENTS)) -> Expected:
        """The counts of a correct export of these segments together."""
        read = sum(self.rows[segment] for segment in segments)
        rejected = sum(self.rejected[segment] for segment in segments)
        union = 0
        for segment in segments:
            union |= self._addresses[segment]
        sent = union.bit_count()
        return Expected(read, sent, read - rejected - sent, rejected)


def segment_ranges(profiles: int) -> dict[str, range]:
    """The numbers of the profiles that each segment holds, of 0 to `profiles` - 1.

    A segment that would hold none, of so few, holds all of them: every segment has a valid profile.
    """
    every = range(profiles)
    return {
        name: every[math.ceil(first * profiles) : math.ceil(last * profiles)] or every
        for name, (first, last) in SEGMENTS.items()
    }


def write_samples(folder: Path, profiles: int = 10_000, *, seed: int = 1) -> Samples:
    """Write `profiles` different profiles over two overlapping segments below `folder`, and say what they hold.

    A million profiles (1.3 million rows) take about 250 MB.
    """
    source = _Profiles(seed)
    root = folder / f"CustomerInsights_{source.instance}" / "BlobExport"
    ranges = segment_ranges(profiles)
    partitions = {name: _Partitions(root, name, len(numbers)) for name, numbers in ranges.items()}
    rejected = dict.fromkeys(SEGMENTS, 0)
    addresses = {name: bytearray(profiles) for name in SEGMENTS}
    for number in range(profiles):
        kind = _kind(number)
        row = source.row(number, kind)
        for name, numbers in ranges.items():
            if number not in numbers:
                continue
            partitions[name].write(row)
            if kind in _REJECTED:
                rejected[name] += 1
            else:
                addresses[name][number - 1 if kind == "repeated" else number] = 1
    for name in SEGMENTS:
        partitions[name].close()
        _write_old_snapshot(root, name)
    _write_model(root, partitions)
    rows = {name: partitions[name].rows for name in SEGMENTS}
    return Samples(folder, rows, rejected, {name: int.from_bytes(found) for name, found in addresses.items()})


def _kind(number: int) -> Kind:
    return _AWKWARD.get(number % 180, "plain")


class _Profiles:
    """Makes profiles from pools of names, which Faker fills once: it is too slow for a million calls."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.instance = uuid.UUID(int=self._random.getrandbits(128), version=4)
        fakers = {Faker(locale): country for locale, country in _COUNTRIES.items()}
        for fake in fakers:
            fake.seed_instance(seed)
        self._names = [[(fake.first_name(), fake.last_name()) for _ in range(_POOL)] for fake in fakers]
        self._homes = [self._home(fake, country) for fake, country in fakers.items() for _ in range(_POOL)]

    def _home(self, fake: Faker, country: str) -> tuple[str, str, str, str]:
        """Street, postal code, city and country; the street has two lines, which take a quoted cell."""
        postcode, city = fake.postcode(), fake.city()
        return f"{fake.street_name()} {fake.building_number()}\r\n{postcode} {city}", postcode, city, country

    def row(self, number: int, kind: Kind) -> list[str]:
        """The cells of a profile."""
        if kind == "short row":
            return [f"{self._random.getrandbits(128):032x}", "Only two cells"]
        draw = self._random.getrandbits(64)
        first_name, last_name = self._name(number)
        street, postcode, city, country = self._homes[draw % len(self._homes)]
        return [
            f"{self._random.getrandbits(128):032x}",
            first_name,
            last_name,
            self._address(number, kind),
            f"+00 {number:09d}",
            street if number % 5 == 0 else street.partition("\r\n")[0],
            postcode,
            city,
            country,
            f"{1940 + (draw >> 32) % 66}-{1 + (draw >> 40) % 12:02d}-{1 + (draw >> 44) % 28:02d}",
            str((draw >> 48) % 5_000) if number % 3 else "",
            f"2026-{1 + (draw >> 50) % 10:02d}-{1 + (draw >> 54) % 28:02d}T09:30:00+02:00",
        ]

    def _name(self, number: int) -> tuple[str, str]:
        """The first and the last name, both in the language of the first."""
        pool = self._names[number % len(self._names)]
        return pool[number * 7 % _POOL][0], pool[number * 13 % _POOL][1]

    def _address(self, number: int, kind: Kind) -> str:
        match kind:
            case "missing":
                return ("", "   ")[number % 2]
            case "malformed":
                return _MALFORMED[number // 180 % len(_MALFORMED)]
            case "too long":
                return _TOO_LONG
            case "repeated":
                return self._plain_address(number - 1).upper()
            case "upper case":
                return self._plain_address(number).upper()
            case "blanks":
                return f"  {self._plain_address(number)}\t"
            case "idn":
                return f"profil.{number}@știri.example.org"
            case _:
                return self._plain_address(number)

    def _plain_address(self, number: int) -> str:
        """The one address of the profile with this number; nobody else has it."""
        first_name, last_name = self._name(number)
        return f"{_ascii(first_name)}.{_ascii(last_name)}.{number}@{_DOMAINS[number % len(_DOMAINS)]}"


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in plain if letter in "abcdefghijklmnopqrstuvwxyz")


class _Partitions:
    """The files of one snapshot, filled one after the other; the first begins with a byte order mark."""

    def __init__(self, root: Path, segment: str, rows: int) -> None:
        self._rows_each = min(ROWS_A_PARTITION, -(-rows // FEWEST_PARTITIONS))
        self._stem = root / segment / DATE_FOLDER / segment
        self._stem.parent.mkdir(parents=True)
        self.files: list[Path] = []
        self.rows = 0
        self._file: io.TextIOWrapper | None = None

    def write(self, row: list[str]) -> None:
        """Add a row, in a new file when the last one is full."""
        if self.rows % self._rows_each == 0:
            self.close()
            path = self._stem.with_name(f"{self._stem.name}_{len(self.files) + 1}.csv")
            encoding = "utf-8" if self.files else "utf-8-sig"
            self._file = path.open("w", encoding=encoding, newline="")
            self._writer = csv.writer(self._file)
            self.files.append(path)
        self._writer.writerow(row)
        self.rows += 1

    def close(self) -> None:
        """Close the file that is being filled."""
        if self._file:
            self._file.close()


def _write_old_snapshot(root: Path, segment: str) -> None:
    """The refresh of a week before, with people who have left the segment since: they must not be exported."""
    path = root / segment / OLD_DATE_FOLDER / f"{segment}_1.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        for number in range(20):
            cells = {"CustomerId": f"{number:032x}", "FirstName": "Old", "EMail": f"old.{number}@example.net"}
            csv.writer(file).writerow(cells.get(column, "") for column in COLUMNS)


def _write_model(root: Path, partitions: dict[str, _Partitions]) -> None:
    def entity(name: str) -> dict[str, object]:
        return {
            "$type": "LocalEntity",
            "name": name,
            "attributes": [{"name": column, "dataType": kind} for column, kind in COLUMNS.items()],
            "partitions": [partition(path) for path in partitions[name].files],
        }

    def partition(path: Path) -> dict[str, object]:
        blob = path.relative_to(root.parents[1]).as_posix()
        return {
            "name": path.stem,
            "refreshTime": "2026-11-02T06:00:00Z",
            "location": f"https://account.blob.core.windows.net/segments/{blob}",
            "fileFormatSettings": {
                "$type": "CsvFormatSettings",
                "columnHeaders": False,
                "delimiter": ",",
                "quoteStyle": "QuoteStyle.Csv",
                "csvStyle": "CsvStyle.QuoteAlways",
            },
        }

    model = {
        "application": "Customer Insights",
        "name": root.name,
        "version": "1.0",
        "modifiedTime": "2026-11-02T06:05:00Z",
        "entities": [entity(name) for name in partitions],
    }
    (root / "model.json").write_text(json.dumps(model, indent=2), encoding="utf-8")
