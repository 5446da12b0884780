"""Reads a page as a program can: its elements, its words, and whether it is put together correctly."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from httpx2 import Response

_VOID = {"br", "img", "input", "link", "meta", "path"}
_IDREFS = ("for", "form", "aria-describedby", "aria-labelledby")


@dataclass
class Element:
    """An element with its attributes and the words in it."""

    tag: str
    attributes: dict[str, str]
    around: tuple[Element, ...] = ()
    text: str = ""


@dataclass
class Page(HTMLParser):
    """What is on a page. `faults` is what is wrong with its HTML, or forbidden by the Content-Security-Policy."""

    answer: Response
    elements: list[Element] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        assert self.answer.headers["content-type"] == "text/html; charset=utf-8", self.answer.text
        self.feed(self.answer.text)
        self.faults += [f"<{one.tag}> is never closed" for one in self._open]
        self._check_references()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.faults += [f"<{tag}> has {name} twice" for name in set(names) if names.count(name) > 1]
        self.faults += [f"<{tag}> has {name}" for name in names if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.faults.append(f"an inline <{tag}>")
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1].tag if self._open else 'nothing'}")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    @property
    def words(self) -> str:
        """All text of the page, with single blanks."""
        return words_of(self.all("body")[0])

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements with this tag and these attributes (`class_name` for class, `_` for a hyphen)."""
        wanted = {name.replace("class_name", "class").replace("_", "-"): value for name, value in attributes.items()}
        return [one for one in self.elements if one.tag == tag and wanted.items() <= one.attributes.items()]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only element with this tag and these attributes."""
        (found,) = self.all(tag, **attributes)
        return found

    def cells(self, label: str) -> list[str]:
        """The words of a column of the list."""
        return [words_of(one) for one in self.all("td", data_label=label)]

    def problems(self) -> list[str]:
        """What the summary of a form says is wrong."""
        return [
            words_of(one)
            for one in self.all("li")
            if any(parent.attributes.get("role") == "alert" for parent in one.around)
        ]

    def _check_references(self) -> None:
        ids = [one.attributes["id"] for one in self.elements if "id" in one.attributes]
        self.faults += [f"the id {one} is there twice" for one in set(ids) if ids.count(one) > 1]
        for element in self.elements:
            for name in _IDREFS:
                for referred in element.attributes.get(name, "").split():
                    if referred not in ids:
                        self.faults.append(f"{name} of <{element.tag}> refers to {referred}, which is not there")


def words_of(element: Element) -> str:
    """Its text, with single blanks."""
    return " ".join(element.text.split())
