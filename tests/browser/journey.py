"""The life of a connection, as an administrator walks through it: from the first sign-in to its removal.

Elements are found by what they do (name, value, address), never by their words, so that the same walk is walked in
every language.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from local.simulator_client import Account
from local.stand import Stand
from shared.models import Connection, Export, Schedule
from tests.browser.chromium import Visitor
from tests.browser.past import name_list

Look = Callable[[Visitor, str], None]
"""Called on each page that the walk comes to, with the visitor and a name for what is seen."""


def walk(stand: Stand, visitor: Visitor, look: Look, name: str) -> None:
    """Add a connection of this name, share it, sign in again, try to remove it while used, detach it, remove it."""
    visitor.go("/connections")
    look(visitor, "signed-out")
    visitor.sign_in("ada", "/connections")
    look(visitor, "connections-none")

    visitor.page.locator("#add").click()
    look(visitor, "connection-add")
    connect(stand, visitor, name)
    look(visitor, "connection-signed-in")
    save(visitor)
    look(visitor, "connections")

    connection = the_connection(stand, name)
    assert connection.state == "connected"
    assert connection.export_user
    share(visitor, connection, look)
    assert the_connection(stand, name).sharing == "administrators_and_contributors"

    sign_in_again(stand, visitor, connection, look)
    renewed = the_connection(stand, name)
    assert renewed.account == connection.account
    assert renewed.signed_in_at != connection.signed_in_at

    export = use(stand, connection)
    remove_while_used(visitor, connection, export, look)
    assert the_connection(stand, name)
    detach(visitor)
    look(visitor, "connection-remove")
    assert the_export(stand, export).connection_id is None
    visitor.page.locator(f"form[action='/connections/{connection.id}/remove'] button").click()
    expect(visitor.page).to_have_url(re.compile(r"/connections$"))
    look(visitor, "connection-removed")
    assert name not in [one.display_name for one in stand.app.connections()]

    visitor.go("/audit")
    look(visitor, "audit")
    expect(visitor.page.locator("main")).to_contain_text(name)


def connect(stand: Stand, visitor: Visitor, name: str) -> None:
    """Fill in the form, agree, sign in at Constant Contact and become the export user."""
    page = visitor.page
    page.locator("#display_name").fill(name)
    page.locator("#consent").check()
    page.locator("form#set-up section button.primary").click()
    allow(stand, page)
    expect(page).to_have_url(re.compile("/connections/drafts/"))
    page.locator("button[name=do][value=export-user]").click()
    expect(page.locator("button[name=do][value=export-user]")).to_have_count(0)


def allow(stand: Stand, page: Page, account: Account | None = None) -> None:
    """On Constant Contact's own page: sign in as the owner of the account (the stand's own one) and give consent."""
    expect(page).to_have_url(re.compile(re.escape(stand.simulator_url)))
    page.locator("select[name=user_id]").select_option((account or stand.account).user_id)
    page.locator("button[name=decision][value=allow]").click()


def save(visitor: Visitor) -> None:
    """Save the panel and come back to the list."""
    visitor.page.locator("[data-save]").click()
    expect(visitor.page).to_have_url(re.compile(r"/connections\?"))


def share(visitor: Visitor, connection: Connection, look: Look) -> None:
    """Let contributors use it."""
    visitor.page.locator(f"#connection-{connection.id}").click()
    look(visitor, "connection-edit")
    visitor.page.locator("input[name=sharing][value=administrators_and_contributors]").check()
    save(visitor)


def sign_in_again(stand: Stand, visitor: Visitor, connection: Connection, look: Look) -> None:
    """With the same account."""
    visitor.page.locator(f"#connection-{connection.id}").click()
    visitor.page.locator("button[form=sign-in]").click()
    allow(stand, visitor.page)
    expect(visitor.page).to_have_url(re.compile("/connections/drafts/"))
    look(visitor, "connection-sign-in-again")
    again = visitor.page.locator("button[name=do][value=export-user]")
    if again.count():
        again.click()
    save(visitor)


def remove_while_used(visitor: Visitor, connection: Connection, export: Export, look: Look) -> None:
    """It is refused: the page names the export, and has no button to remove the connection."""
    visitor.go(f"/connections/{connection.id}")
    visitor.page.locator(".panel a[href$='/remove']").click()
    expect(visitor.page.locator(".panel")).to_contain_text(export.name)
    expect(visitor.page.locator(f"form[action='/connections/{connection.id}/remove']")).to_have_count(0)
    look(visitor, "connection-used")


def detach(visitor: Visitor) -> None:
    """Let go of the exports; they are kept."""
    visitor.page.locator("form[action$='/detach'] button").click()
    expect(visitor.page.locator(".panel .message.success")).to_be_visible()


def use(stand: Stand, connection: Connection) -> Export:
    """An export that uses the connection, made through the JSON API."""
    export = stand.app.add_export(
        "Newsletter",
        connection,
        list_id=stand.account.list_id,
        segments=["LoyaltyMembers"],
        mapping={"email": "EMail"},
        schedule=Schedule(active=False),
    )
    return name_list(stand, export)


def the_connection(stand: Stand, name: str) -> Connection:
    """The one with this name, as the API knows it."""
    (found,) = [one for one in stand.app.connections() if one.display_name == name]
    return found


def the_export(stand: Stand, export: Export) -> Export:
    """The same export as it is now."""
    (found,) = [one for one in stand.app.exports() if one.id == export.id]
    return found
