"""Fuzzes one target in this process; the arguments after its name are libFuzzer's."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]


def main(name: str, arguments: list[str]) -> None:
    """Instrument the app, add the target's seeds to its corpus (the first folder among the arguments), and fuzz."""
    with atheris.instrument_imports(include=["admin", "exporters", "shared"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    for folder in filter(Path.is_dir, map(Path, arguments)):
        for number, seed in enumerate(target.seeds):
            (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *arguments], target.call)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
