"""What is asked of the API: the path, the page, the file; and how many pages are followed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ReadTimeoutError

from exporters.constant_contact import client
from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import (
    NoAnswer,
    QueueFull,
    QuotaExceeded,
    Refused,
    ServerError,
    SignInAgain,
    Throttled,
    Unreachable,
)
from exporters.constant_contact.limits import API, KEPT_FOR_FOLLOWING
from local.processes import free_ports
from shared.errors import Wait
from tests.exporters.constant_contact.answering import Service
from tests.exporters.world import World


def a_page(number: int, *, last: bool = False) -> dict[str, object]:
    link = {"next": {"href": f"/v3/activities?cursor={number + 1}"}}
    activity = {"activity_id": f"a{number}", "source_file_name": f"f{number}.csv"}
    return {"activities": [activity]} if last else {"activities": [activity], "_links": link}


def test_activities_are_asked_for_500_at_a_time(account: Account, service: Service) -> None:
    service.answers = [(200, a_page(0)), (200, a_page(1)), (200, a_page(2, last=True))]
    assert [one.activity_id for one in account.activities()] == ["a0", "a1", "a2"]
    assert service.paths == ["/v3/activities?limit=500", "/v3/activities?cursor=1", "/v3/activities?cursor=2"]
    assert account.requests == 3


def test_no_more_pages_are_followed_than_there_can_be(account: Account, service: Service) -> None:
    service.answers = [(200, a_page(number)) for number in range(200)]
    assert len(list(account.activities())) == client._MOST_PAGES == len(service.asked)


def test_no_further_page_is_asked_for_once_the_import_is_found(account: Account, service: Service) -> None:
    service.answers = [(200, a_page(number)) for number in range(9)]
    found = account.find_import("f1.csv")
    assert found is not None
    assert found.activity_id == "a1"
    assert len(service.asked) == 2


def test_an_import_that_is_not_listed_is_none(account: Account, service: Service) -> None:
    service.answers = [(200, a_page(0)), (200, a_page(1, last=True))]
    assert account.find_import("f7.csv") is None


def test_a_file_is_sent_with_its_name_and_its_list(world: World, account: Account, service: Service) -> None:
    service.answers = [(201, {"activity_id": "a0", "state": "initialized"})]
    send_by = world.clock.now() + timedelta(minutes=1)
    activity = account.import_file("the-list", "run-0001.csv", b"email\r\nana@example.com\r\n", send_by=send_by)
    (request,) = service.asked
    body = request.body
    assert isinstance(body, bytes)
    assert (activity.activity_id, activity.ended) == ("a0", False)
    assert (request.method, request.path_url) == ("POST", "/v3/activities/contacts_file_import")
    assert b'name="file"; filename="run-0001.csv"\r\nContent-Type: text/csv\r\n\r\nemail\r\nana@example.com' in body
    assert b'name="list_ids"\r\n\r\nthe-list\r\n' in body


def test_a_request_carries_the_token_and_goes_nowhere_else(world: World, account: Account, service: Service) -> None:
    given = world.give_tokens(world.connection)
    service.answers = [(200, {"list_id": "the-list", "name": "Customers"})]
    assert account.contact_list("the-list").name == "Customers"
    assert service.asked[0].headers["Authorization"] == f"Bearer {given['access_token']}"
    assert service.asked[0].headers["Accept"] == "application/json"
    assert service.paths == ["/v3/contact_lists/the-list"]
    assert service.sent_with[0]["allow_redirects"] is False
    assert service.sent_with[0]["timeout"] == world.settings.request_timeout_seconds


def test_one_activity_is_asked_for_by_its_id(account: Account, service: Service) -> None:
    service.answers = [(200, {"activity_id": "a7", "state": "completed", "percent_done": None})]
    activity = account.activity("a7")
    assert (activity.state, activity.ended, activity.percent_done) == ("completed", True, None)
    assert service.paths == ["/v3/activities/a7"]
    assert service.asked[0].method == "GET"


def test_a_refused_token_is_replaced(world: World, account: Account, service: Service) -> None:
    given = world.give_tokens(world.connection)
    service.answers = [(401, {}), (200, {"list_id": "the-list"})]
    account.contact_list("the-list")
    first, second = (request.headers["Authorization"] for request in service.asked)
    assert first == f"Bearer {given['access_token']}" != second
    assert account.requests == 2


def test_a_token_that_is_refused_again_and_again_asks_for_a_person(account: Account, service: Service) -> None:
    service.answers = [(401, {})]
    with pytest.raises(SignInAgain, match="even with a fresh token"):
        account.contact_list("the-list")
    assert len(service.asked) == 4


def test_a_quota_that_is_used_up_is_used_up_for_all(account: Account, service: Service) -> None:
    service.answers = [(429, {"error_key": "quota_exceeded"})]
    with pytest.raises(QuotaExceeded):
        account.contact_list("the-list")
    with pytest.raises(Wait, match="00:00 UTC"):
        account.contact_list("the-list")
    assert len(service.asked) == 1


def test_a_quota_that_was_used_up_is_tried_again_within_half_an_hour(
    world: World, account: Account, service: Service
) -> None:
    """The answer may have been that of the day before, or somebody else's day may begin later than ours."""
    refused = (429, {"error_key": "quota_exceeded"})
    service.answers = [refused, refused, refused, (200, {"list_id": "the-list"})]
    for _ in range(3):
        with pytest.raises(QuotaExceeded):
            account.contact_list("the-list")
        world.clock.advance(1801)
    assert account.contact_list("the-list").list_id == "the-list"


