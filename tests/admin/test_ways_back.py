"""The way back from Constant Contact counts once, for the person and in the browser that began it, for an hour."""

from __future__ import annotations

from datetime import timedelta

import pytest

from admin import connecting, connections
from admin.connecting import Draft, DraftGone, Refused, SignInStart
from admin.letting_go import delete_loose_secrets, write_down
from exporters.constant_contact.tokens import TokenSet
from shared.errors import NotFound
from tests.admin.drafting import ADA, BO, actions, begin, come_back, ready, ready_again, save, secrets_of
from tests.exporters.browser import OTHER_OWNER, add_other_account, answer_at_constant_contact
from tests.exporters.world import World


def connect_again(world: World, draft: Draft) -> SignInStart:
    """Use another sign-in for a draft."""
    return connecting.connect_again(
        world.services, ADA, draft.id, display_name="Shop", sharing="administrators", consent=True
    )


# --- The state --------------------------------------------------------------------------------------------------------


def test_a_state_works_once(world: World) -> None:
    start = begin(world)
    came = answer_at_constant_contact(start.address)
    state = {"state": start.state, "cookie_state": start.state}
    back = connecting.come_back(world.services, ADA, **state, code=came["code"])
    again = answer_at_constant_contact(start.address)
    with pytest.raises(Refused):
        connecting.come_back(world.services, ADA, **state, code=again["code"])
    assert connecting.get(world.services, ADA, start.draft_id) == back


def test_the_state_is_used_up_before_the_code_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    start = begin(world)
    came = answer_at_constant_contact(start.address)
    state = {"state": start.state, "cookie_state": start.state}
    refused: list[Exception] = []
    exchange = world.services.sign_in.exchange

    def meanwhile(code: str, verifier: str) -> TokenSet:
        with pytest.raises(Refused) as found:
            connecting.come_back(world.services, ADA, **state, code="stolen")
        refused.append(found.value)
        return exchange(code, verifier)

    monkeypatch.setattr(world.services.sign_in, "exchange", meanwhile)
    assert connecting.come_back(world.services, ADA, **state, code=came["code"]).signed_in
    assert len(refused) == 1


@pytest.mark.parametrize("cookie", ["", "draft.other", "x", "é"])
def test_a_state_from_another_browser_is_refused_and_not_used_up(world: World, cookie: str) -> None:
    start = begin(world)
    code = answer_at_constant_contact(start.address)["code"]
    with pytest.raises(Refused):
        connecting.come_back(world.services, ADA, state=start.state, cookie_state=cookie, code=code)
    assert connecting.come_back(world.services, ADA, state=start.state, cookie_state=start.state, code=code).signed_in


def test_a_state_of_somebody_else_is_refused_and_not_used_up(world: World) -> None:
    start = begin(world, ADA)
    code = answer_at_constant_contact(start.address)["code"]
    state = {"state": start.state, "cookie_state": start.state}
    with pytest.raises(Refused):
        connecting.come_back(world.services, BO, **state, code=code)
    assert connecting.come_back(world.services, ADA, **state, code=code).signed_in


@pytest.mark.parametrize("state", ["", ".", "nobody.random", "a/b.c", "x" * 5000, "é.ü"])
def test_a_state_that_nobody_began_is_refused(world: World, state: str) -> None:
    with pytest.raises(Refused):
        connecting.come_back(world.services, ADA, state=state, cookie_state=state, code="code")


def test_a_forged_random_part_is_refused(world: World) -> None:
    start = begin(world)
    forged = f"{start.draft_id}.{'A' * 43}"
    with pytest.raises(Refused):
        connecting.come_back(world.services, ADA, state=forged, cookie_state=forged, code="code")


def test_only_the_newest_sign_in_of_a_draft_counts(world: World) -> None:
    first = begin(world)
    second = connecting.connect_again(
        world.services, ADA, first.draft_id, display_name="Shop", sharing="administrators", consent=True
    )
    with pytest.raises(Refused):
        come_back(world, first)
    assert come_back(world, second).signed_in


def test_a_sign_in_that_is_begun_anew_shows_nothing_of_the_one_before(world: World) -> None:
    add_other_account(world)
    draft = ready_again(world, save(world, ready(world)), user=OTHER_OWNER)
    assert (draft.signed_in, draft.other_account) == (True, True)
    connecting.connect_again(world.services, ADA, draft.id, display_name="Shop", sharing="administrators", consent=True)
    anew = connecting.get(world.services, ADA, draft.id)
    assert (anew.account, anew.other_account, anew.signed_in, anew.signed_in_at) == (None, False, False, None)
    assert anew.export_user == draft.export_user


def test_a_sign_in_that_is_overtaken_by_a_newer_one_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add_other_account(world)
    first = begin(world)
    account_of = world.services.sign_in.account_of
    newer: list[SignInStart] = []

    def meanwhile(tokens: TokenSet) -> object:
        if not newer:
            newer.append(
                connecting.connect_again(
                    world.services, ADA, first.draft_id, display_name="Shop", sharing="administrators", consent=True
                )
            )
            assert come_back(world, newer[0], user=OTHER_OWNER).signed_in
        return account_of(tokens)

    monkeypatch.setattr(world.services.sign_in, "account_of", meanwhile)
    with pytest.raises(Refused):
        come_back(world, first)
    draft = connecting.add_export_user(world.services, ADA, first.draft_id)
    assert draft.account is not None
    assert draft.account.id == "another-account"
    # The late one had a secret of its own, and nothing of it is left.
    saved = save(world, draft)
    assert secrets_of(world, draft.id) == [saved.secret_name]
    tokens = TokenSet.model_validate_json(world.secrets.get(saved.secret_name) or "")
    assert tokens.account_id == "another-account"


# --- Whose it is, and how long ----------------------------------------------------------------------------------------


