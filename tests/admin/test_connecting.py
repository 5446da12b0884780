"""Connecting: from the form over Constant Contact's page to Save, and every way in which it can go wrong."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from admin import connecting
from admin.connecting import Incomplete, SignInStart
from exporters.constant_contact.tokens import TokenSet
from shared.errors import NotFound, Unavailable
from shared.models import Connection
from tests.admin.drafting import ADA, SHARED, actions, begin, come_back, ready, save, secrets_of
from tests.exporters.browser import CAMPAIGN_CREATOR, answer_at_constant_contact
from tests.exporters.world import World

# --- The whole way ----------------------------------------------------------------------------------------------------


def test_a_connection_is_made_and_exports_can_use_it(world: World) -> None:
    draft = ready(world)
    assert connecting.missing(draft) == ()
    made = save(world, draft, sharing=SHARED)
    assert made == world.services.connections.get(made.id)
    assert (made.display_name, made.sharing, made.state) == ("Shop", SHARED, "connected")
    assert made.account is not None
    assert (made.account.id, made.account.name) == ("a07e1local", "Local Company")
    assert made.export_user == made.created_by == "Ada Administrator"
    assert made.consent is not None
    assert (made.consent.version, made.consent.by) == (connecting.CONSENT_VERSION, "Ada Administrator")
    assert world.services.account(made).contact_list("5f2c8a10-56dd-11e9-932a-fa163ea075fa").name == "Newsletter"


def test_nothing_of_the_draft_is_left_once_it_is_saved(world: World) -> None:
    draft = ready(world)
    made = save(world, draft)
    assert secrets_of(world, draft.id) == [made.secret_name]
    with pytest.raises(NotFound):
        connecting.get(world.services, ADA, draft.id)


def test_saving_is_in_the_audit_log_with_what_was_made(world: World) -> None:
    made = save(world, ready(world))
    [entry] = world.told()
    assert (entry.action, entry.subject, entry.subject_id, entry.subject_name) == (
        "added",
        "connection",
        made.id,
        "Shop",
    )
    assert (entry.by, entry.by_id, entry.before) == ("Ada Administrator", "ada", {})
    assert entry.after == {
        "display_name": "Shop",
        "sharing": "administrators",
        "account": "Local Company",
        "account_id": "a07e1local",
        "consent": connecting.CONSENT_VERSION,
        "export_user": "Ada Administrator",
    }


def test_neither_token_nor_state_nor_verifier_is_in_the_table_or_in_what_is_printed(world: World) -> None:
    start = begin(world)
    on_the_way = world.services.drafts.stored(start.draft_id).value
    assert start.state not in on_the_way.model_dump_json()
    assert on_the_way.verifier
    assert on_the_way.verifier not in repr(on_the_way)
    assert on_the_way.verifier not in start.address
    back = come_back(world, start)
    tokens = TokenSet.model_validate_json(world.secrets.get(back.secret_name) or "")
    assert tokens.access_token
    assert tokens.refresh_token
    kept = world.services.drafts.stored(back.id).value.model_dump_json()
    assert tokens.access_token.get_secret_value() not in kept
    assert tokens.refresh_token.get_secret_value() not in kept
    assert back.verifier is None


def test_save_pressed_twice_at_once_makes_one_connection(world: World) -> None:
    draft = ready(world)

    def press(_: int) -> Connection | NotFound:
        while True:
            with contextlib.suppress(Unavailable):  # The lease is the other's for a moment, and here time is not real.
                try:
                    return save(world, draft)
                except NotFound as gone:
                    return gone

    with ThreadPoolExecutor(2) as both:
        found = list(both.map(press, range(2)))
    assert any(isinstance(one, Connection) for one in found)
    assert [one.id for one in world.services.connections.all() if one.id != world.connection.id] == [draft.id]
    assert actions(world) == [("added", "Ada Administrator")]
    assert secrets_of(world, draft.id) == [world.services.connections.get(draft.id).secret_name]
    assert world.services.loose_secrets.all() == []
    assert world.services.drafts.all() == []


# --- What Save waits for ----------------------------------------------------------------------------------------------


def test_save_waits_for_everything_and_says_for_what(world: World) -> None:
    start = begin(world, display_name=" ", consent=False)
    draft = connecting.get(world.services, ADA, start.draft_id)
    assert connecting.missing(draft) == ("display_name", "consent", "sign_in", "export_user")
    with pytest.raises(Incomplete) as incomplete:
        save(world, draft, sharing=SHARED)
    assert incomplete.value.missing == ("sign_in", "export_user")
    kept = connecting.get(world.services, ADA, draft.id)
    assert (kept.display_name, kept.sharing, kept.consented_version) == ("Shop", SHARED, connecting.CONSENT_VERSION)
    assert world.services.connections.all() == [world.connection]


def test_consent_that_is_taken_back_before_save_counts_as_none(world: World) -> None:
    with pytest.raises(Incomplete) as incomplete:
        save(world, ready(world), consent=False)
    assert incomplete.value.missing == ("consent",)


def test_a_draft_whose_secret_is_gone_has_to_be_signed_in_again(world: World) -> None:
    draft = ready(world)
    world.secrets.delete(draft.secret_name)
    with pytest.raises(Incomplete) as incomplete:
        save(world, draft)
    assert incomplete.value.missing == ("sign_in",)
    told = connecting.get(world.services, ADA, draft.id)
    assert (told.problems, told.signed_in) == (("tokens_gone",), False)
    assert connecting.missing(told) == ("sign_in",)


def test_tokens_that_are_not_those_of_the_account_shown_are_not_saved(world: World) -> None:
    draft = ready(world)
    world.secrets.set(draft.secret_name, TokenSet.model_validate({"refresh_token": "another"}).model_dump_json())
    with pytest.raises(Incomplete):
        save(world, draft)


# --- What goes wrong at Constant Contact ------------------------------------------------------------------------------


def test_refused_consent_is_a_problem_and_the_sign_in_can_be_begun_anew(world: World) -> None:
    draft = come_back(world, begin(world), decision="deny")
    assert draft.problems == ("refused",)
    assert connecting.missing(draft) == ("sign_in", "export_user")
    start = connecting.connect_again(
        world.services, ADA, draft.id, display_name="Store", sharing="administrators", consent=True
    )
    assert start.draft_id == draft.id
    draft = come_back(world, start)
    assert (draft.problems, draft.display_name, draft.signed_in) == ((), "Store", True)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        ("access_denied", "refused"),
        ("unauthorized_client", "not_allowed"),
        ("server_error", "no_answer"),
        ("temporarily_unavailable", "no_answer"),
        ("invalid_scope", "scopes_refused"),
        ("x" * 99, "not_allowed"),
        ("", "no_answer"),
    ],
)
def test_an_error_instead_of_a_code_is_a_problem(world: World, error: str, problem: str) -> None:
    start = begin(world)
    draft = connecting.come_back(world.services, ADA, state=start.state, cookie_state=start.state, error=error or None)
    assert draft.problems == (problem,)
    assert problem in connecting.PROBLEMS


def test_without_offline_access_the_draft_says_so_and_keeps_no_token(world: World) -> None:
    start = begin(world)
    without = SignInStart(start.draft_id, start.address.replace("+offline_access", ""), start.state)
    draft = come_back(world, without)
    assert draft.problems == ("no_offline_access",)
    assert not draft.signed_in
    assert secrets_of(world, draft.id) == []


def test_a_user_who_may_not_import_is_told_so_with_the_account(world: World) -> None:
    draft = come_back(world, begin(world), user=CAMPAIGN_CREATOR)
    assert draft.problems == ("no_contacts_write",)
    assert draft.account is not None
    assert draft.account.name == "Local Company"
    assert "sign_in" in connecting.missing(draft)
    assert secrets_of(world, draft.id) == []


def test_a_reused_code_is_a_problem(world: World) -> None:
    first = begin(world)
    code = answer_at_constant_contact(first.address)["code"]
    connecting.come_back(world.services, ADA, state=first.state, cookie_state=first.state, code=code)
    second = begin(world)
    draft = connecting.come_back(world.services, ADA, state=second.state, cookie_state=second.state, code=code)
    assert draft.problems == ("code_refused",)


def test_a_constant_contact_that_does_not_answer_is_a_problem_that_can_be_tried_again(world: World) -> None:
    world.fault("token-unavailable", times=1)
    draft = come_back(world, begin(world))
    assert draft.problems == ("no_answer",)
    again = connecting.connect_again(
        world.services, ADA, draft.id, display_name="Shop", sharing="administrators", consent=True
    )
    assert come_back(world, again).signed_in


def test_a_vault_that_does_not_take_the_tokens_is_a_problem(world: World) -> None:
    start = begin(world)
    came = answer_at_constant_contact(start.address)
    world.vault_fault(status=500, times=50)
    draft = connecting.come_back(world.services, ADA, state=start.state, cookie_state=start.state, code=came["code"])
    world.clear_faults()
    assert draft.problems == ("no_vault",)
    assert not draft.signed_in


def test_a_vault_that_refuses_the_app_is_a_problem_and_the_log_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    start = begin(world)
    came = answer_at_constant_contact(start.address)
    world.vault_fault(status=403, times=50)
    draft = connecting.come_back(world.services, ADA, state=start.state, cookie_state=start.state, code=came["code"])
    world.clear_faults()
    assert draft.problems == ("vault_refused",)
    assert "vault_refused" in connecting.PROBLEMS
    assert not draft.signed_in
    assert "KeyVaultRefused" in caplog.text


def test_a_grant_that_may_not_read_the_account_is_told_as_what_it_lacks(world: World) -> None:
    start = begin(world)
    less = start.address.replace("account_read+", "")
    assert less != start.address
    came = answer_at_constant_contact(less)
    draft = connecting.come_back(world.services, ADA, state=came["state"], cookie_state=start.state, code=came["code"])
    assert draft.problems == ("scopes_refused",)


def test_a_grant_without_access_to_contacts_is_told_and_cannot_be_saved(world: World) -> None:
    start = begin(world)
    less = start.address.replace("contact_data", "account_read")
    assert less != start.address
    came = answer_at_constant_contact(less)
    draft = connecting.come_back(world.services, ADA, state=came["state"], cookie_state=start.state, code=came["code"])
    assert draft.problems == ("no_contact_data",)
    assert "sign_in" in connecting.missing(draft)
