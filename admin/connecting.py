"""Adding a connection, and signing in to one again: from the first form over Constant Contact's page to Save.

What was entered is kept as a draft until it is saved. Its tokens are in Key Vault from the moment they exist, in a
secret of this sign-in alone, which the connection names once it is saved. A draft is gone after an hour, with its
secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta

from admin import changes, saving
from admin.connections import detach_lost, for_a_person, valid_name
from admin.letting_go import IN_HAND, delete_loose_secrets, let_go
from admin.saving import CONSENT_VERSION, AccountChanged
from admin.signing_in import PROBLEMS, problem_of, signed_in
from exporters.each import each
from exporters.services import Services
from shared.documents import new_id
from shared.drafts import Draft, DraftGone
from shared.errors import Conflict, ExportError, Invalid
from shared.models import Connection, Sharing
from shared.people import Person
from shared.tables import Stored

__all__ = ["CONSENT_VERSION", "PROBLEMS", "Draft", "DraftGone", "Incomplete", "Refused", "SignInStart"]

log = logging.getLogger(__name__)

_LIFE = timedelta(hours=1)
# A Save that began in time may still be under way when the hour is over.
_GONE_AFTER = _LIFE + IN_HAND


class Refused(ExportError):
    """The way back from Constant Contact is not one that this person began in this browser, or not the first."""

    def __init__(self) -> None:
        super().__init__(
            "This sign-in cannot be used: it was used already, was begun in another browser or by somebody else, or is "
            "too old. Nothing was changed. Go to the connections and begin again."
        )


class Incomplete(Invalid):
    """A draft cannot be saved yet; `missing` says what it waits for (see `missing`)."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        super().__init__(f"The connection cannot be saved yet. Still missing: {', '.join(codes)}.")
        self.missing = codes


@dataclass(frozen=True)
class SignInStart:
    """A sign-in that has begun: the browser keeps `state` in a cookie and goes to `address`."""

    draft_id: str
    address: str
    state: str


# --- On the way -------------------------------------------------------------------------------------------------------


def begin(services: Services, person: Person, *, display_name: str, sharing: Sharing, consent: bool) -> SignInStart:
    """Keep what was entered as a draft, and begin the sign-in. What is missing or wrong can be mended until Save."""
    draft = Draft(id=new_id(), owner_id=person.id, created_at=services.now())
    draft, start = _with_sign_in(services, _entered(draft, display_name, sharing, consent))
    services.drafts.add(draft)
    return start


def begin_again(services: Services, person: Person, connection_id: str) -> SignInStart:
    """Begin a new sign-in for a connection; until it is saved the connection stays as it is. Raises NotFound."""
    connection = services.connections.get(connection_id)
    draft = Draft(
        id=new_id(),
        owner_id=person.id,
        connection_id=connection.id,
        display_name=connection.display_name,
        sharing=connection.sharing,
        name_before=connection.display_name,
        sharing_before=connection.sharing,
        consented_version=connection.consent.version if connection.consent else None,
        export_user=connection.export_user,
        export_user_id=connection.export_user_id,
        created_at=services.now(),
    )
    draft, start = _with_sign_in(services, draft)
    services.drafts.add(draft)
    return start


def connect_again(
    services: Services, person: Person, draft_id: str, *, display_name: str, sharing: Sharing, consent: bool
) -> SignInStart:
    """Begin the sign-in of a draft anew, with what was entered; only the newest one counts. Raises as `get`."""
    stored = _own(services, person, draft_id)
    draft, start = _with_sign_in(services, _entered(stored.value, display_name, sharing, consent))
    services.drafts.replace(draft, stored.etag)
    if not stored.value.being_saved:
        let_go(services, draft.saved_as, stored.value.secret_name)
    return start


