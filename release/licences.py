"""The licences of what runs in Azure: which there are, which may be, and the table of them in docs/supply-chain.md."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Container, Mapping
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

import dev
from release.lock import Locked, read_lock
from release.production import production_python

DOCUMENT = dev.ROOT / "docs" / "supply-chain.md"
# Each asks for no more than that its text is passed on; MPL-2.0 covers changes to the files themselves, of which there
# are none. Whoever adds one has read it.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
    }
)
# What packages write that name their licence in words only.
_IN_WORDS = {"mit license": "MIT", "apache software license": "Apache-2.0"}
# Read in the licence files of those whose metadata say "BSD", or hold the whole text.
_READ_IN_FILES = {"isodate": "BSD-3-Clause", "jinja2": "BSD-3-Clause"}
_BEGIN, _END = "<!-- The table is written by `python3 dev.py lock`. -->", "<!-- End of the table. -->"
# Run by the Python of the environment that is asked about.
_ASK = """
import json
from importlib.metadata import distributions
print(json.dumps({
    one.metadata["Name"]: {field: one.metadata.get(field, "") for field in ("License-Expression", "License")}
    for one in distributions()
}))
"""


class UnknownLicence(Exception):
    """A package does not say its licence in a way that can be read; the message names it."""


def licences_of(python: Path, names: Container[str] | None = None) -> dict[str, str]:
    """The SPDX expression of the licence of each package in the environment of this Python, by its name in the lock.

    With `names`, of these only. Raises UnknownLicence.
    """
    answer = subprocess.run([str(python), "-c", _ASK], stdout=subprocess.PIPE, text=True, check=True)
    said = {normal(name): fields for name, fields in json.loads(answer.stdout).items()}
    return {name: licence_of(name, fields) for name, fields in said.items() if names is None or name in names}


def licence_of(name: str, said: Mapping[str, str]) -> str:
    """The licence of a package from its metadata, as an SPDX expression; UnknownLicence when they do not name one."""
    texts = [_READ_IN_FILES.get(name.lower()), *said.values()]
    found = next((expression for text in texts if text and (expression := _as_expression(text))), None)
    if found is None:
        raise UnknownLicence(f"{name} names no licence that is known here. Read its licence file: {dict(said)}")
    return found


def _as_expression(text: str) -> str | None:
    words = text.strip().lower()
    try:
        return str(canonicalize_license_expression(_IN_WORDS.get(words, text.strip())))
    except InvalidLicenseExpression:
        return None


def not_allowed(licences: Mapping[str, str]) -> list[str]:
    """The packages that may not be deployed, each with its licence."""
    return sorted(f"{name} ({expression})" for name, expression in licences.items() if not is_allowed(expression))


def is_allowed(expression: str) -> bool:
    """Whether one may be used: of plain alternatives one has to be allowed, of what is more intricate every part."""
    parts = {part.strip(" ()") for part in re.split(r" (?:AND|OR) ", expression)}
    alternatives = " AND " not in expression and "(" not in expression
    return bool(parts & ALLOWED) if alternatives else parts <= ALLOWED


def table(licences: Mapping[str, str]) -> str:
    """The table of every package of the lock, with its licence."""
    rows = [f"| {one.name} | {one.version}{_for_python(one)} | {licences[normal(one.name)]} |" for one in read_lock()]
    return "\n".join(["| package | version | licence |", "| --- | --- | --- |", *rows])


def _for_python(locked: Locked) -> str:
    found = re.fullmatch(r"python_full_version (<|>=) \"([\d.]+)\"", str(locked.marker))
    if found is None:
        return ""
    return f" (Python {found[2]} and later)" if found[1] == ">=" else f" (before Python {found[2]})"


def document_with(written: str) -> str:
    """The document with this table in the place of the one that it has."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)
    return f"{before}{_BEGIN}\n{written}\n{_END}{rest.partition(_END)[2]}"


def write_table() -> None:
    """Bring the document in line with the lock; UnknownLicence or SystemExit when a licence may not be."""
    licences = licences_of(production_python())
    if refused := not_allowed(licences):
        sys.exit(f"These licences are not among those that may be used: {', '.join(refused)}. See release/licences.py.")
    DOCUMENT.write_text(document_with(table(licences)), encoding="utf-8")


def normal(name: str) -> str:
    """The name of a package as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()
