"""Lists and custom fields: all pages, with their members, and a list that is made once whatever is answered."""

from __future__ import annotations

import pytest
import requests

from exporters.constant_contact import client
from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import NoAnswer, Refused, Unclear, Unreadable
from exporters.constant_contact.limits import API, KEPT_FOR_FOLLOWING
from shared.errors import Wait
from tests.exporters.constant_contact.answering import Service
from tests.exporters.world import World


def real(world: World) -> Account:
    return world.services.account(world.connection)


def names_at_constant_contact(world: World) -> list[str]:
    with world.simulator.state.lock:
        return [one.name for one in world.simulator.state.accounts["a07e1local"].lists.values()]


def test_every_list_comes_with_its_members_in_two_requests(world: World) -> None:
    body = {"name": "List", "count": 999}
    requests.post(f"{world.simulator.url}/_simulator/lists", json=body, timeout=30).raise_for_status()
    contact = {"email": "ana@example.com", "list_ids": [world.add_export("Loyal").list_id]}
    contacts = {"contacts": [contact]}
    requests.post(f"{world.simulator.url}/_simulator/contacts", json=contacts, timeout=30).raise_for_status()
    asking = real(world)
    found = asking.contact_lists()
    assert len(found) == 1000
    assert {one.name: one.membership_count for one in found}["Newsletter"] == 1
    assert {one.name: one.membership_count for one in found}["List 7"] == 0
    assert asking.requests == 2


def test_lists_are_asked_for_with_those_who_can_get_mail(account: Account, service: Service) -> None:
    service.answers = [(200, {"lists": []})]
    assert account.contact_lists() == []
    assert service.paths == ["/v3/contact_lists?limit=500&include_membership_count=active&status=active"]


def test_custom_fields_come_100_at_a_time(account: Account, service: Service) -> None:
    link = {"_links": {"next": {"href": "/v3/contact_custom_fields?cursor=2"}}}
    level = {"name": "Member_level", "label": "Member level", "type": "string"}
    service.answers = [(200, {"custom_fields": [level], **link}), (200, {"custom_fields": [{"name": "x"}, {"n": 1}]})]
    found = account.custom_fields()
    assert [(one.name, one.label, one.type) for one in found] == [
        ("Member_level", "Member level", "string"),
        ("x",) + ("",) * 2,
    ]
    assert service.paths == ["/v3/contact_custom_fields?limit=100", "/v3/contact_custom_fields?cursor=2"]


def test_a_name_comes_on_one_line_and_what_is_no_list_is_left_out(account: Account, service: Service) -> None:
    odd = [
        {"list_id": "a-1", "name": " Cu\nsto\x07mers " + "x" * 300},
        {"list_id": "../x", "name": "n"},
        7,
        {"name": "n"},
    ]
    service.answers = [(200, {"lists": odd})]
    (found,) = account.contact_lists()
    assert found.name.startswith("Cu sto mers xxx")
    assert len(found.name) == 255


def test_a_page_that_is_none_is_not_an_account_without_lists(account: Account, service: Service) -> None:
    service.answers = [(200, {"list": []})]
    with pytest.raises(Unreadable):
        account.contact_lists()


def test_a_link_that_leads_elsewhere_is_not_followed(account: Account, service: Service) -> None:
    service.answers = [(200, {"lists": [], "_links": {"next": {"href": "/v3/activities?cursor=2"}}})]
    with pytest.raises(Unreadable, match="more lists"):
        account.contact_lists()
    assert len(service.asked) == 1


def test_the_last_calls_of_a_day_are_not_for_a_form(account: Account, service: Service) -> None:
    service.answers = [(200, {"lists": [], "custom_fields": [], "activities": []})]
    table, key = account._limiter._table, account._limiter._key(API)
    account._limiter.take(API)
    stored = table.get(key)
    assert stored is not None
    spent = stored.value.model_copy(update={"calls": (API.a_day or 0) - KEPT_FOR_FOLLOWING})
    table.replace(key, spent, stored.etag)
    for ask in (account.contact_lists, account.custom_fields, lambda: account.create_list("New")):
        with pytest.raises(Wait, match="00:00 UTC"):
            ask()
    assert service.asked == []
    assert list(account.activities()) == []


def test_a_form_does_not_wait_as_long_as_an_upload(
    account: Account, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_FORM_SECONDS", 3)
    service.answers = [(200, {"lists": [], "list_id": "the-list"})]
    account.contact_lists()
    account.contact_list("the-list")
    assert [sent["timeout"] for sent in service.sent_with] == [3, 10]


def test_a_list_is_made_and_known_by_its_id(world: World) -> None:
    made = real(world).create_list("Loyal & friends – 2026")
    assert made.list_id in {one.list_id for one in real(world).contact_lists()}
    assert names_at_constant_contact(world) == ["Newsletter", "Loyal & friends – 2026"]


@pytest.mark.parametrize("fault", ["cut-after", "answer-lost"])
def test_a_list_whose_answer_is_lost_is_found_and_not_made_again(world: World, fault: str) -> None:
    world.fault(fault, times=1, path="/contact_lists")
    made = real(world).create_list("Loyal & friends")
    assert names_at_constant_contact(world) == ["Newsletter", "Loyal & friends"]
    assert made.list_id == real(world).contact_lists()[1].list_id


@pytest.mark.parametrize("fault", ["cut-before", "server-error"])
def test_a_list_that_was_not_made_is_not_made_behind_the_back_of_who_asked(world: World, fault: str) -> None:
    world.fault(fault, times=1, path="/contact_lists")
    with pytest.raises(Unclear):
        real(world).create_list("Loyal")
    assert names_at_constant_contact(world) == ["Newsletter"]


def test_a_list_whose_answer_makes_no_sense_is_looked_for(account: Account, service: Service) -> None:
    found = {"lists": [{"list_id": "other", "name": "Loyals"}, {"list_id": "made", "name": "loyal"}]}
    service.answers = [(201, {"id": 7}), (200, found)]
    assert account.create_list("Loyal").list_id == "made"
    assert [request.method for request in service.asked] == ["POST", "GET"]
    assert service.paths[1] == "/v3/contact_lists?limit=500&status=active&name=Loyal"


def test_a_name_that_is_taken_is_refused(world: World) -> None:
    with pytest.raises(Refused) as caught:
        real(world).create_list("newsletter")
    assert caught.value.status == 409


def test_an_account_that_does_not_answer_twice_says_so(world: World) -> None:
    world.fault("cut-before", times=2, path="/contact_lists")
    with pytest.raises(NoAnswer):
        real(world).create_list("Loyal")
