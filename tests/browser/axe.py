"""axe-core: what keeps people who use a keyboard, a screen reader or a large font from using a page."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from dev import LOCAL

# The levels A and AA of WCAG up to 2.2, and what axe counts as good practice.
_RUN = """() => axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"],
})"""


@cache
def _source() -> str:
    return (LOCAL / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """One line for each part of the page that breaks a rule: which rule, where, and what is wrong with it."""
    # Evaluated, not added to the page as a script: its Content-Security-Policy would rightly stop that.
    page.evaluate(_source())
    found: dict[str, Any] = page.evaluate(_RUN)
    return [
        f"{rule['id']} ({rule['impact']}) at {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