def come_back(
    services: Services,
    person: Person,
    *,
    state: str,
    cookie_state: str,
    code: str | None = None,
    error: str | None = None,
) -> Draft:
    """The browser is back from Constant Contact. What went wrong there is in the draft's `problems`.

    Args:
        services: as ever.
        person: who is signed in here.
        state: from the address; it works once.
        cookie_state: from the browser's cookie; it has to be the same.
        code: from the address, when the user allowed it.
        error: from the address, when not (`access_denied` and others of RFC 6749, 4.1.2.1).

    Raises:
        Refused: the state is wrong, was used, or is not this person's in this browser. Nothing was changed.
    """
    stored = _of_state(services, person, state, cookie_state)
    verifier = stored.value.verifier or ""
    # Used up before the code is: of two who come back with the same state, one gets past this line.
    used = stored.value.model_copy(update={"state_digest": None, "verifier": None})
    try:
        stored = services.drafts.replace(used, stored.etag)
    except Conflict as conflict:
        raise Refused from conflict
    if error is not None or not code:
        draft = used.model_copy(update={"problems": (problem_of(error),)})
    else:
        draft = signed_in(services, used, code, verifier, due=used.created_at + _GONE_AFTER)
    try:
        return services.drafts.replace(draft, stored.etag).value
    except Conflict as conflict:
        # Another sign-in of the same draft has begun meanwhile, and counts; or the draft was given up.
        let_go(services, used.saved_as, used.secret_name)
        raise Refused from conflict


def get(services: Services, person: Person, draft_id: str) -> Draft:
    """A draft of this person.

    Raises:
        DraftGone: there is none, it is somebody else's, or an hour is over.
    """
    return _own(services, person, draft_id).value


def add_export_user(services: Services, person: Person, draft_id: str) -> Draft:
    """Make the person the export user, who answers for what the connection sends. Raises as `get`."""
    stored = _own(services, person, draft_id)
    update = {"export_user": person.name, "export_user_id": person.id}
    return services.drafts.replace(stored.value.model_copy(update=update), stored.etag).value


# --- The end ----------------------------------------------------------------------------------------------------------


def missing(draft: Draft) -> tuple[str, ...]:
    """What Save still waits for: `display_name`, `consent`, `sign_in`, `export_user`."""
    # Who has agreed to an older text for a connection need not do so again only because somebody signs in to it.
    consented = draft.consented_version == CONSENT_VERSION or (draft.connection_id and draft.consented_version)
    there = {
        "display_name": bool(draft.display_name),
        "consent": bool(consented),
        "sign_in": draft.signed_in,
        "export_user": draft.export_user is not None,
    }
    return tuple(code for code, is_there in there.items() if not is_there)


def save(
    services: Services, person: Person, draft_id: str, *, display_name: str, sharing: Sharing, consent: bool
) -> Connection:
    """Make the connection of a draft, or give its connection the new sign-in; the draft is gone then.

    Cut short at any point it can be done again, and ends the same: a new connection has its draft's id, and any names
    the draft's secret once it is saved.

    Raises:
        DraftGone: as `get`.
        NotFound: the connection to be signed in to was removed meanwhile.
        Incomplete: something is missing. What was entered is kept.
        AccountChanged: the connection has another account by now than the person was shown; the draft says so from
            then on, and can be saved.
        Conflict: it is another account, and a run is under way.
        Unavailable: Key Vault does not answer.
        KeyVaultRefused: the app may not read secrets.
    """
    with for_a_person():
        draft = _own(services, person, draft_id).value
        connection = saving.saved_already(services, draft)
        if connection is None:
            draft = _being_saved(services, person, draft_id, display_name, sharing, consent)
            if draft.connection_id is None:
                connection = saving.add(services, person, draft)
            else:
                connection = _signed_in_again(services, person, draft, draft.connection_id)
    services.loose_secrets.strike_off(draft.secret_name)
    services.drafts.remove(draft_id)
    return connection


def abandon(services: Services, person: Person, draft_id: str) -> bool:
    """Give a draft up: nothing is left of it. Raises as `get`.

    One that is being saved at this moment may become a connection all the same.

    Returns:
        Whether nothing is left at once; False when the sweep deletes its tokens, within two hours of its beginning.
    """
    while True:
        stored = _own(services, person, draft_id)
        with contextlib.suppress(Conflict):  # It is being saved, or somebody has come back to it: look again.
            services.drafts.remove(draft_id, stored.etag)
            break
    draft = stored.value
    if draft.being_saved:
        return False
    left = [one for one in (*draft.earlier_secrets, draft.secret_name) if not let_go(services, draft.saved_as, one)]
    return not left


