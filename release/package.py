"""`python3 dev.py package`: the zip that a deployment uploads, made by the rules of .funcignore.

The same files give the same bytes: sorted, with one fixed time. Whatever lies at the top of the project and is neither
known to belong to the app nor named in .funcignore is refused, so that no stray file is deployed unnoticed.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

import dev

PACKAGE = dev.LOGS / "package.zip"
# Everything that the app is: what runs, what the host reads, what is installed.
TOP_LEVEL = frozenset({"admin", "exporters", "shared", "function_app.py", "host.json", "requirements.txt"})
# Ten times what it is today would be somebody's mistake; it is uploaded with every deployment.
LARGEST_BYTES = 1_000_000
# The first day that a zip can tell of.
_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


class UnexpectedFiles(Exception):
    """Something would be deployed that is no part of the app; the message names it."""


def packaged_files(root: Path) -> list[Path]:
    """The files to deploy, relative to `root`, sorted.

    Raises:
        UnexpectedFiles: names what .funcignore does not keep out though it is no part of the app.
    """
    rules = GitIgnoreSpec.from_lines((root / ".funcignore").read_text(encoding="utf-8").splitlines())
    files = sorted(file.relative_to(root) for file in _walk(root, root, rules))
    stray = sorted({file.parts[0] for file in files} - TOP_LEVEL)
    if stray:
        raise UnexpectedFiles(
            f"These are no part of the app: {', '.join(stray)}. Move them, or name them in .funcignore."
        )
    return files


def _walk(folder: Path, root: Path, rules: GitIgnoreSpec) -> Iterator[Path]:
    # Folders that are kept out are not looked into: among them are those with tens of thousands of files.
    for entry in folder.iterdir():
        place = entry.relative_to(root).as_posix()
        if entry.is_dir():
            if not rules.match_file(place + "/"):
                yield from _walk(entry, root, rules)
        elif not rules.match_file(place):
            yield entry


def write_package(root: Path, target: Path) -> list[zipfile.ZipInfo]:
    """Write the zip, and return what is in it; UnexpectedFiles as above."""
    files = packaged_files(root)
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for file in files:
            entry = zipfile.ZipInfo(file.as_posix(), _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _READABLE
            # The same on every system, whatever wrote the file.
            entry.create_system = 3
            package.writestr(entry, (root / file).read_bytes())
        return package.infolist()


def main(arguments: Sequence[str] = ()) -> int:
    """Make the package and say what is in it; 1 when something would be deployed that should not."""
    argparse.ArgumentParser(prog="python3 dev.py package", description=__doc__).parse_args(arguments)
    try:
        entries = write_package(dev.ROOT, PACKAGE)
    except UnexpectedFiles as error:
        dev.say(str(error))
        return 1
    for name in sorted(TOP_LEVEL):
        inside = [one for one in entries if one.filename.split("/")[0] == name]
        sizes = sum(one.file_size for one in inside), sum(one.compress_size for one in inside)
        dev.say(f"{name:18} {len(inside):4} files {sizes[0]:10,} bytes {sizes[1]:9,} packed")
    dev.say("\nThe largest:")
    for entry in sorted(entries, key=lambda one: one.compress_size, reverse=True)[:8]:
        dev.say(f"{entry.compress_size:9,} packed  {entry.filename}")
    packed = PACKAGE.read_bytes()
    dev.say(f"\n{len(entries)} files, {len(packed):,} bytes, SHA-256 {hashlib.sha256(packed).hexdigest()}")
    dev.say(f"Written to {PACKAGE.relative_to(dev.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
