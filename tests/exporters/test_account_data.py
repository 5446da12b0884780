"""What a form shows of an account: quick, no older than a minute, and clear when it cannot be asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from exporters import account_data
from exporters.account_data import create_list, custom_fields, lists
from exporters.constant_contact.answers import ContactList
from exporters.constant_contact.client import Account
from exporters.constant_contact.errors import Refused, SignInAgain
from exporters.constant_contact.limits import API, LONGEST_PAUSE_SECONDS, Limiter
from local.constant_contact.state import LOCAL_ACCOUNT_ID, LOCAL_LIST_ID
from shared.errors import Conflict, Invalid, Unavailable
from tests.exporters.world import World

CALLS = "GET /v3/contact_lists"


def calls(world: World, of: str = CALLS) -> int:
    found = world.statistics()["requests"]
    assert isinstance(found, dict)
    return sum(found.get(of, {}).values())


def add_lists(world: World, name: str, count: int | None = None) -> None:
    body = {"name": name, **({"count": count} if count else {})}
    requests.post(f"{world.simulator.url}/_simulator/lists", json=body, timeout=30).raise_for_status()


def names(world: World, *, fresh: bool = False) -> list[str]:
    return [one.name for one in lists(world.services, world.connection, fresh=fresh).lists]


def test_lists_come_by_name_with_their_members(world: World) -> None:
    add_lists(world, "anniversaries")
    add_lists(world, "Zebra")
    contacts = {"contacts": [{"email": "ana@example.com", "list_ids": [LOCAL_LIST_ID]}]}
    requests.post(f"{world.simulator.url}/_simulator/contacts", json=contacts, timeout=30).raise_for_status()
    found = lists(world.services, world.connection)
    assert [(one.name, one.members) for one in found.lists] == [("anniversaries", 0), ("Newsletter", 1), ("Zebra", 0)]
    assert found.lists[1].id == LOCAL_LIST_ID
    assert world.clock.now() - found.read_at < timedelta(seconds=10)


def test_a_thousand_lists_are_asked_for_once_a_minute(world: World) -> None:
    add_lists(world, "List", 999)
    for _ in range(5):
        assert len(names(world)) == 1000
    assert calls(world) == 2
    world.clock.advance(61)
    names(world)
    assert calls(world) == 4


def test_a_refresh_asks_again(world: World) -> None:
    assert names(world) == ["Newsletter"]
    add_lists(world, "New")
    assert names(world) == ["Newsletter"]
    assert names(world, fresh=True) == ["New", "Newsletter"]
    assert names(world) == ["New", "Newsletter"]


def test_the_lists_of_a_connection_that_was_signed_in_anew_are_asked_for_anew(world: World) -> None:
    names(world)
    signed_in = world.connection.model_copy(update={"signed_in_at": world.clock.now()})
    lists(world.services, signed_in)
    assert calls(world) == 2


def test_a_list_that_was_made_is_among_the_lists_at_once(world: World) -> None:
    names(world)
    made = create_list(world.services, world.connection, "  Loyal \t customers ")
    assert (made.name, made.members) == ("Loyal customers", 0)
    assert names(world) == ["Loyal customers", "Newsletter"]
    assert made in lists(world.services, world.connection).lists


def test_a_list_that_is_made_while_the_lists_are_read_is_among_them_from_then_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Account.contact_lists

    def read_before_it_is_made(account: Account) -> list[ContactList]:
        monkeypatch.undo()
        found = read(account)
        create_list(world.services, world.connection, "Loyal customers")
        return found

    monkeypatch.setattr(Account, "contact_lists", read_before_it_is_made)
    assert names(world) == ["Newsletter"]
    assert names(world) == ["Loyal customers", "Newsletter"]


def test_custom_fields_come_by_label(world: World) -> None:
    account = world.services.account(world.connection)
    for label in ("Member level", "age"):
        made = {"label": label, "type": "string"}
        account._request("create_custom_field", "POST", "/contact_custom_fields", json=made)
    found = custom_fields(world.services, world.connection)
    assert [(one.label, one.name, one.type) for one in found] == [
        ("age", "age", "string"),
        ("Member level", "Member_level", "string"),
    ]
    custom_fields(world.services, world.connection)
    assert calls(world, "GET /v3/contact_custom_fields") == 1
    custom_fields(world.services, world.connection, fresh=True)
    assert calls(world, "GET /v3/contact_custom_fields") == 2


def test_an_account_without_custom_fields_has_none(world: World) -> None:
    assert custom_fields(world.services, world.connection) == ()


def test_when_all_slots_are_taken_a_person_is_told_and_does_not_wait_long(world: World) -> None:
    limiter = Limiter(world.limits, world.client_id, now=lambda: world.clock.now().timestamp())
    limiter.hold_back(API, 30)
    began = world.clock.now()
    with pytest.raises(Unavailable, match=r"busy or away: waiting for a free slot.*Try again in a moment"):
        names(world)
    assert world.clock.now() - began < timedelta(seconds=LONGEST_PAUSE_SECONDS + 1)
    assert calls(world) == 0


def test_a_slot_that_comes_soon_is_waited_for(world: World) -> None:
    limiter = Limiter(world.limits, world.client_id, now=lambda: world.clock.now().timestamp())
    limiter.hold_back(API, 1.5)
    assert names(world) == ["Newsletter"]


@pytest.mark.parametrize("fault", ["server-error", "unavailable", "cut-before", "throttled"])
def test_a_service_that_is_away_is_said_to_be(world: World, fault: str) -> None:
    world.fault(fault, path="/contact_lists")
    with pytest.raises(Unavailable, match="Try again in a moment"):
        names(world)
    world.clear_faults()
    world.clock.advance(2)
    assert names(world) == ["Newsletter"], "what failed is not remembered"


def test_used_up_calls_are_said_to_come_back_at_midnight(world: World) -> None:
    world.fault("quota-exceeded", path="/contact_lists", times=1)
    for _ in range(2):
        with pytest.raises(Unavailable, match="used up until 00:00 UTC"):
            names(world)
    assert calls(world) == 1


def test_a_broken_grant_asks_for_a_person_and_the_connection_says_so(world: World) -> None:
    world.take_any_token_request()
    world.fault("unauthorized", path="/contact_lists")
    with pytest.raises(SignInAgain):
        names(world)
    assert world.services.connections.get(world.connection.id).sign_in_again is not None


def test_what_the_users_role_does_not_allow_is_refused(world: World) -> None:
    world.fault("forbidden", path="/contact_lists")
    with pytest.raises(Refused, match="403"):
        create_list(world.services, world.connection, "Loyal")


@pytest.mark.parametrize("name", ["", "  ", "x" * 256])
def test_a_name_that_cannot_be_one_is_refused_before_anything_is_asked(world: World, name: str) -> None:
    with pytest.raises(Invalid, match="1 to 255 characters"):
        create_list(world.services, world.connection, name)
    assert calls(world, "POST /v3/contact_lists") == 0


def test_a_name_that_is_taken_is_a_conflict(world: World) -> None:
    names(world)
    with pytest.raises(Conflict, match="“NEWSLETTER” already"):
        create_list(world.services, world.connection, "NEWSLETTER")
    names(world)
    assert calls(world) == 2, "the lists are looked at again: they have one that was not known"


def test_an_account_that_is_full_is_told_in_its_words(world: World) -> None:
    add_lists(world, "List", 999)
    with pytest.raises(Invalid, match="1000 lists already"):
        create_list(world.services, world.connection, "Loyal")


def test_a_list_that_may_have_been_made_is_not_made_again_unseen(world: World) -> None:
    world.fault("cut-after", times=2, path="/contact_lists")
    with pytest.raises(Unavailable, match=r"not known whether the list “Loyal” was made.*Look at the lists again"):
        create_list(world.services, world.connection, "Loyal")
    assert names(world) == ["Loyal", "Newsletter"]
    with pytest.raises(Conflict):
        create_list(world.services, world.connection, "Loyal")
    with world.simulator.state.lock:
        assert len(world.simulator.state.accounts[LOCAL_ACCOUNT_ID].lists) == 2


def test_a_list_that_was_never_asked_for_is_not_said_to_be_uncertain(world: World) -> None:
    Limiter(world.limits, world.client_id, now=lambda: world.clock.now().timestamp()).hold_back(API, 30)
    with pytest.raises(Unavailable, match="busy or away"):
        create_list(world.services, world.connection, "Loyal")


def test_an_address_in_a_name_is_not_repeated_in_an_error(world: World) -> None:
    create_list(world.services, world.connection, "ana@example.com")
    with pytest.raises(Conflict) as caught:
        create_list(world.services, world.connection, "ana@example.com")
    assert "ana" not in str(caught.value)


def test_the_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_data, "_ask", lambda *_: ())
    for number in range(600):
        lists(world.services, world.connection.model_copy(update={"id": str(number)}))
    assert len(world.services.memory._kept) == 500
