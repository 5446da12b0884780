"""What holds for every page: its language, its HTML, who sees which of them, and what errors look like."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from admin.pages.languages import CODES
from admin.pages.static_files import static_address, static_files
from tests.admin.asking import NO_ROLE, SIGNED_OUT, Who, pages_as
from tests.admin.pages.reading import Page, words_of
from tests.exporters.world import World

PAGES = (
    "/connections",
    "/connections?selected={id}",
    "/connections?search=shop&sort=created&order=descending",
    "/connections?search=nothing+like+it",
    "/connections/add",
    "/connections/{id}",
    "/connections/{id}/remove",
    "/audit",
    "/help",
    "/nothing",
)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("address", PAGES)
def test_every_page_is_sound_html_without_inline_script_or_style_in_each_language(
    world: World, ada: TestClient, address: str, code: str
) -> None:
    ada.headers["Accept-Language"] = code
    page = Page(ada.get(address.replace("{id}", world.connection.id)))
    assert page.faults == []
    assert page.one("html").attributes["lang"] == code
    assert page.answer.headers["content-language"] == code
    assert "Cookie" in page.answer.headers["vary"]
    assert page.one("title").text.strip(" –")


def links(page: Page) -> list[str]:
    """What the navigation beside the page and the menu of a phone lead to: both the same."""
    beside, menu = (
        [words_of(one) for one in page.all("a") if any(nav in one.around for nav in found)]
        for found in (page.all("nav", class_name="side"), page.all("nav", class_name="menu-list start"))
    )
    assert beside == menu
    return beside


@pytest.mark.parametrize(
    ("who", "pages"),
    [
        ("Administrator", ["Home", "Connections", "Exports", "Runs", "Audit", "Help"]),
        ("Contributor", ["Home", "Connections", "Exports", "Runs", "Help"]),
        ("Viewer", ["Home", "Exports", "Runs", "Help"]),
        (NO_ROLE, []),
        (SIGNED_OUT, []),
    ],
)
def test_the_navigation_has_only_what_the_person_may_open(world: World, who: Who, pages: list[str]) -> None:
    with pages_as(world, who) as browser:
        assert links(Page(browser.get("/help"))) == pages


def test_the_navigation_marks_the_page_that_is_open(world: World, ada: TestClient) -> None:
    for address in ("/connections", f"/connections/{world.connection.id}"):
        marked = [one for one in Page(ada.get(address)).all("a") if one.attributes.get("aria-current") == "page"]
        assert {words_of(one) for one in marked} == {"Connections"}


def test_the_runs_of_an_export_are_marked_among_the_runs(world: World, ada: TestClient) -> None:
    world.write_snapshot("Members", ["a@example.com,A"])
    run = world.run_to_end(world.add_export("Members", name="Spring"))
    of_export = f"/exports/{run.export_id}"
    for address, area in (
        (of_export, "Exports"),
        (f"{of_export}/schedule", "Exports"),
        (f"{of_export}/runs", "Runs"),
        (f"{of_export}/runs/{run.run_id}", "Runs"),
    ):
        marked = [one for one in Page(ada.get(address)).all("a") if one.attributes.get("aria-current") == "page"]
        assert {words_of(one) for one in marked} == {area}, address


def test_the_help_page_has_what_other_pages_lead_to(carlo: TestClient) -> None:
    wanted = Page(carlo.get("/connections")).one("a", href="/help#connections")
    assert words_of(wanted) == "Learn more"
    page = Page(carlo.get("/help"))
    inner = [one.attributes["href"][1:] for one in page.all("a") if one.attributes["href"].startswith("#")]
    assert {"connections", "exports", "runs"} < set(inner)
    assert set(inner) - {"content"} <= {one.attributes.get("id") for one in page.all("h2")}


def test_the_frame_names_the_environment_and_who_is_signed_in(world: World, ada: TestClient) -> None:
    words = Page(ada.get("/audit")).words
    assert urlsplit(world.settings.site_address).netloc in words
    assert "Ada Administrator" in words
    assert "Sign out" in words


# --- Languages --------------------------------------------------------------------------------------------------------


def test_a_language_that_is_chosen_stays(ada: TestClient) -> None:
    answer = ada.post("/language", data={"lang": "ro", "back": "/audit?month=2026-01"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit?month=2026-01")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Conexiuni" in Page(ada.get("/connections")).words


def test_a_change_of_language_leads_back_to_the_page_it_was_made_on(ada: TestClient) -> None:
    page = Page(ada.get("/audit?month=2026-01"))
    assert page.one("input", name="back").attributes["value"] == "/audit?month=2026-01"


@pytest.mark.parametrize("back", ["https://example.com/", "//example.com", "/\\example.com", "javascript:alert(1)", ""])
def test_a_change_of_language_never_leads_to_another_site(ada: TestClient, back: str) -> None:
    assert ada.post("/language", data={"lang": "it", "back": back}).headers["location"] == "/"


def test_a_language_that_is_not_there_is_not_remembered(ada: TestClient) -> None:
    assert "set-cookie" not in ada.post("/language", data={"lang": "xx", "back": "/"}).headers


# --- Who is not let in ------------------------------------------------------------------------------------------------


def test_who_is_signed_out_is_led_to_the_sign_in_and_back(world: World) -> None:
    with pages_as(world, SIGNED_OUT) as browser:
        answer = browser.get("/audit?month=2026-01")
    page = Page(answer)
    (link,) = [one.attributes["href"] for one in page.all("a") if one.attributes["href"].startswith("/.auth/login/aad")]
    assert answer.status_code == 401
    assert parse_qs(urlsplit(link).query) == {"post_login_redirect_uri": ["/audit?month=2026-01"]}
    assert page.faults == []


def test_who_posts_a_form_signed_out_comes_back_to_the_start(world: World) -> None:
    """The address of a form may have no page of its own, and what was typed is lost."""
    with pages_as(world, SIGNED_OUT) as browser:
        page = Page(browser.post("/connections/none/detach"))
    (link,) = [one.attributes["href"] for one in page.all("a") if one.attributes["href"].startswith("/.auth/login/aad")]
    assert parse_qs(urlsplit(link).query) == {"post_login_redirect_uri": ["/"]}
    assert page.one("input", name="back").attributes["value"] == "/"


@pytest.mark.parametrize(
    ("who", "address", "said"),
    [
        (NO_ROLE, "/connections", "You have no role here yet"),
        ("Viewer", "/connections", "This page needs the role “Contributor”."),
        ("Contributor", "/audit", "This page needs the role “Administrator”."),
    ],
)
def test_who_may_not_see_a_page_reads_what_to_ask_for(world: World, who: Who, address: str, said: str) -> None:
    with pages_as(world, who) as browser:
        answer = browser.get(address)
    page = Page(answer)
    assert answer.status_code == 403
    assert said in page.words
    assert "Microsoft Entra ID" in page.words
    assert page.faults == []


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("GET", "/connections/none", 404),
        ("GET", "/connections/none/remove", 404),
        ("POST", "/connections/none", 404),
        ("POST", "/connections/none/detach", 404),
        ("GET", "/connections/drafts/none", 404),
        ("GET", "/connections/a%2F..%23?b", 404),
        ("GET", "/static/../languages.py", 404),
        ("GET", "/static/none.css", 404),
        ("DELETE", "/connections", 405),
        ("GET", "/connections?sort=colour", 400),
        ("GET", f"/connections?selected={'x' * 65}", 400),
        ("GET", f"/connections?search={'x' * 101}", 400),
    ],
)
def test_an_error_is_a_page_in_the_reader_s_language(ada: TestClient, method: str, address: str, status: int) -> None:
    ada.headers["Accept-Language"] = "it"
    form = {"display_name": "Shop", "sharing": "administrators"} if method == "POST" else None
    answer = ada.request(method, address, data=form)
    assert answer.status_code == status
    page = Page(answer)
    assert page.faults == []
    assert page.one("html").attributes["lang"] == "it"


@pytest.mark.parametrize("kind", [None, "text/plain", "application/json"])
def test_a_post_that_is_no_form_is_refused_instead_of_read_as_an_empty_one(
    world: World, ada: TestClient, kind: str | None
) -> None:
    sent = {"Content-Type": kind} if kind else {}
    answer = ada.post(f"/connections/{world.connection.id}", content=b"display_name=Newsletter", headers=sent)
    page = Page(answer)
    assert answer.status_code == 415
    assert "This form cannot be read" in page.words
    assert page.faults == []


# --- Files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_kept_for_good_under_the_address_that_names_its_content(ada: TestClient) -> None:
    for name in static_files():
        answer = ada.get(static_address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_under_any_other_address_a_file_is_not_kept(ada: TestClient) -> None:
    assert ada.get("/static/style.css?v=0").headers["cache-control"] == "no-cache"


def test_a_page_is_never_kept(ada: TestClient) -> None:
    assert ada.get("/connections").headers["cache-control"] == "no-store"


def test_the_icon_is_found_where_browsers_look_for_it(world: World) -> None:
    with pages_as(world, SIGNED_OUT) as browser:
        answer = browser.get("/favicon.ico")
        assert answer.status_code == 302
        icon = browser.get(answer.headers["location"])
    assert icon.headers["content-type"].startswith("image/svg+xml")
