"""Reads the documents of the project: their links, headings, anchors and what stands in them as code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_ANCHOR = re.compile(r"<a (?:id|name)=\"([^\"]+)\">")


@dataclass(frozen=True)
class Document:
    """A document; `name` is its path in the project."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def prose(self) -> str:
        """The text without its blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        return _LINK.findall(_CODE.sub("", self.prose))

    @property
    def blocks(self) -> list[str]:
        """Its blocks of code, without what encloses them."""
        found = (one.group().strip().split("\n") for one in _FENCE.finditer(self.text))
        return ["\n".join(lines[1:-1]) for lines in found]

    @property
    def code(self) -> list[str]:
        """Whatever stands in it as code: within a line, or as a block."""
        return [*_CODE.findall(self.prose), *self.blocks]

    @property
    def anchors(self) -> set[str]:
        """What a link may name in it: headings as web sites for code name them, and anchors of its own."""
        found: set[str] = set(_ANCHOR.findall(self.text))
        for heading in _HEADING.findall(self.prose):
            name = slug(heading)
            again = sum(one == name or one.startswith(f"{name}-") for one in found)
            found.add(f"{name}-{again}" if name in found else name)
        return found


def slug(heading: str) -> str:
    """The anchor of a heading: small letters, hyphens for blanks, without marks."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def documents() -> list[Document]:
    """Every document that people are led to."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "infra").glob("*.md")]
    return [Document(path, path.read_text(encoding="utf-8")) for path in sorted(paths)]


def document(name: str) -> Document:
    """One of them."""
    return Document(ROOT / name, (ROOT / name).read_text(encoding="utf-8"))
