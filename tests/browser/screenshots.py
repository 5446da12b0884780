"""`python3 dev.py screenshots`: the pictures of the pages in docs/screenshots, taken anew from the running system."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from local.processes import ProcessError
from local.stand import Stand
from shared.models import Connection
from tests.browser import export_journey, run_journey
from tests.browser.chromium import PHONE, SCREENS, Language, Visitor, running_chromium, visiting
from tests.browser.journey import allow, connect, save, share, the_connection, walk
from tests.browser.past import services_of
from tests.browser.run_journey import run_of

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
# The address stands on every page: a fixed port keeps pictures of the same page alike.
PORT = 7071
# Of one picture, and of all together: a repository keeps every version for good.
LARGEST_BYTES = 300_000
ALL_BYTES = 5_000_000
# A page to look things up in goes on for ever on a phone; nobody looks at all of its picture.
LONGEST_PICTURE = 2_500
SHARED = "Spring campaign"
BROKEN = "Winter sale"


@dataclass(frozen=True)
class Picture:
    """A page in one state.

    `path` is where `who` (of the local sign-in page) goes; a function finds it in the stand. `do` is what they do there
    before the picture is taken.
    """

    name: str
    who: str
    path: str | Callable[[Stand], str]
    do: Callable[[Stand, Visitor], None] = lambda *_: None
    language: Language = "en"


def _address(name: str) -> Callable[[Stand], str]:
    return lambda stand: f"/connections/{the_connection(stand, name).id}"


def _send_an_empty_form(_: Stand, visitor: Visitor) -> None:
    visitor.page.locator("form#set-up section button.primary").click()
    visitor.page.locator("[role=alert]").wait_for()


def _sign_in_to_another_account(stand: Stand, visitor: Visitor) -> None:
    another = stand.add_account("Fabrikam")
    visitor.page.locator("button[form=sign-in]").click()
    allow(stand, visitor.page, another)
    visitor.page.locator(".message.warning").wait_for()


def _follow_a_link_to_a_problem(_: Stand, visitor: Visitor) -> None:
    visitor.go("/help#sign_in_again")
    visitor.page.locator("#sign_in_again > details[open]").wait_for()


def _open_a_row_s_menu(_: Stand, visitor: Visitor) -> None:
    visitor.page.locator("td.more summary").first.click()


def _open_the_language_menu(_: Stand, visitor: Visitor) -> None:
    visitor.page.locator("details.menu:has(form[action='/language']) > summary").click()


PICTURES: tuple[Picture, ...] = (
    Picture("help", "vera", "/help"),
    Picture("help-problem", "vera", "/help", _follow_a_link_to_a_problem),
    Picture("not-there", "ada", "/connections/nothing"),
    Picture("no-role", "nadia", "/connections"),
    Picture("connections-contributor", "carlo", "/connections"),
    Picture("connections-found-nothing", "ada", "/connections?search=autumn"),
    Picture("connections-menu", "ada", "/connections", _open_a_row_s_menu),
    Picture("connections-italian", "ada", "/connections", _open_the_language_menu, language="it"),
    Picture("connection-add-romanian", "ada", "/connections/add", language="ro"),
    Picture("connection-add-errors", "ada", "/connections/add", _send_an_empty_form),
    Picture("connection-broken", "ada", _address(BROKEN)),
    Picture("connection-other-account", "ada", _address(SHARED), _sign_in_to_another_account),
    Picture("home", "ada", "/"),
    Picture("runs", "vera", "/runs"),
    Picture("run-clean", "ada", run_of(run_journey.CLEAN)),
    Picture("run-dirty", "ada", run_of(run_journey.DIRTY, "?reason=email_too_long")),
    Picture("run-failed", "ada", run_of(run_journey.FAILED)),
    Picture("run-up-to-date", "vera", run_of(run_journey.UP_TO_DATE)),
    Picture("run-italian", "ada", run_of(run_journey.DIRTY, "?reason=email_too_long"), language="it"),
    # Last: for these Constant Contact takes nothing any more.
    Picture("run-waiting", "ada", run_journey.begin_waiting, run_journey.wait_in_vain),
    Picture("run-canceled", "ada", run_of(run_journey.WAITING), run_journey.cancel),
)
"""The states that no walk leads through: one line each. What they need is made by `furnish`."""


def furnish(browser: Browser, stand: Stand) -> None:
    """What `PICTURES` show: a shared connection, one that has to be signed in to again, and runs that have ended."""
    with visiting(browser, stand.site_url) as ada:
        ada.sign_in("ada", "/connections/add")
        connect(stand, ada, SHARED)
        save(ada)
        share(ada, the_connection(stand, SHARED), lambda *_: None)
    broken = stand.connect(BROKEN)
    services_of(stand).connections.change(broken.id, _no_longer_accepted)
    run_journey.furnish_runs(stand, the_connection(stand, SHARED))
    run_journey.age_runs(stand)
    run_journey.add_month(stand)


def _no_longer_accepted(connection: Connection) -> Connection:
    why = "Constant Contact does not accept the sign-in any more (invalid_grant)."
    return connection.model_copy(update={"sign_in_again": why, "sign_in_problem": "refused"})


def take(browser: Browser, stand: Stand, folder: Path) -> None:
    """Every page there is: as an administrator walks through them, then the further states."""

    def look(visitor: Visitor, name: str) -> None:
        screenshot(visitor, name, folder)

    with visiting(browser, stand.site_url) as ada:
        walk(stand, ada, look, "Loyal customers")
    furnish(browser, stand)
    export_journey.show(browser, stand, the_connection(stand, SHARED), look)
    for picture in PICTURES:
        with visiting(browser, stand.site_url, picture.language) as visitor:
            visitor.sign_in(picture.who, picture.path if isinstance(picture.path, str) else picture.path(stand))
            picture.do(stand, visitor)
            look(visitor, picture.name)


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
        # Every dot as it is, in a third of the bytes of a PNG; the last hundredth would take thirty times as long.
        with Image.open(io.BytesIO(picture)) as taken:
            shown = taken.convert("RGB").crop((0, 0, taken.width, min(taken.height, LONGEST_PICTURE)))
            shown.save(folder / f"{name}-{size[0]}-{scheme}.webp", lossless=True, quality=90, method=6)
    visitor.show(*SCREENS[0])


def too_large(folder: Path) -> list[str]:
    """What is wrong with the sizes of the pictures, a line each."""
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.webp"))}
    found = [f"{name} has {size:,} bytes" for name, size in sizes.items() if size > LARGEST_BYTES]
    if sum(sizes.values()) > ALL_BYTES:
        found.append(f"all {len(sizes)} pictures together have {sum(sizes.values()):,} bytes")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 when the system or the browser could not be started, or the pictures are too large."""
    parser = argparse.ArgumentParser(prog="python3 dev.py screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to put them (default: docs/screenshots)")
    parser.add_argument("--port", type=int, default=PORT, help="of the site (default: %(default)s)")
    asked = parser.parse_args(arguments)
    folder: Path = asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with running_chromium() as browser, Stand(port=asked.port) as stand:
            for old in (*folder.glob("*.png"), *folder.glob("*.webp")):
                old.unlink()
            take(browser, stand, folder)
    except (ProcessError, AssertionError) as error:
        sys.stderr.write(f"dev.py screenshots: {error}\n")
        return 1
    if found := too_large(folder):
        sys.stderr.write("dev.py screenshots: too large: " + "; ".join(found) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
