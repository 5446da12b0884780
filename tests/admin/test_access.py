"""Who may do what: every route of the pages and of the API, and everybody who may ask for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from admin import connecting
from admin.access import local_path
from admin.site import make_api, make_pages
from local.constant_contact.state import LOCAL_LIST_ID
from shared.models import Connection, ConstantContactAccount, Schedule
from shared.people import PRINCIPAL_HEADER, person_of
from tests.admin.asking import EVERYBODY, SIGNED_OUT, Who, api_as, pages_as, principal
from tests.admin.exporting import given, share
from tests.exporters.world import World
from tests.fuzz.asking_the_site import SERVICES

FORM = {"display_name": "Shop", "sharing": "administrators", "consent": "yes"}

# What is answered to whom. Signing in comes first (401), then the role (403); in the last columns it is done. The
# connection and the export are shared with contributors.
PAGES = """
                                                                signed out  no role  Viewer  Contributor  Administrator
GET    /                                                               401      403     200          200            200
GET    /connections                                                    401      403     403          200            200
GET    /connections/add                                                401      403     403          403            200
POST   /connections/add                                                401      403     403          403            303
GET    /connections/callback                                           401      403     403          403            303
GET    /connections/drafts/{draft_id}                                  401      403     403          403            200
POST   /connections/drafts/{draft_id}                                  401      403     403          403            303
GET    /connections/{connection_id}                                    401      403     403          403            200
POST   /connections/{connection_id}                                    401      403     403          403            303
POST   /connections/{connection_id}/sign-in                            401      403     403          403            303
GET    /connections/{connection_id}/remove                             401      403     403          403            200
POST   /connections/{connection_id}/remove                             401      403     403          403            303
POST   /connections/{connection_id}/detach                             401      403     403          403            303
POST   /connections/{connection_id}/remove-exports                     401      403     403          403            303
GET    /exports                                                        401      403     200          200            200
GET    /exports/add                                                    401      403     403          200            200
POST   /exports/add                                                    401      403     403          303            303
GET    /exports/run-all                                                401      403     403          200            200
POST   /exports/run-all                                                401      403     403          200            200
GET    /exports/{export_id}                                            401      403     200          200            200
POST   /exports/{export_id}                                            401      403     403          303            303
GET    /exports/{export_id}/duplicate                                  401      403     403          200            200
GET    /exports/{export_id}/schedule                                   401      403     403          200            200
POST   /exports/{export_id}/schedule                                   401      403     403          303            303
POST   /exports/{export_id}/run                                        401      403     403          303            303
GET    /exports/{export_id}/detach                                     401      403     403          200            200
POST   /exports/{export_id}/detach                                     401      403     403          303            303
GET    /exports/{export_id}/remove                                     401      403     403          200            200
POST   /exports/{export_id}/remove                                     401      403     403          303            404
GET    /exports/{export_id}/runs                                       401      403     200          200            200
GET    /exports/{export_id}/runs/{run_id}                              401      403     200          200            200
GET    /exports/{export_id}/runs/{run_id}/live                         401      403     200          200            200
GET    /exports/{export_id}/runs/{run_id}/rejected.csv                 401      403     200          200            200
POST   /exports/{export_id}/runs/{run_id}/cancel                       401      403     403          303            409
GET    /runs                                                           401      403     200          200            200
GET    /audit                                                          401      403     403          403            200
GET    /help                                                           401      403     200          200            200
POST   /language                                                       303      303     303          303            303
GET    /favicon.ico                                                   302      302     302          302            302
GET    /static/{name}                                                  200      200     200          200            200
"""
# The host lets nobody through without a function key, whose holder may do everything. Whoever is signed in besides may
# do what they may do on the pages.
API = """
                                                                signed out  no role  Viewer  Contributor  Administrator
