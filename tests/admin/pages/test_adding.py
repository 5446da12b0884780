"""Setting a connection up: the form, the way to Constant Contact and back, and Save."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from admin import connecting
from admin.pages import words
from tests.admin.asking import pages_as
from tests.admin.pages.reading import Page, words_of
from tests.exporters.browser import CAMPAIGN_CREATOR, OTHER_OWNER, add_other_account, answer_at_constant_contact
from tests.exporters.world import World

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


@pytest.fixture
def way(ada: TestClient) -> Way:
    return Way(ada)


def needs(page: Page) -> list[str]:
    """What Save still needs, as the page says it."""
    return [words_of(one) for one in page.elements if "data-need" in one.attributes and "hidden" not in one.attributes]


def save_button(page: Page) -> dict[str, str]:
    (found,) = [one for one in page.all("button", value="save") if "data-save" in one.attributes]
    return found.attributes


# --- The form ---------------------------------------------------------------------------------------------------------


def test_the_form_begins_with_the_narrowest_sharing_and_no_consent(ada: TestClient) -> None:
    page = Page(ada.get("/connections/add"))
    assert page.one("input", type="radio", checked="").attributes["value"] == "administrators"
    assert page.all("input", type="checkbox", checked="") == []


def test_the_form_shows_the_exact_redirect_address_for_the_app_registration(world: World, ada: TestClient) -> None:
    page = Page(ada.get("/connections/add"))
    shown = words_of(page.one("code", id="redirect-address"))
    assert shown == f"{world.settings.site_address}/connections/callback"
    sent = parse_qs(urlsplit(Way(ada).begin()).query)
    assert sent["redirect_uri"] == [shown]


def test_the_consent_names_its_version_and_covers_its_four_points(ada: TestClient) -> None:
    said = Page(ada.get("/connections/add")).words
    for point in ("out of this environment", "personal data", "you instruct it", "people's consent", "at any time"):
        assert point in said
    assert f"Version {connecting.CONSENT_VERSION} of this text" in said


def test_save_is_disabled_and_says_what_it_waits_for(ada: TestClient) -> None:
    page = Page(ada.get("/connections/add"))
    assert "disabled" in save_button(page)
    assert needs(page) == [
        "a display name",
        "your agreement to data privacy and compliance",
        "a sign-in to Constant Contact",
        "an export user",
    ]


def test_connecting_without_name_and_consent_says_what_is_wrong_and_begins_nothing(
    world: World, ada: TestClient
) -> None:
    answer = ada.post("/connections/add", data={"sharing": "administrators_and_contributors"})
    page = Page(answer)
    assert answer.status_code == 422
    assert len(page.problems()) == 2
    assert page.one("p", id="display_name-problem")
    assert page.one("p", id="consent-problem")
    assert page.one("input", type="radio", checked="").attributes["value"] == "administrators_and_contributors"
    assert world.services.drafts.all() == []


# --- There and back ---------------------------------------------------------------------------------------------------


def test_connect_leads_to_constant_contact_with_the_state_in_a_cookie(ada: TestClient, world: World) -> None:
    answer = ada.post("/connections/add", data=TYPED)
    assert answer.headers["location"].startswith(f"{world.simulator.url}/oauth2/default/v1/authorize?")
    state = parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"__Host-sign-in-{state.partition('.')[0]}={state};")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}


def test_over_plain_http_the_cookie_has_a_name_that_browsers_take_there(world: World) -> None:
    world.services.settings.__dict__["site_url"] = "http://127.0.0.1:7071"
    with pages_as(world, "Administrator", headers={"Origin": "http://127.0.0.1:7071"}) as browser:
        cookie = browser.post("/connections/add", data=TYPED).headers["set-cookie"]
    assert cookie.startswith("sign-in-")
    assert "Secure" not in cookie


def test_a_connection_is_added_from_the_form_to_save(world: World, way: Way) -> None:
    draft = way.back(way.begin())
    page = Page(way.browser.get(draft))
    assert "Connected to the account “Local Company”." in page.words
    assert needs(page) == ["an export user"]
    assert "disabled" in save_button(page)

    page = way.do(draft, "export-user")
    assert "Ada Administrator is the export user." in page.words
    assert needs(page) == []
    assert "disabled" not in save_button(page)

    page = way.do(draft, "save")
    assert "The connection “Newsletter” was added" in page.words
    (made,) = [one for one in world.services.connections.all() if one.display_name == "Newsletter"]
    assert made.state == "connected"
    assert made.sharing == "administrators_and_contributors"
    assert made.export_user == "Ada Administrator"


def test_the_cookie_is_gone_after_the_way_back(way: Way) -> None:
    draft = way.back(way.begin())
    assert draft.startswith("/connections/drafts/")
    assert [name for name in way.browser.cookies if "sign-in" in name] == []


def test_two_tabs_sign_in_without_disturbing_each_other(world: World, way: Way) -> None:
    one, other = way.begin(), way.begin(**{**TYPED, "display_name": "Other"})
    for draft in (way.back(one), way.back(other)):
        assert "Connected to the account" in Page(way.browser.get(draft)).words


def test_what_was_typed_meanwhile_stays_when_the_export_user_is_added(way: Way) -> None:
    draft = way.back(way.begin())
    page = way.do(draft, "export-user", display_name="Another name", sharing="administrators")
    assert page.one("input", id="display_name").attributes["value"] == "Another name"
    assert page.one("input", type="radio", checked="").attributes["value"] == "administrators"


def test_save_says_what_is_missing_and_keeps_the_rest(world: World, way: Way) -> None:
    draft = way.back(way.begin())
    page = way.do(draft, "save")
    assert page.problems() == ["Add yourself as export user first."]
    assert len(world.services.connections.all()) == 1


def test_a_refusal_at_constant_contact_is_told_and_connecting_again_goes_on(world: World, way: Way) -> None:
    draft = way.back(way.begin(), decision="deny")
    page = Page(way.browser.get(draft))
    assert words.PROBLEMS["refused"] in page.words
    assert "a sign-in to Constant Contact" in needs(page)
    authorize = way.begin(draft, **TYPED, do="connect")
    assert way.back(authorize) == draft
    assert "Connected to the account" in Page(way.browser.get(draft)).words


def test_a_user_who_may_not_import_is_told_so(way: Way) -> None:
    draft = way.back(way.begin(), user=CAMPAIGN_CREATOR)
    assert words.PROBLEMS["no_contacts_write"] in Page(way.browser.get(draft)).words


def test_there_are_words_for_everything_that_can_go_wrong_with_a_sign_in() -> None:
    assert set(words.PROBLEMS) == set(connecting.PROBLEMS)


@pytest.mark.parametrize("change", ["no cookie", "another state", "twice", "no state"])
def test_a_way_back_that_was_not_begun_here_is_refused(world: World, way: Way, change: str) -> None:
    came = answer_at_constant_contact(way.begin())
    if change == "no cookie":
        way.browser.cookies.clear()
    elif change == "another state":
        came["state"] = "made-up.state"
    elif change == "no state":
        del came["state"]
    else:
        way.browser.get("/connections/callback", params=came)
    answer = way.browser.get("/connections/callback", params=came)
    assert answer.status_code == 422
    assert "This sign-in cannot be used" in Page(answer).words
    assert len(world.services.connections.all()) == 1


def test_cancel_leaves_nothing(world: World, way: Way) -> None:
    draft = way.back(way.begin())
    page = way.do(draft, "cancel")
    assert "Nothing was saved" in page.words
    assert world.services.drafts.all() == []
    answer = way.browser.get(draft)
    assert answer.status_code == 404
    assert "This sign-in is over" in Page(answer).words


def test_a_draft_that_was_saved_leads_to_its_connection(world: World, way: Way) -> None:
    """Whoever goes back in the browser's history after Save finds what was saved."""
    draft = way.back(way.begin())
    way.do(draft, "export-user")
    way.do(draft, "save")
    (made,) = [one for one in world.services.connections.all() if one.display_name == "Newsletter"]
    for answer in (way.browser.get(draft), way.browser.post(draft, data={**TYPED, "do": "connect"})):
        assert (answer.status_code, answer.headers["location"]) == (303, f"/connections/{made.id}")