def remove_abandoned(services: Services) -> int:
    """Give up all drafts older than an hour; how many there were. And finish what requests have left for later.

    That is: secrets to be deleted, entries that did not reach the audit log, exports of a connection that is gone.
    Each has its turn, secrets first. Raises what a storage raises that is away, after that.
    """
    try:
        each(
            (delete_loose_secrets, changes.tell_untold, detach_lost),
            lambda tidy: tidy(services),
            lambda tidy: tidy.__name__,
        )
    finally:
        old = [one for one in services.drafts.all() if services.now() - one.value.created_at >= _GONE_AFTER]
        for stored in old:
            services.drafts.remove(stored.value.id)
    return len(old)


# --- Inside -----------------------------------------------------------------------------------------------------------


def _entered(draft: Draft, display_name: str, sharing: Sharing, consent: bool) -> Draft:
    try:
        name = valid_name(display_name)
    except Invalid:
        name = ""
    # Consent to a connection that exists is not taken back by a box that was not ticked again.
    kept = draft.consented_version if draft.connection_id else None
    return draft.model_copy(
        update={
            "display_name": name,
            "sharing": sharing,
            "consented_version": CONSENT_VERSION if consent and not kept else kept,
        }
    )


def _with_sign_in(services: Services, draft: Draft) -> tuple[Draft, SignInStart]:
    """The draft with a sign-in on its way, and none that went before."""
    # What is being saved may be the connection's by now.
    before = (draft.secret_name,) if draft.secret_name and not draft.being_saved else ()
    state, verifier = f"{draft.id}.{secrets.token_urlsafe(32)}", secrets.token_urlsafe(64)
    update = {
        "state_digest": _digest(state),
        "verifier": verifier,
        "secret_name": saving.secret_of_a_sign_in(draft.saved_as),
        "earlier_secrets": (*draft.earlier_secrets, *before),
        "being_saved": False,
        "account": None,
        "account_id_before": None,
        "signed_in_at": None,
        "problems": (),
    }
    start = SignInStart(draft.id, services.sign_in.address(state, verifier), state)
    return draft.model_copy(update=update), start


def _being_saved(
    services: Services, person: Person, draft_id: str, display_name: str, sharing: Sharing, consent: bool
) -> Draft:
    """The draft with what was entered, complete; it says that it is being saved, so that nobody deletes its tokens."""
    while True:
        stored = _own(services, person, draft_id)
        draft = _entered(stored.value, display_name, sharing, consent)
        lacking = missing(draft)
        if not lacking and not saving.has_tokens(services, draft):
            draft, lacking = draft.model_copy(update={"problems": ("tokens_gone",)}), ("sign_in",)
        draft = draft.model_copy(update={"being_saved": not lacking})
        try:
            services.drafts.replace(draft, stored.etag)
        except Conflict:
            continue  # Saved twice at once, or changed in another window: look again.
        if lacking:
            raise Incomplete(lacking)
        return draft


def _signed_in_again(services: Services, person: Person, draft: Draft, connection_id: str) -> Connection:
    """The connection with the new sign-in. Of an account that came meanwhile the draft warns, and it is not saved."""
    try:
        return saving.sign_in_again(services, person, draft, connection_id)
    except AccountChanged as changed:
        stored = _own(services, person, draft.id)
        before = {"account_id_before": changed.account.id if changed.account else None}
        services.drafts.replace(stored.value.model_copy(update=before), stored.etag)
        raise


def _of_state(services: Services, person: Person, state: str, cookie_state: str) -> Stored[Draft]:
    """The draft that waits for exactly this state, from this person in this browser; else Refused."""
    try:
        stored = _own(services, person, state.partition(".")[0])
    except DraftGone as error:
        raise Refused from error
    expected = stored.value.state_digest or ""
    if not hmac.compare_digest(_digest(state), expected) or not hmac.compare_digest(_digest(cookie_state), expected):
        raise Refused
    return stored


def _own(services: Services, person: Person, draft_id: str) -> Stored[Draft]:
    stored = services.drafts.stored(draft_id)
    if stored.value.owner_id != person.id or services.now() - stored.value.created_at > _LIFE:
        raise DraftGone(draft_id)
    return stored


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