def test_a_draft_is_nobody_elses(world: World) -> None:
    draft = ready(world, ADA)
    with pytest.raises(NotFound):
        connecting.get(world.services, BO, draft.id)
    with pytest.raises(NotFound):
        connecting.add_export_user(world.services, BO, draft.id)
    with pytest.raises(NotFound):
        connecting.abandon(world.services, BO, draft.id)
    with pytest.raises(NotFound):
        save(world, draft, BO)
    assert connecting.get(world.services, ADA, draft.id) == draft


def test_after_an_hour_a_draft_is_gone_for_everybody(world: World) -> None:
    start = begin(world)
    draft = ready(world)
    world.clock.advance(3601)
    with pytest.raises(NotFound):
        save(world, draft)
    with pytest.raises(Refused):
        connecting.come_back(world.services, ADA, state=start.state, cookie_state=start.state, code="code")


def test_a_draft_that_is_given_up_leaves_nothing(world: World) -> None:
    draft = ready(world)
    assert connecting.abandon(world.services, ADA, draft.id)
    assert secrets_of(world, draft.id) == []
    assert world.services.drafts.all() == []
    assert actions(world) == []


def test_a_draft_that_is_given_up_leaves_nothing_of_its_earlier_sign_ins_either(world: World) -> None:
    first = ready(world)
    start = connect_again(world, first)
    assert secrets_of(world, first.id) == []
    come_back(world, start)
    assert connecting.abandon(world.services, ADA, first.id)
    assert secrets_of(world, first.id) == []
    assert world.services.loose_secrets.all() == []


def test_an_earlier_sign_in_that_the_vault_did_not_let_go_is_deleted_when_the_draft_is_given_up(world: World) -> None:
    draft = ready(world)
    world.vault_fault(status=500, times=50)
    start = connect_again(world, draft)
    world.clear_faults()
    come_back(world, start)
    assert len(secrets_of(world, draft.id)) == 2
    assert connecting.abandon(world.services, ADA, draft.id)
    assert secrets_of(world, draft.id) == []


def test_who_gives_a_draft_up_while_the_vault_is_away_learns_that_its_tokens_are_deleted_later(world: World) -> None:
    draft = ready(world)
    world.vault_fault(status=500, times=50)
    gone = connecting.abandon(world.services, ADA, draft.id)
    world.clear_faults()
    assert not gone
    assert secrets_of(world, draft.id) == [draft.secret_name]
    world.clock.advance(timedelta(hours=2).total_seconds())
    connecting.remove_abandoned(world.services)
    assert secrets_of(world, draft.id) == []


def test_the_sign_in_that_somebody_has_begun_goes_with_the_connection_that_is_removed(world: World) -> None:
    made = save(world, ready(world))
    draft = ready_again(world, made, BO)
    connections.remove(world.services, ADA, made.id)
    assert secrets_of(world, made.id, draft.id) == []
    assert world.services.loose_secrets.all() == []


def test_the_sweep_leaves_the_tokens_of_a_draft_alone_for_as_long_as_it_can_be_saved(world: World) -> None:
    draft = ready(world)
    world.clock.advance(timedelta(minutes=59).total_seconds())
    connecting.remove_abandoned(world.services)
    assert secrets_of(world, draft.id) == [draft.secret_name]
    assert save(world, draft).state == "connected"


def test_the_sweep_removes_what_was_abandoned_and_nothing_else(world: World) -> None:
    old, on_its_way = ready(world), begin(world)
    world.clock.advance(timedelta(minutes=69).total_seconds())
    young = ready(world)
    assert connecting.remove_abandoned(world.services) == 0
    world.clock.advance(timedelta(minutes=2).total_seconds())
    assert connecting.remove_abandoned(world.services) == 2
    assert [one.value.id for one in world.services.drafts.all()] == [young.id]
    assert secrets_of(world, old.id, on_its_way.draft_id) == []
    assert secrets_of(world, young.id) == [young.secret_name]


def test_a_draft_that_the_vault_does_not_let_go_is_left_for_the_next_sweep(world: World) -> None:
    draft = ready(world)
    world.clock.advance(timedelta(hours=2).total_seconds())
    world.vault_fault(status=500, times=50)
    connecting.remove_abandoned(world.services)
    world.clear_faults()
    assert secrets_of(world, draft.id) == [draft.secret_name]
    connecting.remove_abandoned(world.services)
    assert secrets_of(world, draft.id) == []
    assert world.services.loose_secrets.all() == []


def test_a_secret_that_is_written_down_anew_during_the_sweep_stays_written_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"connection-nobody-{world.connection.id}"
    write_down(world.services, "nobody", name)
    world.clock.advance(11 * 60)
    forget = world.services.tokens.forget

    def anew(connection_id: str, secret_name: str) -> bool:
        write_down(world.services, connection_id, secret_name)
        return forget(connection_id, secret_name)

    monkeypatch.setattr(world.services.tokens, "forget", anew)
    delete_loose_secrets(world.services)
    assert [one.value.name for one in world.services.loose_secrets.all()] == [name]


@pytest.mark.parametrize("way", ["saved", "given up", "an hour ago", "somebody else's", "never"])
def test_a_draft_that_is_gone_says_so(world: World, way: str) -> None:
    draft = ready(world)
    asks, asked = ADA, draft.id
    if way == "saved":
        save(world, draft)
    elif way == "given up":
        connecting.abandon(world.services, ADA, draft.id)
    elif way == "an hour ago":
        world.clock.advance(3601)
    elif way == "somebody else's":
        asks = BO
    else:
        asked = "nobody"
    with pytest.raises(DraftGone, match="unsaved connection") as gone:
        connecting.get(world.services, asks, asked)
    assert gone.value.draft_id == asked
