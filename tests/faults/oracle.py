"""What a run of the soak exports, and what must come of it, worked out from the rows alone with nothing of the app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROFILES = 20_000


@dataclass(frozen=True)
class Expected:
    """Where every profile of a run must end; rejected ones by their line in the file, the header being line 1.

    `refused` are the lines of those whom Constant Contact alone refuses.
    """

    members: frozenset[str]
    duplicates: int
    rejected: frozenset[int]
    refused: frozenset[int] = frozenset()


def address(run: int, number: int) -> str:
    """About 3 in 100 are bad, or repeat the address before them."""
    if number % 71 == 0:
        return f"person.{run}.{number}.example.com"
    before = number - 1 if number % 67 == 0 else number
    return f"person.{run}.{before}@mail{before % 9}.example.com"


def expected(run: int, profiles: int = PROFILES, *, poison: str | None = None) -> Expected:
    """The oracle; Constant Contact refuses every file that holds the address `poison`."""
    addresses = [address(run, number) for number in range(profiles)]
    good = [one for one in addresses if "@" in one]
    members = frozenset(good)
    rejected = frozenset(number + 2 for number, one in enumerate(addresses) if "@" not in one)
    # Of equal addresses the first is sent.
    refused = frozenset({addresses.index(poison) + 2} if poison else ())
    return Expected(members - {poison}, len(good) - len(members), rejected, refused)


def write_segment(folder: Path, run: int, profiles: int = PROFILES) -> None:
    """The snapshot of a run, as the customer data platform writes one."""
    target = folder / segment_path(run) / "2026" / "11" / "21" / "0430"
    target.mkdir(parents=True)
    rows = "".join(f"{number},{address(run, number)},Name {number}\n" for number in range(profiles))
    (target / f"{segment_name(run)}_1.csv").write_text("CustomerId,EMail,FirstName\n" + rows, encoding="utf-8")


def segment_name(run: int) -> str:
    """The segment of a run."""
    return f"Soak{run}"


def segment_path(run: int) -> str:
    """Where its snapshots lie in the container."""
    return f"CustomerInsights_x/BlobExport/{segment_name(run)}"
