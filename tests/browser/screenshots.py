"""`python3 dev.py screenshots`: the pictures of the pages in docs/screenshots, taken anew from the running system."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from local.processes import ProcessError
from local.stand import Stand
from tests.browser.chromium import PHONE, SCREENS, Visitor, running_chromium, visiting
from tests.browser.journey import connect, save, share, the_connection, walk

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
# The address stands on every page: a fixed port keeps pictures of the same page alike.
PORT = 7071
# As the eye sees it the same, at a third of the bytes.
COLOURS = 128


def screenshot(visitor: Visitor, name: str, folder: Path) -> None:
    """Four pictures of the page as it is now: on a wide screen and a phone, light and dark."""
    for size, scheme in SCREENS:
        visitor.show(size, scheme)
        picture = visitor.page.screenshot(
            # A phone shows a page by and by; what is fixed to a wide screen, such as a panel, belongs to its window.
            full_page=size == PHONE,
            animations="disabled",
            caret="hide",
        )
        with Image.open(io.BytesIO(picture)) as taken:
            small = taken.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(folder / f"{name}-{size[0]}-{scheme}.png", optimize=True)
    visitor.show(*SCREENS[0])


def take(browser: Browser, stand: Stand, folder: Path) -> None:
    """Every page there is, as an administrator comes to it, and what the others see instead."""

    def look(visitor: Visitor, name: str) -> None:
        screenshot(visitor, name, folder)

    with visiting(browser, stand.site_url) as ada:
        ada.sign_in("ada", "/connections/add")
        connect(stand, ada, "Spring campaign")
        save(ada)
        share(ada, the_connection(stand, "Spring campaign"), lambda *_: None)
    with visiting(browser, stand.site_url) as ada:
        walk(stand, ada, look, "Loyal customers")
        ada.go("/connections/nothing")
        look(ada, "not-there")
    for who, path, name in (("carlo", "/connections", "connections-contributor"), ("nadia", "/connections", "no-role")):
        with visiting(browser, stand.site_url) as other:
            other.sign_in(who, path)
            look(other, name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 when the system or the browser could not be started."""
    parser = argparse.ArgumentParser(prog="dev.py screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to put them (default: docs/screenshots)")
    parser.add_argument("--port", type=int, default=PORT, help="of the site (default: %(default)s)")
    asked = parser.parse_args(arguments)
    folder: Path = asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with running_chromium() as browser, Stand(port=asked.port) as stand:
            take(browser, stand, folder)
    except (ProcessError, AssertionError) as error:
        sys.stderr.write(f"dev.py screenshots: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
