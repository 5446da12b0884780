"""Names may be one long word, and come in every script: no page becomes wider than its window because of them."""

from __future__ import annotations

import pytest

from local.stand import Stand
from shared.models import Connection, Export, Schedule
from tests.browser.chromium import Visitor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NAMES = ("Sommerschlussverkauf" * 5, "W" * 100, "Рассылка для постоянных клиентов", "النشرة الإخبارية للعملاء المخلصين")
WIDTHS = (320, 360, 600, 800, 1024, 1280, 1920)


@pytest.fixture(scope="module")
def connection(stand: Stand) -> Connection:
    """One with a name as long as it may be."""
    return stand.connect("C" * 100)


@pytest.fixture(scope="module")
def export(stand: Stand, connection: Connection) -> Export:
    """The first of several with such names; it has run, and failed."""
    made = [
        stand.app.add_export(
            name,
            connection,
            list_id=stand.account.list_id,
            segments=["S" * 100],
            mapping={"email": "E" * 100},
            schedule=Schedule(),
        )
        for name in NAMES
    ]
    stand.app.start_run(made[0].id)
    return made[0]


def pages(connection: Connection, export: Export, run_id: str) -> list[str]:
    """Every page that shows their names."""
    of_export = f"/exports/{export.id}"
    return [
        *("/", "/connections", "/exports", "/runs", "/audit", "/exports/run-all", "/exports?search=" + "w" * 100),
        *(of_export + part for part in ("", "/schedule", "/duplicate", "/detach", "/remove", "/runs")),
        f"{of_export}/runs/{run_id}",
        *(f"/connections/{connection.id}{part}" for part in ("", "/remove")),
    ]


def test_no_page_is_wider_than_its_window(
    stand: Stand, visitor: Visitor, connection: Connection, export: Export
) -> None:
    visitor.sign_in("ada")
    (run,) = stand.app.runs(export.id)
    wider = []
    for path in pages(connection, export, run.run_id):
        visitor.go(path)
        for width in WIDTHS:
            visitor.show((width, 800), "light")
            if visitor.page.evaluate(_WIDER):
                wider.append((path, width))
    assert wider == []


# The page itself, or the panel that lies over it and is scrolled by itself.
_WIDER = """
() => [document.documentElement, ...document.querySelectorAll(".panel-body")]
  .some((one) => one.scrollWidth > one.clientWidth)
"""