def test_what_is_kept_for_following_is_left_for_it(world: World, account: Account, service: Service) -> None:
    service.answers = [(200, {"list_id": "the-list", "activities": []})]
    table, key = account._limiter._table, account._limiter._key(API)
    account._limiter.take(API)
    stored = table.get(key)
    assert stored is not None
    spent = stored.value.model_copy(update={"calls": (API.a_day or 0) - KEPT_FOR_FOLLOWING})
    table.replace(key, spent, stored.etag)
    assert account.imports_left_today() == 0
    with pytest.raises(Wait, match="00:00 UTC"):
        account.contact_list("the-list")
    with pytest.raises(Wait, match="00:00 UTC"):
        account.import_file("the-list", "f.csv", b"", send_by=datetime.max.replace(tzinfo=UTC))
    assert list(account.activities()) == []


def test_a_request_that_was_held_up_is_not_sent(world: World, account: Account, service: Service) -> None:
    service.answers = [(201, {"activity_id": "a0"})]
    with pytest.raises(Wait, match="held up"):
        account.import_file("the-list", "f.csv", b"", send_by=world.clock.now() - timedelta(seconds=1))
    assert service.asked == []
    assert account.requests == 0


def import_a_file(account: Account) -> object:
    return account.import_file("the-list", "f.csv", b"", send_by=datetime.max.replace(tzinfo=UTC))


