"""The way to Constant Contact and back in a browser, and what the panel with a draft says."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi.testclient import TestClient

from tests.admin.pages.reading import Page, words_of
from tests.exporters.browser import answer_at_constant_contact

TYPED = {"display_name": "Newsletter", "sharing": "administrators_and_contributors", "consent": "yes"}


@dataclass
class Way:
    """A way to Constant Contact and back in one browser."""

    browser: TestClient

    def begin(self, address: str = "/connections/add", **form: str) -> str:
        """Post the form; the address at Constant Contact."""
        answer = self.browser.post(address, data=form or TYPED)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def back(self, authorize: str, **answered: str) -> str:
        """Answer there and come back; the address of the draft."""
        answer = self.browser.get("/connections/callback", params=answer_at_constant_contact(authorize, **answered))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def do(self, draft: str, what: str, **form: str) -> Page:
        """Press a button of the draft's form; the page that follows."""
        answer = self.browser.post(draft, data={**TYPED, **form, "do": what})
        return Page(self.browser.get(answer.headers["location"]) if answer.status_code == 303 else answer)


def needs(page: Page) -> list[str]:
    """What Save still needs, as the page says it."""
    return [words_of(one) for one in page.elements if "data-need" in one.attributes and "hidden" not in one.attributes]


def save_button(page: Page) -> dict[str, str]:
    (found,) = [one for one in page.all("button", value="save") if "data-save" in one.attributes]
    return found.attributes
