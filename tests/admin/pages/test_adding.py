"""Setting a connection up: the form, the way to Constant Contact and back, and Save."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from admin import connecting
from admin.pages import words
from tests.admin.asking import pages_as
from tests.admin.pages.reading import Page, words_of
from tests.admin.pages.signing_in import TYPED, Way, needs, save_button
from tests.exporters.browser import CAMPAIGN_CREATOR, answer_at_constant_contact
from tests.exporters.world import World


@pytest.fixture
def way(ada: TestClient) -> Way:
    return Way(ada)


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
    way.begin(draft, **TYPED, do="connect")
    page = way.do(draft, "cancel")
    assert "Nothing was saved, and nothing was kept of the sign-in." in page.words
    assert [name for name in way.browser.cookies if "sign-in" in name] == []
    assert world.services.drafts.all() == []
    answer = way.browser.get(draft)
    assert answer.status_code == 404
    assert "This sign-in is over" in Page(answer).words


def test_cancel_says_so_when_the_sign_in_cannot_be_deleted_at_once(world: World, way: Way) -> None:
    draft = way.back(way.begin())
    world.vault_fault(status=503, times=50)
    page = way.do(draft, "cancel")
    world.clear_faults()
    assert "Nothing was saved. What was kept of the sign-in is deleted within two hours." in page.words


def test_a_vault_that_refuses_the_app_is_told_on_the_way_back_and_connecting_again_goes_on(
    world: World, way: Way
) -> None:
    authorize = way.begin()
    world.vault_fault(status=403, times=50)
    draft = way.back(authorize)
    world.clear_faults()
    assert words.PROBLEMS["vault_refused"] in Page(way.browser.get(draft)).words
    assert way.back(way.begin(draft, **TYPED, do="connect")) == draft
    assert "Connected to the account" in Page(way.browser.get(draft)).words


def test_a_vault_that_refuses_the_app_at_save_is_told_in_the_readers_language_and_in_the_log(
    world: World, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    draft = way.back(way.begin())
    way.do(draft, "export-user")
    world.vault_fault(status=403, times=50)
    answer = way.browser.post(draft, data={**TYPED, "do": "save"}, headers={"Accept-Language": "it"})
    world.clear_faults()
    assert answer.status_code == 422
    assert "Key Vault Secrets Officer" in Page(answer).words
    assert "Torna indietro e riprova" not in Page(answer).words
    assert "Key Vault non lo consente all'app" in Page(answer).words
    assert "KeyVaultRefused" in caplog.text


def test_tokens_that_are_gone_at_save_are_told_as_a_sign_in_that_is_missing(world: World, way: Way) -> None:
    draft = way.back(way.begin())
    way.do(draft, "export-user")
    world.secrets.delete(world.services.drafts.all()[0].value.secret_name)
    page = way.do(draft, "save")
    assert words.PROBLEMS["tokens_gone"] in page.words
    assert "Connected to the account" not in page.words
    assert needs(page) == ["a sign-in to Constant Contact"]


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