GET    /api/connections                                                200      403     403          200            200
POST   /api/connections                                                201      403     403          403            201
GET    /api/connections/{connection_id}                                200      403     403          403            200
PATCH  /api/connections/{connection_id}                                200      403     403          403            200
DELETE /api/connections/{connection_id}                                204      403     403          403            404
POST   /api/connections/{connection_id}/detach                         200      403     403          403            200
POST   /api/connections/{connection_id}/remove-exports                 200      403     403          403            200
GET    /api/connections/{connection_id}/lists                          200      403     403          200            200
POST   /api/connections/{connection_id}/lists                          201      403     403          409            409
GET    /api/connections/{connection_id}/custom-fields                  200      403     403          200            200
GET    /api/segments                                                   200      403     403          200            200
POST   /api/previews                                                   200      403     403          200            200
POST   /api/suggestions                                                200      403     403          200            200
GET    /api/exports                                                    200      403     200          200            200
POST   /api/exports                                                    201      403     403          201            201
POST   /api/exports/run-all                                            202      403     403          202            202
GET    /api/exports/{export_id}                                        200      403     200          200            200
PATCH  /api/exports/{export_id}                                        200      403     403          200            200
DELETE /api/exports/{export_id}                                        204      403     403          404            404
PUT    /api/exports/{export_id}/schedule                               200      403     403          200            200
POST   /api/exports/{export_id}/duplicate                              201      403     403          201            201
POST   /api/exports/{export_id}/detach                                 200      403     403          200            200
GET    /api/exports/{export_id}/runs                                   200      403     200          200            200
POST   /api/exports/{export_id}/runs                                   202      403     403          409            409
GET    /api/exports/{export_id}/runs/{run_id}                          200      403     200          200            200
POST   /api/exports/{export_id}/runs/{run_id}/cancel                   202      403     403          409            409
GET    /api/exports/{export_id}/runs/{run_id}/rejected-rows            200      403     200          200            200
GET    /api/exports/{export_id}/runs/{run_id}/rejected-rows.csv        200      403     200          200            200
GET    /api/runs                                                       200      403     200          200            200
GET    /api/home                                                       200      403     200          200            200
GET    /api/audit                                                      200      403     403          403            200
GET    /api/openapi.json                                               200      403     200          200            200
"""


def rows(table: str) -> dict[tuple[str, str], list[int]]:
    """Method and path → the status for each of EVERYBODY."""
    heading, *lines = table.strip("\n").splitlines()
    assert heading.split("  ")[-1].strip() == EVERYBODY[-1]
    found = {}
    for line in lines:
        method, path, *statuses = line.split()
        found[method, path] = [int(status) for status in statuses]
    return found


def routes(app: FastAPI) -> set[tuple[str, str]]:
    return {(method, str(one.path)) for one in iter_route_contexts(app.routes) for method in one.methods or ()}


@pytest.mark.parametrize(("make", "table"), [(make_pages, PAGES), (make_api, API)], ids=["pages", "api"])
def test_the_table_has_every_route_that_there_is(make: Callable[..., FastAPI], table: str) -> None:
    assert set(rows(table)) == routes(make(lambda: SERVICES, SERVICES.settings))


class Things:
    """A connection, a draft of the administrator's, two exports and a run, for the addresses of the routes."""

    def __init__(self, world: World) -> None:
        self._world = world
        ada = person_of(Headers(principal("Administrator")), trusted=True)
        assert ada
        draft = connecting.begin(world.services, ada, display_name="Shop", sharing="administrators", consent=True)
        self._state = draft.state
        share(world)
        export = world.add_export("Loyal", connection_id=share(world, world.add_connection()).id)
        # The connection itself is used by none, so that it can be removed; nor can an export while it runs.
        running = world.add_export("Loyal", connection_id=export.connection_id, schedule=Schedule(active=False))
        self._run = {"{export_id}": running.id, "{run_id}": world.start(running).run_id}
        self._names = {
            "{connection_id}": world.connection.id,
            "{draft_id}": draft.draft_id,
            "{export_id}": export.id,
            "{name}": "style.css",
        }

    def ask(self, client: TestClient, method: str, path: str) -> int:
        """The status of a request that changes or shows something, if it is let through."""
        for name, value in (self._run if "{run_id}" in path else self._names).items():
            path = path.replace(name, value)
        if path == "/connections/callback":
            client.cookies.set(f"__Host-sign-in-{self._names['{draft_id}']}", self._state)
            return client.get(path, params={"state": self._state, "error": "access_denied"}).status_code
        if not path.startswith("/api/"):
            form = self._form(path) if method == "POST" else None
            return client.request(method, path, data=form).status_code
        if_match = {"If-Match": "*"} if method in ("PATCH", "DELETE", "PUT") else {}
        return client.request(method, path, json=self._body(method, path), headers=if_match).status_code

    def state(self) -> object:
        """All that a request could change."""
        known = self._world.services
        return (
            known.connections.all(),
            known.exports.all(),
            [known.runs.newest(one.id, 10) for one in known.exports.all()],
            self._world.told(),
            self._world.secrets.get(self._world.connection.secret_name),
        )

    def _form(self, path: str) -> dict[str, str]:
        if "/drafts/" in path:
            return {"do": "cancel"}
        if path.endswith("/schedule"):
            return {"do": "save", "active": "yes", "recurrence": "daily", "times": "06:00", "time_zone": "UTC"}
        if path.startswith("/exports/"):
            matching = {"attribute": "email", "source": "EMail"}
            connection = {"connection": self._names["{connection_id}"], "list_id": LOCAL_LIST_ID}
            return {"do": "save", "name": "News", "segments": "Loyal", **connection, **matching}
        return FORM

    def _body(self, method: str, path: str) -> Mapping[str, object] | None:
        bodies: dict[tuple[str, str], Mapping[str, object]] = {
            ("PATCH", "connections"): {"display_name": "Another"},
            ("PATCH", "exports"): {"name": "Another"},
            ("PUT", "exports"): {"active": False},
            ("POST", "/api/connections"): {"display_name": "Shop"},
            ("POST", "/api/exports"): given(self._world),
            ("POST", "/api/previews"): {"segments": ["Loyal"], "mapping": {"email": "EMail"}},
            ("POST", "/api/suggestions"): {"segments": ["Loyal"]},
        }
        if path.endswith("/lists"):
            return {"name": "News"} if method == "POST" else None
        if path.endswith(("/detach", "/remove-exports")):
            return {"export_ids": []} if "/connections/" in path else None
        if path.startswith("/api/connections/") and method == "POST":
            return {"export_ids": []}
        return bodies.get((method, path)) or bodies.get((method, path.split("/")[2]))