@pytest.mark.parametrize("do", ["save", "connect", "export-user", "cancel"])
def test_a_draft_that_is_older_than_an_hour_says_what_became_of_it(world: World, way: Way, do: str) -> None:
    draft = way.back(way.begin())
    world.clock.advance(3601)
    answer = way.browser.post(draft, data={**TYPED, "do": do})
    page = Page(answer)
    assert answer.status_code == 404
    assert "This sign-in is over" in page.words
    assert page.faults == []


def test_the_close_button_of_a_begun_sign_in_cancels_it(way: Way) -> None:
    page = Page(way.browser.get(way.back(way.begin())))
    (close,) = [one for one in page.elements if "data-close" in one.attributes]
    assert (close.tag, close.attributes["value"], close.attributes["form"]) == ("button", "cancel", "set-up")


def test_when_key_vault_does_not_answer_the_form_stays_as_it_was(world: World, way: Way) -> None:
    draft = way.back(way.begin())
    way.do(draft, "export-user")
    world.vault_fault(status=503, times=50)
    answer = way.browser.post(draft, data={**TYPED, "display_name": "Another name", "do": "save"})
    world.clear_faults()
    page = Page(answer)
    assert answer.status_code == 503
    assert "Key Vault did not answer" in page.problems()[0]
    assert page.one("input", id="display_name").attributes["value"] == "Another name"


