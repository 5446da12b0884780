"""Signing in again: a connection gets a new sign-in when it is saved, and never half of one."""

from __future__ import annotations

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient

from admin import connecting, connections
from admin.connecting import Incomplete
from admin.saving import AccountChanged
from exporters.constant_contact.tokens import TokenSet
from shared.errors import Changed, Conflict, ExportError, NotFound
from tests.admin.drafting import ADA, BO, SHARED, actions, begin, come_back, ready, ready_again, save, secrets_of
from tests.exporters.browser import OTHER_OWNER, add_other_account, answer_at_constant_contact
from tests.exporters.world import World


def test_signing_in_again_mends_a_broken_connection_and_leaves_the_rest(world: World) -> None:
    made = save(world, ready(world), sharing=SHARED)
    broken = made.model_copy(update={"sign_in_again": "it is broken"})
    world.services.connections.change(made.id, lambda _: broken)
    draft = ready_again(world, made, BO)
    assert (draft.display_name, draft.sharing, draft.other_account) == ("Shop", SHARED, False)
    assert connecting.missing(draft) == ()
    mended = save(world, draft, BO, sharing=SHARED, consent=False)
    assert (mended.id, mended.state, mended.account, mended.sharing) == (made.id, "connected", made.account, SHARED)
    assert mended.consent == made.consent
    assert (mended.created_by, mended.updated_by) == ("Ada Administrator", "Bo Administrator")
    assert actions(world) == [("signed in", "Bo Administrator"), ("added", "Ada Administrator")]
    assert secrets_of(world, draft.id, made.id) == [mended.secret_name]


def test_until_it_is_saved_a_new_sign_in_changes_nothing(world: World) -> None:
    made = save(world, ready(world))
    before = world.secrets.get(made.secret_name)
    draft = ready_again(world, made)
    assert world.services.connections.get(made.id) == made
    assert world.secrets.get(made.secret_name) == before
    connecting.abandon(world.services, ADA, draft.id)
    assert world.secrets.get(made.secret_name) == before


def test_another_account_is_told_and_may_be_saved_all_the_same(world: World) -> None:
    add_other_account(world)
    made = save(world, ready(world))
    draft = ready_again(world, made, user=OTHER_OWNER)
    assert draft.other_account
    changed = save(world, draft)
    assert changed.account is not None
    assert changed.account.name == "Another Company"
    [entry, _] = world.told()
    assert entry.before == {"account": "Local Company", "account_id": "a07e1local"}
    assert entry.after == {"account": "Another Company", "account_id": "another-account"}


def test_after_a_new_sign_in_no_worker_uses_the_token_it_had_in_memory(world: World) -> None:
    add_other_account(world)
    made = save(world, ready(world))
    before = world.services.tokens.access_token(made)
    changed = save(world, ready_again(world, made, user=OTHER_OWNER))
    assert world.services.tokens.access_token(changed) != before


def test_a_connection_without_consent_or_export_user_gets_them_with_the_new_sign_in(world: World) -> None:
    without = world.add_connection(consent=False, token=False)
    draft = come_back(world, connecting.begin_again(world.services, ADA, without.id))
    assert connecting.missing(draft) == ("consent", "export_user")
    with pytest.raises(Incomplete):
        save(world, draft, consent=False)
    connecting.add_export_user(world.services, ADA, draft.id)
    saved = save(world, draft)
    assert saved.consent is not None
    assert saved.export_user == "Ada Administrator"


def test_of_two_who_sign_in_again_the_last_one_counts_with_the_tokens_of_the_account_that_is_shown(
    world: World,
) -> None:
    add_other_account(world)
    made = save(world, ready(world))
    adas, bos = ready_again(world, made, ADA), ready_again(world, made, BO, user=OTHER_OWNER)
    save(world, bos, BO)
    with pytest.raises(AccountChanged):
        save(world, adas, ADA)
    last = save(world, adas, ADA)
    tokens = TokenSet.model_validate_json(world.secrets.get(last.secret_name) or "")
    assert last.account == world.services.sign_in.account_of(tokens) == made.account


def test_who_would_take_an_account_away_that_came_meanwhile_is_warned_first(world: World) -> None:
    add_other_account(world)
    made = save(world, ready(world))
    adas = ready_again(world, made, ADA)
    assert not adas.other_account
    bos = save(world, ready_again(world, made, BO, user=OTHER_OWNER), BO)
    with pytest.raises(AccountChanged):
        save(world, adas, ADA)
    assert world.services.connections.get(made.id) == bos
    assert connecting.get(world.services, ADA, adas.id).other_account
    assert save(world, adas, ADA).account == made.account


def test_an_account_that_came_meanwhile_and_is_the_same_needs_no_warning(world: World) -> None:
    without = world.add_connection(token=False)
    adas, bos = ready_again(world, without, ADA), ready_again(world, without, BO)
    save(world, bos, BO)
    assert save(world, adas, ADA).state == "connected"


def test_while_the_old_token_is_being_refreshed_save_works_and_the_sweep_deletes_what_the_refresh_wrote(
    world: World,
) -> None:
    made = save(world, ready(world))
    draft = ready_again(world, made)
    with world.services.tokens._lease(made.id):
        saved = save(world, draft)
        assert saved.secret_name == draft.secret_name
        world.secrets.set(made.secret_name, world.secrets.get(made.secret_name) or "")
    world.clock.advance(11 * 60)
    connecting.remove_abandoned(world.services)
    assert secrets_of(world, made.id) == [saved.secret_name]
    assert world.services.loose_secrets.all() == []


