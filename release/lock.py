"""`python3 dev.py lock`: requirements.in → requirements.txt, and the table of licences in docs/supply-chain.md.

The lock holds for every Python and system that the project knows, names every package exactly, and gives the hashes of
all its files, so that pip refuses a file that somebody has exchanged. It names no index.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import Requirement

import dev

REQUIREMENTS = dev.ROOT / "requirements.in"
LOWEST_PYTHON = ".".join(map(str, min(dev.VERSIONS)))


@dataclass(frozen=True)
class Locked:
    """One package of the lock; `marker` says for which Python, None is all of them."""

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    @property
    def is_for_this_python(self) -> bool:
        """Whether the Python that runs this installs it."""
        return self.marker is None or self.marker.evaluate()


def read_lock(text: str | None = None) -> list[Locked]:
    """The packages of requirements.txt, or of `text`; ValueError for a line that is no exact pin."""
    text = dev.PRODUCTION_PINS.read_text(encoding="utf-8") if text is None else text
    return [_locked(line) for line in text.replace("\\\n", " ").splitlines() if line.strip() and line.strip()[0] != "#"]


def _locked(line: str) -> Locked:
    pin, *hashes = line.split(" --hash=")
    requirement = Requirement(pin.strip())
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or requirement.url:
        raise ValueError(f"{pin.strip()} is no exact version")
    stripped = tuple(one.strip() for one in hashes)
    return Locked(requirement.name, specifiers[0].version, requirement.marker, stripped)


def compile_lock(upgrade: list[str]) -> None:
    """Write requirements.txt; versions that it has already stay, but for those of `upgrade`."""
    command = [sys.executable, "-m", "uv", "pip", "compile", REQUIREMENTS.name, "--output-file", "requirements.txt"]
    command += ["--universal", "--python-version", LOWEST_PYTHON, "--generate-hashes", "--no-config", "--quiet"]
    command += ["--custom-compile-command", "python3 dev.py lock"]
    for name in upgrade:
        command += ["--upgrade-package", name]
    subprocess.run(command, cwd=dev.ROOT, check=True)


def main() -> int:
    """Compile, and bring the table of licences in line."""
    from release import licences  # Reads the lock that this writes.

    parser = argparse.ArgumentParser(prog="python3 dev.py lock", description=__doc__)
    parser.add_argument(
        "--upgrade",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="take the newest version of this package that requirements.in allows; may be given several times",
    )
    before = {(one.name, one.version) for one in read_lock()}
    compile_lock(parser.parse_args().upgrade)
    after = {(one.name, one.version) for one in read_lock()}
    for name, version in sorted(before ^ after):
        dev.say(f"{'+' if (name, version) in after else '-'} {name} {version}")
    licences.write_table()
    dev.say(
        f"{len({name for name, _ in after})} packages are locked in requirements.txt and listed in docs/supply-chain.md"
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