def answers(world: World, method: str, path: str, ask_as: Callable[[World, Who], TestClient]) -> list[int]:
    """The statuses for EVERYBODY, in this order; whoever is refused must have changed nothing."""
    things = Things(world)
    found = []
    for who in EVERYBODY:
        before = things.state()
        status = things.ask(ask_as(world, who), method, path)
        assert status not in (401, 403) or things.state() == before, f"{who} was refused and changed something"
        found.append(status)
    return found


@pytest.mark.parametrize(("method", "path"), rows(PAGES))
def test_a_page_is_for_those_whose_role_allows_it(method: str, path: str, world: World) -> None:
    assert answers(world, method, path, pages_as) == rows(PAGES)[method, path]


@pytest.mark.parametrize(("method", "path"), rows(API))
def test_the_api_is_for_function_keys_and_for_those_whose_role_allows_it(method: str, path: str, world: World) -> None:
    assert answers(world, method, path, api_as) == rows(API)[method, path]


def test_headers_that_the_platform_does_not_vouch_for_open_no_page(world: World) -> None:
    things = Things(world)
    client = pages_as(world, "Administrator", trusted=False)
    forged = {row: things.ask(client, *row) for row in rows(PAGES)}

    assert forged == {row: statuses[EVERYBODY.index(SIGNED_OUT)] for row, statuses in rows(PAGES).items()}


def test_headers_that_the_platform_does_not_vouch_for_name_nobody_in_the_api(world: World) -> None:
    api_as(world, "Administrator", trusted=False).post("/api/connections", json={"display_name": "Shop"})

    (entry,) = world.told()
    assert entry.by == "function key"


def test_contributors_see_of_a_shared_connection_its_name_and_type_and_of_others_nothing(world: World) -> None:
    known = world.services.connections
    shared = {"sharing": "administrators_and_contributors", "display_name": "Ours", "created_by": "Zoe"}
    known.change(world.connection.id, lambda one: one.model_copy(update=shared))
    other = world.add_connection()
    known.change(other.id, lambda one: one.model_copy(update={"display_name": "Theirs"}))

    page = pages_as(world, "Contributor").get("/connections").text

    assert "Ours" in page
    assert "Constant Contact" in page
    for hidden in ("Theirs", "Zoe", world.connection.id, other.id, "/connections/add"):
        assert hidden not in page