def test_a_connection_that_was_removed_meanwhile_cannot_be_signed_in_again(world: World) -> None:
    made = save(world, ready(world))
    draft = ready_again(world, made)
    connections.remove(world.services, ADA, made.id)
    with pytest.raises(NotFound):
        save(world, draft)
    connecting.abandon(world.services, ADA, draft.id)
    world.clock.advance(2 * 3600)
    connecting.remove_abandoned(world.services)
    assert secrets_of(world, made.id, draft.id) == []


def test_a_connection_that_is_removed_during_save_leaves_no_tokens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(world, ready(world))
    draft = ready_again(world, made)
    change = world.services.connections.change

    def removed_first(*given: object, **options: object) -> object:
        monkeypatch.undo()
        connections.remove(world.services, BO, made.id)
        return change(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(world.services.connections, "change", removed_first)
    with pytest.raises(NotFound):
        save(world, draft)
    world.clock.advance(2 * 3600)
    connecting.remove_abandoned(world.services)
    assert secrets_of(world, made.id) == []


def test_of_a_save_and_a_removal_at_the_same_moment_the_save_wins_and_keeps_its_tokens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(world, ready(world))
    draft = ready_again(world, made)
    forget = world.services.tokens.forget

    def saved_meanwhile(connection_id: str, secret_name: str) -> bool:
        monkeypatch.undo()
        save(world, draft)
        return forget(connection_id, secret_name)

    monkeypatch.setattr(world.services.tokens, "forget", saved_meanwhile)
    with pytest.raises(Changed):
        connections.remove(world.services, BO, made.id)
    saved = world.services.connections.get(made.id)
    assert saved.state == "connected"
    assert world.services.tokens.access_token(saved)
    assert [action for action, _ in actions(world)] == ["signed in", "removal begun", "added"]


def test_after_a_removal_that_was_cut_short_somebody_can_sign_in_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(world, ready(world))
    refused = HttpResponseError()
    refused.status_code = 403

    def may_not(*_: object, **__: object) -> None:
        raise refused

    with monkeypatch.context() as patch:
        # As with purge protection: the name of the deleted secret stays taken.
        patch.setattr(SecretClient, "purge_deleted_secret", may_not)
        world.services.tokens.forget(made.id, made.secret_name)
    half = world.services.connections.change(
        made.id, lambda one: one.model_copy(update={"removal_begun_at": world.clock.now()})
    ).value
    assert (half.state, half.being_removed) == ("removal_begun", True)
    saved = save(world, ready_again(world, half))
    assert (saved.state, saved.being_removed) == ("connected", False)
    assert world.services.tokens.access_token(saved)


def test_a_draft_that_is_given_up_while_it_is_being_saved_takes_no_tokens_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(world, ready(world))
    draft = ready_again(world, made)
    change = world.services.connections.change

    def given_up_first(*given: object, **options: object) -> object:
        monkeypatch.undo()
        connecting.abandon(world.services, ADA, draft.id)
        return change(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(world.services.connections, "change", given_up_first)
    saved = save(world, draft)
    world.clock.advance(2 * 3600)
    connecting.remove_abandoned(world.services)
    assert secrets_of(world, made.id) == [saved.secret_name]
    assert world.services.tokens.access_token(saved)


def test_the_audit_log_says_which_account_somebody_has_signed_in_to_though_it_is_the_same(world: World) -> None:
    save(world, ready_again(world, save(world, ready(world))))
    [entry, _] = world.told()
    assert (entry.action, entry.before) == ("signed in", {})
    assert entry.after == {"account": "Local Company", "account_id": "a07e1local"}


def test_people_are_kept_by_their_ids_too(world: World) -> None:
    made = save(world, ready(world))
    assert made.consent is not None
    assert (made.created_by_id, made.consent.by_id, made.export_user_id) == ("ada", "ada", "ada")
    again = save(world, ready_again(world, made, BO), BO)
    assert (again.updated_by_id, again.export_user_id, again.created_by_id) == ("bo", "bo", "ada")


def test_what_people_read_never_holds_a_token_or_a_code(world: World) -> None:
    start = begin(world)
    code = answer_at_constant_contact(start.address)["code"]
    app = {"client_id": world.client_id, "client_secret": "changed"}
    requests.post(f"{world.simulator.url}/_simulator/apps", json=app, timeout=10).raise_for_status()
    draft = connecting.come_back(world.services, ADA, state=start.state, cookie_state=start.state, code=code)
    assert code not in draft.model_dump_json()
    with pytest.raises(ExportError) as error:
        save(world, draft)
    assert code not in str(error.value)


def test_what_somebody_else_changed_meanwhile_stays_unless_it_was_changed_here_too(world: World) -> None:
    made = save(world, ready(world), sharing=SHARED)
    draft = ready_again(world, made)
    connections.change(world.services, BO, made.id, display_name="Store", sharing="administrators")
    after = save(world, draft, display_name=draft.display_name, sharing=draft.sharing)
    assert (after.display_name, after.sharing) == ("Store", "administrators")
    renamed = save(world, ready_again(world, after), display_name="Shop again", sharing="administrators")
    assert renamed.display_name == "Shop again"


def test_another_account_has_to_wait_until_no_run_is_under_way(world: World) -> None:
    """The batches of the run are in the account of before: nobody could ask for them any more."""
    add_other_account(world)
    made = save(world, ready(world))
    world.write_snapshot("Loyal", ["ana@example.com,Ana"])
    export = world.add_export("Loyal", connection_id=made.id)
    run = world.start(export)
    world.deliver(until=lambda: world.last_run(export).status == "uploading")
    draft = ready_again(world, made, user=OTHER_OWNER)
    with pytest.raises(Conflict, match="are running: “Newsletter”"):
        save(world, draft)
    world.deliver()
    assert world.services.runs.get(export.id, run.run_id).status == "successful"
    changed = save(world, draft)
    assert changed.account is not None
    assert changed.account.name == "Another Company"