def test_a_request_takes_its_slot_when_nothing_else_is_left_to_do(
    account: Account, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noted(owner: object, name: str, what: str) -> None:
        call = getattr(owner, name)

        def do(*given: Any, **options: Any) -> Any:
            done.append(what)
            return call(*given, **options)

        monkeypatch.setattr(owner, name, do)

    noted(account._tokens, "access_token", "token")
    noted(account._gates, "service", "gate")
    noted(service, "prepare_request", "encode")
    noted(HTTPConnection, "connect", "connect")
    noted(account._limiter, "take", "slot")
    noted(service, "send", "send")
    service.answers = [(200, {"list_id": "the-list"})]
    account.contact_list("the-list")
    assert done == ["token", "gate", "encode", "connect", "slot", "send"]


def test_a_service_that_cannot_be_reached_costs_no_call_of_the_day(account: Account, service: Service) -> None:
    (port,) = free_ports(1)
    away = account._settings.model_copy(update={"constant_contact_api_url": f"http://127.0.0.1:{port}/v3"})
    account._settings = away
    left = account.imports_left_today()
    with pytest.raises(Unreachable, match=str(port)):
        account.contact_list("the-list")
    assert account.imports_left_today() == left
    assert (service.asked, account.requests) == ([], 0)


def test_a_pause_that_constant_contact_asks_of_one_is_kept_by_all(
    world: World, account: Account, service: Service
) -> None:
    service.answers, service.answer_headers = [(429, {"error_key": "throttled"})], {"Retry-After": "90"}
    with pytest.raises(Throttled):
        account.contact_list("the-list")
    for instance in (account, world.services.account(world.connection)):
        with pytest.raises(Wait, match="free slot") as wait:
            instance.contact_list("the-list")
        assert 85 < wait.value.seconds <= 91
    assert len(service.asked) == 1


def test_a_pause_without_end_is_an_hour_for_all(account: Account, service: Service) -> None:
    service.answers, service.answer_headers = [(429, {"error_key": "throttled"})], {"Retry-After": "9" * 20}
    with pytest.raises(Throttled):
        account.contact_list("the-list")
    with pytest.raises(Wait) as wait:
        account.contact_list("the-list")
    assert wait.value.seconds <= 3601


def test_a_full_queue_is_only_met_by_an_import(account: Account, service: Service) -> None:
    service.answers = [(429, {})]
    with pytest.raises(QueueFull):
        import_a_file(account)
    with pytest.raises(Throttled):
        account.contact_list("the-list")


def test_a_full_queue_keeps_imports_away_and_nothing_else(account: Account, service: Service) -> None:
    service.answers = [(429, {}), (200, {"list_id": "the-list"})]
    with pytest.raises(QueueFull):
        import_a_file(account)
    with pytest.raises(Wait, match="1,000 activities"):
        import_a_file(account)
    account.contact_list("the-list")
    assert len(service.asked) == 2


@pytest.mark.parametrize("status", [500, 503])
def test_three_server_errors_in_a_row_keep_everybody_away(account: Account, service: Service, status: int) -> None:
    service.answers = [(status, {})]
    for _ in range(3):
        with pytest.raises(ServerError):
            account.contact_list("the-list")
    with pytest.raises(Wait):
        account.contact_list("the-list")
    assert len(service.asked) == 3


@pytest.mark.parametrize("status", [400, 404, 499])
def test_a_refusal_keeps_nobody_away(account: Account, service: Service, status: int) -> None:
    service.answers = [(status, {"message": "no"})]
    for _ in range(5):
        with pytest.raises(Refused, match="no") as error:
            account.contact_list("the-list")
        assert error.value.status == status
    assert len(service.asked) == 5


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_success_is_a_success(account: Account, service: Service, status: int) -> None:
    service.answers = [(status, {"list_id": "the-list"})]
    assert account.contact_list("the-list").list_id == "the-list"


def raising(error: Exception) -> object:
    def raises(*_: object, **__: object) -> None:
        raise error

    return raises


def never_connected(cause: Exception) -> requests.ConnectionError:
    return requests.ConnectionError(MaxRetryError(HTTPConnectionPool("127.0.0.1"), "/", cause))


CONNECTION = HTTPConnection("127.0.0.1")


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectTimeout("too long"),
        never_connected(NewConnectionError(CONNECTION, "refused")),
        never_connected(ConnectTimeoutError(CONNECTION, "too long")),
    ],
)
def test_where_no_connection_was_made_nothing_was_sent(
    account: Account, service: Service, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(service, "send", raising(error))
    with pytest.raises(Unreachable, match=r"at 127\.0\.0\.1:"):
        account.contact_list("the-list")
    assert account.requests == 1


@pytest.mark.parametrize(
    "error",
    [
        requests.ReadTimeout("too long"),
        requests.ConnectionError("reset by peer"),
        requests.ConnectionError(),
        never_connected(ReadTimeoutError(HTTPConnectionPool("127.0.0.1"), "/", "too long")),
        requests.exceptions.ChunkedEncodingError("broke off"),
    ],
)
def test_where_a_connection_was_made_nobody_knows_what_was_processed(
    account: Account, service: Service, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(service, "send", raising(error))
    with pytest.raises(NoAnswer, match="did not answer"):
        account.contact_list("the-list")


def test_an_answer_is_read_for_as_long_as_a_request_may_take(
    world: World, account: Account, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    until: list[float] = []
    monkeypatch.setattr(client, "read_body", lambda _, by: until.append(by))
    service.answers = [(200, {"list_id": "the-list"})]
    before = time.monotonic()
    account.contact_list("the-list")
    assert before + world.settings.request_timeout_seconds <= until[0]
    assert until[0] <= time.monotonic() + world.settings.request_timeout_seconds
    assert service.sent_with[0]["stream"] is True
    assert service.asked[0].headers["Accept-Encoding"] == "gzip"


def test_a_refusal_that_spoils_the_whole_day_is_told_from_one_that_passes(account: Account, service: Service) -> None:
    service.answers = [(429, {"error_key": "throttled"}), (200, {"list_id": "the-list"})]
    with pytest.raises(Throttled):
        account.contact_list("the-list")
    account.contact_list("the-list")
    assert account.imports_left_today() > 0