FROM_ELSEWHERE = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
    {"Origin": "https://localhost.evil.example", "Sec-Fetch-Site": ""},
    {"Origin": "https://evil.example", "Host": "localhost"},
    {"Origin": "http://localhost"},
    {"Origin": "https://localhost:8443", "Sec-Fetch-Site": "same-site"},
    {"Origin": "null", "Sec-Fetch-Site": ""},
    {"Origin": "", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "", "Sec-Fetch-Site": "same-site"},
    {"Origin": "", "Sec-Fetch-Site": "none"},
    {"Origin": "", "Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("sent", FROM_ELSEWHERE, ids=str)
def test_a_form_that_another_site_sent_does_nothing(sent: dict[str, str], world: World) -> None:
    client = pages_as(world, "Administrator")
    for name, value in sent.items():
        if value:
            client.headers[name] = value
        else:
            del client.headers[name]
    things = Things(world)
    before = things.state()

    posts = [row for row in rows(PAGES) if row[0] == "POST"]
    assert {things.ask(client, *row) for row in posts} == {403}
    assert things.state() == before


@pytest.mark.parametrize("missing", ["Origin", "Sec-Fetch-Site"])
def test_a_browser_that_says_only_one_of_the_two_is_believed(missing: str, world: World) -> None:
    client = pages_as(world, "Administrator")
    del client.headers[missing]

    assert Things(world).ask(client, "POST", "/connections/{connection_id}") == 303


def test_a_page_opened_at_another_address_of_the_same_site_may_send_its_forms_there(world: World) -> None:
    there = {"Host": "app.example", "Origin": "https://app.example"}

    client = pages_as(world, "Administrator", headers=there)

    assert Things(world).ask(client, "POST", "/connections/{connection_id}") == 303


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "\\evil",
    "javascript:1",
    "evil",
    "",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_choosing_a_language_never_leads_to_another_site(address: str, world: World) -> None:
    answer = pages_as(world, SIGNED_OUT).post("/language", data={"lang": "it", "back": address})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("address", [*ELSEWHERE, "/" + "a" * 2000, "/a b", "/a\r\nb", "/\x00", None])
def test_only_a_path_of_this_site_is_one(address: str | None) -> None:
    assert local_path(address, "/home") == "/home"


@pytest.mark.parametrize("path", ["/", "/connections?sort=name&order=descending", "/a/b#c", "/caf%C3%A9"])
def test_a_path_of_this_site_is_taken_as_it_is(path: str) -> None:
    assert local_path(path, "/home") == path


@pytest.mark.parametrize("path", ["/connections", "/nothing", "/static/style.css", "/audit?month=13"])
def test_every_answer_says_what_browsers_may_do_with_it(path: str, world: World) -> None:
    answer = pages_as(world, "Administrator").get(path)

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    if not path.startswith("/static/"):
        assert answer.headers["cache-control"] == "no-store"


def test_an_answer_of_the_api_is_kept_by_nobody(world: World) -> None:
    answer = api_as(world, SIGNED_OUT).get("/api/connections")

    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")


@pytest.mark.parametrize("given", ["A" * 70_000, "no base64!", ""], ids=["too long", "unreadable", "empty"])
def test_somebody_who_cannot_be_told_is_not_the_holder_of_the_key_alone(world: World, given: str) -> None:
    program = api_as(world, "Viewer")
    program.headers[PRINCIPAL_HEADER] = given
    assert program.get("/api/connections").status_code == 401


def test_the_order_of_a_list_tells_a_contributor_nothing_of_what_is_not_shown(world: World) -> None:
    for name, account in (("Autumn", "Zulu"), ("Winter", "Alpha")):
        shown = {"display_name": name, "sharing": "administrators_and_contributors"}
        hidden = {"account": ConstantContactAccount(id=name, name=account)}
        made = world.add_connection()
        world.services.connections.change(made.id, functools.partial(Connection.model_copy, update=shown | hidden))
    for who, first in (("Contributor", "Autumn"), ("Administrator", "Winter")):
        page = pages_as(world, who).get("/connections?sort=account").text
        names = sorted(("Autumn", "Winter"), key=page.index)
        assert names[0] == first, who


@pytest.mark.parametrize("who", [SIGNED_OUT, "Administrator"])
def test_the_code_of_a_sign_in_is_in_no_link_of_the_page_that_refuses_it(world: World, who: Who) -> None:
    page = pages_as(world, who).get("/connections/callback?code=made-up-code&state=made.up")
    assert page.status_code in (401, 422)
    assert "made-up-code" not in page.text