# --- Signing in again -------------------------------------------------------------------------------------------------


def added(world: World, way: Way) -> str:
    """The id of a connection that was added on the pages."""
    draft = way.back(way.begin())
    way.do(draft, "export-user")
    way.do(draft, "save")
    return next(one.id for one in world.services.connections.all() if one.display_name == "Newsletter")


def test_signing_in_again_with_the_same_account_needs_no_new_consent(world: World, way: Way) -> None:
    connection_id = added(world, way)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"))
    page = Page(way.browser.get(draft))
    assert page.all("input", id="consent") == []
    assert "Ada Administrator has agreed to version 1" in page.words
    assert needs(page) == []
    page = way.do(draft, "save", consent="")
    assert "“Newsletter” is signed in again" in page.words


def test_another_account_is_warned_of_before_it_is_saved(world: World, way: Way) -> None:
    connection_id = added(world, way)
    add_other_account(world)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"), user=OTHER_OWNER)
    page = Page(way.browser.get(draft))
    assert "This is another account: “Another Company”." in page.words
    assert "Before it was “Local Company”." in page.words
    assert "disabled" not in save_button(page)


def test_the_first_sign_in_of_a_connection_is_not_called_another_one(world: World, way: Way) -> None:
    """A connection that was made through the API has never been signed in to."""
    draft = way.back(way.begin(f"/connections/{world.connection.id}/sign-in"))
    page = Page(way.browser.get(draft))
    assert "Connect “Shop”" in page.words
    assert "again" not in words_of(page.one("h1", id="panel-title"))
    way.do(draft, "export-user", consent="yes")
    page = way.do(draft, "save", display_name="Shop")
    assert "The connection “Shop” is signed in." in page.words


def test_another_account_is_not_saved_while_an_export_is_running(world: World, way: Way) -> None:
    connection_id = added(world, way)
    export = world.add_export("Loyal")
    world.services.exports.change(export.id, lambda one: one.model_copy(update={"connection_id": connection_id}))
    add_other_account(world)
    draft = way.back(way.begin(f"/connections/{connection_id}/sign-in"), user=OTHER_OWNER)
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    world.start(world.services.exports.get(export.id))
    answer = way.browser.post(draft, data={**TYPED, "do": "save"})
    assert answer.status_code == 409
    assert "an export of this connection is running" in Page(answer).problems()[0]
