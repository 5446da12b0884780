"""The messages of the pages, as they stand in the templates and in the code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

from admin import pages
from admin.pages.rendering import EXTENSIONS

FOLDER = Path(pages.__file__).parent
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"extensions": ",".join(EXTENSIONS), "silent": "false"}}
# `message("…")` and `plural_message("…", "…")` mark a text in the code; `text("…")` looks one up at once.
_KEYWORDS = {**DEFAULT_KEYWORDS, "message": None, "plural_message": (1, 2), "text": None}


def messages() -> Catalog:
    """Every message with where it stands."""
    catalog = Catalog()
    found: Iterable[tuple[str, int, str | tuple[str, ...], list[str], str | None]] = extract_from_dir(
        FOLDER, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS
    )
    for file, line, text, _, context in found:
        catalog.add(text, locations=[(file, line)], context=context)
    return catalog
